#include "core/instrument/health_message.h"

#include "core/event/event.h"

#include <QJsonArray>

namespace beacon {

namespace {

QString text(std::string_view words)
{
    return QString::fromUtf8(words.data(), static_cast<qsizetype>(words.size()));
}

QJsonArray reasonsOf(const HealthSnapshot& snapshot)
{
    QJsonArray reasons;
    for (const HealthReason& reason : snapshot.reasons)
        reasons.append(QJsonObject{{QStringLiteral("code"), text(reason.code)},
            {QStringLiteral("severity"), severityOf(reason.status)}, {QStringLiteral("text"), text(reason.text)},
            {QStringLiteral("since"), toUnixSeconds(reason.since)}});
    return reasons;
}

} // namespace

QJsonObject healthMessage(const HealthSnapshot& snapshot)
{
    return {{QStringLiteral("status"), text(statusName(snapshot.status))},
        {QStringLiteral("reasons"), reasonsOf(snapshot)}};
}

QJsonObject healthEventData(HealthStatus from, const HealthSnapshot& to)
{
    return {{QStringLiteral("from"), text(statusName(from))}, {QStringLiteral("to"), text(statusName(to.status))},
        {QStringLiteral("reasons"), reasonsOf(to)}};
}

QString healthSentence(const HealthSnapshot& snapshot)
{
    const QString status = QStringLiteral("Health is ") + text(statusName(snapshot.status));
    return snapshot.reasons.empty() ? status : status + QStringLiteral(": ") + text(snapshot.reasons.front().text);
}

} // namespace beacon
