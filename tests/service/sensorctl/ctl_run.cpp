#include "tests/service/sensorctl/ctl_run.h"

#include "tests/support/running_program.h"

#include <QFile>
#include <QJsonDocument>

namespace beacon::test {

std::optional<QJsonValue> Ran::document() const
{
    const QJsonDocument whole = QJsonDocument::fromJson(output);
    if (whole.isObject())
        return whole.object();
    return whole.isArray() ? std::optional<QJsonValue>{whole.array()} : std::nullopt;
}

Ran runSensorctl(const QString& socket, const QStringList& arguments, const Surroundings& surroundings)
{
    RunningProgram program{QStringLiteral(BEACON_BIN_DIR "/sensorctl"), arguments};
    program.setEnvironment(QStringLiteral("SENSOR_CONTROL"), socket);
    program.setEnvironment(QStringLiteral("TZ"), QStringLiteral("UTC-2"));
    for (auto one = surroundings.environment.begin(); one != surroundings.environment.end(); ++one)
        program.setEnvironment(one.key(), one.value());
    if (!surroundings.input.isEmpty()) {
        QFile input{program.file(QStringLiteral("input"))};
        if (!input.open(QIODevice::WriteOnly) || input.write(surroundings.input) != surroundings.input.size())
            return {};
        input.close();
        program.setInputFile(input.fileName());
    }
    if (!program.start() || !program.waitForEnd(20'000) || program.crashed())
        return {-1, program.output(), program.log()};
    return {program.exitCode(), program.output(), program.log()};
}

bool hasControls(const QByteArray& text)
{
    const QString decoded = QString::fromUtf8(text);
    for (const QChar c : decoded)
        if (c != QLatin1Char('\n') && (c.category() == QChar::Other_Control || c.category() == QChar::Other_Format))
            return true;
    return false;
}

} // namespace beacon::test
