#include "service/sensorctl/run.h"

#include "core/platform/control.h"
#include "service/sensorctl/table.h"

#include <QJsonArray>
#include <QRegularExpression>
#include <QSet>

#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

namespace method = control::method;

constexpr std::chrono::milliseconds kWithin{300};
constexpr qsizetype kMostNames = 1'000;

/// What a shell may be given: nothing in it has a meaning there.
bool isPlain(const QString& name)
{
    static const QRegularExpression kPlain{QStringLiteral("\\A[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}\\z")};
    return kPlain.match(name).hasMatch();
}

void addNames(QStringList& names, const QJsonObject& answer, const char* list, const char* key = "name")
{
    const QJsonArray all = answer.value(QLatin1StringView(list)).toArray();
    for (const auto& one : all)
        names << one.toObject().value(QLatin1StringView(key)).toString();
}

QStringList namesFrom(const QJsonObject& answer, const std::string& kind)
{
    QStringList names;
    if (kind == kInterfaces) {
        addNames(names, answer, "interfaces");
    } else if (kind == kDevices) {
        const QJsonArray devices = answer.value(QLatin1StringView("devices")).toArray();
        for (const auto& device : devices)
            if (device.toObject().value(QLatin1StringView("free")).toBool())
                names << device.toObject().value(QLatin1StringView("name")).toString();
    } else if (kind == kInside) {
        const QJsonArray instruments = answer.value(QLatin1StringView("instruments")).toArray();
        for (const auto& instrument : instruments)
            addNames(names, instrument.toObject(), "interfaces");
    } else if (kind == kTypes) {
        names << QStringLiteral("beacon") << QStringLiteral("listener") << QStringLiteral("downloader");
        addNames(names, answer, "instruments", "type");
    } else {
        addNames(names, answer, "instruments");
        if (kind == kTargets)
            names << QString{control::kSensorTarget};
    }
    return names;
}

} // namespace

int listNames(const Values& values)
{
    const Deadline deadline = std::chrono::steady_clock::now() + kWithin;
    const std::string kind = values.text("complete");
    const QLatin1StringView wanted = kind == kInterfaces || kind == kDevices ? method::kInterfaces : method::kStatus;
    QJsonObject known; // stays empty where nobody answers: some names are always there
    auto opened = Connection::open(socketPath(values), deadline);
    if (auto* connection = std::get_if<Connection>(&opened)) {
        const auto ticket = connection->ask(wanted, {}, deadline);
        if (failureOf(ticket) == nullptr) {
            const auto answer = connection->answerTo(std::get<qint64>(ticket), deadline);
            if (failureOf(answer) == nullptr)
                known = std::get<QJsonValue>(answer).toObject();
        }
    }
    Output output{false};
    QSet<QString> seen;
    const QStringList names = namesFrom(known, kind);
    for (const QString& name : names) {
        if (seen.size() == kMostNames || !isPlain(name) || seen.contains(name))
            continue;
        seen.insert(name);
        output.text(name + QLatin1Char('\n'));
    }
    return EX_OK;
}

} // namespace beacon::sensorctl
