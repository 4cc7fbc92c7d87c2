#include "service/sensor/health_report.h"

#include "core/event/event.h"
#include "service/sensor/plain_text.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <optional>
#include <set>

namespace beacon {

namespace {

using K = QLatin1StringView;

std::optional<HealthStatus> statusFrom(const QString& name)
{
    for (const HealthStatus each :
        {HealthStatus::Ok, HealthStatus::Pending, HealthStatus::Warning, HealthStatus::Error}) {
        const auto known = statusName(each);
        if (name == K{known.data(), static_cast<qsizetype>(known.size())})
            return each;
    }
    return std::nullopt;
}

/// nullopt: it is no reason.
std::optional<HealthReason> reasonFrom(const QJsonObject& object, WallTime now)
{
    const QString code = oneLine(object.value(K{"code"}).toString(), HealthReport::kMaxCode);
    const QString text = oneLine(object.value(K{"text"}).toString(), HealthReport::kMaxText);
    const int severity = object.value(K{"severity"}).toInt();
    const double since = object.value(K{"since"}).toDouble(-1);
    if (code.isEmpty() || text.isEmpty() || severity < 1 || severity > 5)
        return std::nullopt;
    HealthReason reason;
    reason.code = code.toStdString();
    reason.text = text.toStdString();
    reason.status = severity >= 4 ? HealthStatus::Error : severity >= 2 ? HealthStatus::Warning : HealthStatus::Pending;
    reason.since = since >= 0 && since <= toUnixSeconds(now) ? fromUnixSeconds(since) : now;
    return reason;
}

} // namespace

void sortReasons(std::vector<HealthReason>& reasons)
{
    std::stable_sort(reasons.begin(), reasons.end(), [](const HealthReason& a, const HealthReason& b) {
        return a.status != b.status ? a.status > b.status : a.since < b.since;
    });
}

std::variant<HealthReport, QString> healthReportFrom(const QJsonValue& said, WallTime now)
{
    if (!said.isObject())
        return QStringLiteral("it is no JSON object");
    const QJsonObject object = said.toObject();
    if (const auto size = QJsonDocument{object}.toJson(QJsonDocument::Compact).size(); size > HealthReport::kMaxBytes)
        return QStringLiteral("it is %1 bytes long, and may have %2").arg(size).arg(HealthReport::kMaxBytes);
    const auto status = statusFrom(object.value(K{"status"}).toString());
    if (!status)
        return QStringLiteral("its status is none of OK, PENDING, WARNING and ERROR");
    const QJsonValue list = object.value(K{"reasons"}), facts = object.value(K{"facts"});
    if (!list.isUndefined() && !list.isArray())
        return QStringLiteral("its reasons are no list");
    if (!facts.isUndefined() && !facts.isObject())
        return QStringLiteral("its facts are no JSON object");

    HealthReport report;
    report.facts = facts.toObject();
    std::vector<HealthReason>& reasons = report.snapshot.reasons;
    const QJsonArray array = list.toArray();
    for (qsizetype i = 0; i < array.size(); ++i) {
        auto reason = reasonFrom(array.at(i).toObject(), now);
        if (!reason)
            return QStringLiteral("its reason %1 lacks a code, a text or a severity from 1 to 5").arg(i + 1);
        reasons.push_back(*std::move(reason));
    }
    report.snapshot.status = *status;
    if (reasons.empty() && *status >= HealthStatus::Warning)
        reasons.push_back({"unexplained", *status, "It gives no reason for its health; its log may.", now});
    sortReasons(reasons);
    std::set<std::string> seen;
    std::erase_if(reasons, [&](const HealthReason& reason) { return !seen.insert(reason.code).second; });
    if (reasons.size() > HealthReport::kMaxReasons)
        reasons.resize(HealthReport::kMaxReasons);
    return report;
}

} // namespace beacon
