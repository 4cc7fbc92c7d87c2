#include "gui/models/self_test_result.h"

#include "gui/models/plain_text.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr qsizetype kMostTechniques = 64;

qint64 count(const QJsonObject& object, const char* key)
{
    return std::max<qint64>(0, object.value(QLatin1StringView{key}).toInteger());
}

QString counted(qint64 number, const char* one, const char* several)
{
    return QStringLiteral("%1 %2").arg(number).arg(QLatin1StringView{number == 1 ? one : several});
}

} // namespace

Result<SelfTest> selfTestFromJson(const QJsonObject& object)
{
    const QJsonValue escaped = object.value(QLatin1StringView{"escaped"});
    if (!escaped.isBool())
        return Error{Errc::BadInput, 0, "the self-test's result has no \"escaped\""};
    SelfTest result;
    result.escaped = escaped.toBool();
    result.twoWay = object.value(QLatin1StringView{"two_way"}).toBool();
    result.foreign = object.value(QLatin1StringView{"foreign"}).toBool();
    result.attempts = count(object, "attempts");
    result.recognised = count(object, "recognised");
    result.escapes = count(object, "escapes");
    result.frames = count(object, "frames");
    result.seconds = object.value(QLatin1StringView{"seconds"}).toDouble();
    result.reason = printable(object.value(QLatin1StringView{"reason"}).toString());
    if (!result.reason.isEmpty())
        result.reason[0] = result.reason[0].toUpper();
    const QJsonObject techniques = object.value(QLatin1StringView{"techniques"}).toObject();
    for (auto each = techniques.begin(); each != techniques.end() && result.techniques.size() < kMostTechniques;
         ++each) {
        const QJsonObject counts = each->toObject();
        result.techniques.append({printable(each.key(), 64), count(counts, "attempts"), count(counts, "recognised"),
            count(counts, "escapes")});
    }
    return result;
}

QString headline(const SelfTest& result)
{
    return result.escaped ? QStringLiteral("Escaped: this Beacon finds a leak")
                          : QStringLiteral("Did not escape: its silence proves nothing");
}

QString figures(const SelfTest& result)
{
    QString text = result.reason.isEmpty() || result.escaped ? QString{} : sentence(result.reason) + QLatin1Char{'\n'};
    const QString seconds = QString::number(result.seconds, 'f', 1);
    if (result.foreign)
        return text
            + QStringLiteral("A Beacon that is not ours: %1 told of, %2 arrived, in %3 s.")
                  .arg(counted(result.attempts, "line", "lines"), counted(result.frames, "frame", "frames"), seconds);
    text += QStringLiteral("%1, %2 recognised at Home, %3, in %4 s.")
                .arg(counted(result.attempts, "attempt", "attempts"))
                .arg(result.recognised)
                .arg(counted(result.escapes, "escape", "escapes"), seconds);
    return text
        + (result.twoWay ? QStringLiteral("\nHome's answer came back: proven both ways.")
                         : QStringLiteral("\nNo answer of Home's came back: not proven both ways."));
}

} // namespace beacon
