#include "gui/models/attempt.h"

#include <QDateTime>

namespace beacon::gui {

namespace {

constexpr qsizetype kMaxText = 128;

QDateTime local(double unixSeconds)
{
    return QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(unixSeconds * 1000));
}

} // namespace

QString clockText(double unixSeconds)
{
    return local(unixSeconds).toString(QStringLiteral("HH:mm:ss.zzz"));
}

QString momentText(double unixSeconds)
{
    const QDateTime moment = local(unixSeconds);
    return moment.date() == QDate::currentDate() ? moment.toString(QStringLiteral("HH:mm:ss"))
                                                 : moment.toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
}

QString familyText(const QString& family)
{
    return family == QLatin1StringView("ipv6") ? QStringLiteral("IPv6") : QStringLiteral("IPv4");
}

std::optional<Attempt> attemptFromJson(const QJsonObject& line)
{
    const QString type = line.value(QLatin1StringView("t")).toString();
    Attempt attempt;
    attempt.escape = type == QLatin1StringView("escape");
    if (!attempt.escape && type != QLatin1StringView("attempt"))
        return std::nullopt;
    const auto text = [&](QLatin1StringView key) { return line.value(key).toString().left(kMaxText); };
    attempt.at = line.value(QLatin1StringView("at")).toDouble();
    attempt.seq = static_cast<quint64>(line.value(QLatin1StringView("seq")).toInteger());
    attempt.technique = text(QLatin1StringView("technique"));
    attempt.family = text(QLatin1StringView("family"));
    attempt.target = text(QLatin1StringView("dst"));
    attempt.via = text(QLatin1StringView("via"));
    attempt.port = static_cast<quint16>(line.value(QLatin1StringView("port")).toInt());
    attempt.rttUs = static_cast<quint64>(line.value(QLatin1StringView("rtt_us")).toInteger());
    attempt.outcome = attempt.escape ? QStringLiteral("ESCAPED")
                                     : text(QLatin1StringView("outcome")).replace(QLatin1Char('_'), QLatin1Char(' '));
    const QString detail = text(QLatin1StringView("errno")) + text(QLatin1StringView("reason"));
    if (!attempt.escape && !detail.isEmpty())
        attempt.outcome += QStringLiteral(" (%1)").arg(detail);
    return attempt;
}

} // namespace beacon::gui
