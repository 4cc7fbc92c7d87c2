#include "gui/support_file.h"

#include <QJsonDocument>
#include <QSaveFile>

namespace beacon {

QString supportFileName(const QString& instrument, const QDateTime& at)
{
    constexpr qsizetype kMostCharacters = 64;
    QString name = instrument.left(kMostCharacters);
    for (QChar& each : name) {
        const bool isSafe =
            (each.unicode() < 128 && each.isLetterOrNumber()) || QLatin1StringView{"._@-"}.contains(each);
        if (!isSafe)
            each = QLatin1Char{'_'};
    }
    return QStringLiteral("beacon-support-%1-%2.json")
        .arg(name, at.toUTC().toString(QStringLiteral("yyyyMMdd'T'HHmmss'Z'")));
}

Result<> saveSupportFile(const QString& path, const QJsonObject& bundle)
{
    QSaveFile file{path};
    const auto failed = [&](const char* what) {
        return Error{Errc::System, 0, what + (' ' + path.toStdString() + ": " + file.errorString().toStdString())};
    };
    if (!file.open(QIODevice::WriteOnly))
        return failed("open");
    if (!file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner)) // also where one stood there before
        return failed("set the mode of");
    file.write(QJsonDocument{bundle}.toJson(QJsonDocument::Indented));
    if (!file.commit())
        return failed("write");
    return {};
}

} // namespace beacon
