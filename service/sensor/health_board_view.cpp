// What the HealthBoard shows and tells: a part of health_board.h.

#include "core/instrument/health_message.h"
#include "core/platform/control.h"
#include "service/sensor/health_board_entry.h"
#include "service/sensor/plain_text.h"

#include <QJsonArray>

#include <algorithm>
#include <utility>

namespace beacon {

namespace {

constexpr std::chrono::milliseconds kBetween{50}; ///< two signals of one Instrument

QJsonObject withSource(const QString& source, QJsonObject reason)
{
    reason.insert(QStringLiteral("source"), source);
    return reason;
}

} // namespace

HealthSnapshot HealthBoard::snapshotOf(const QString& address, const Entry& entry)
{
    HealthSnapshot snapshot;
    snapshot.status = HealthStatus::Ok;
    const auto add = [&snapshot](const HealthReason& reason) {
        snapshot.reasons.push_back(reason);
        snapshot.status = std::max(snapshot.status, reason.status);
    };
    for (const auto& [code, reason] : entry.raised)
        add(reason);
    if (entry.silence)
        add(*entry.silence);
    if (!entry.connected) {
        add({"not_connected", entry.overdue ? HealthStatus::Error : HealthStatus::Pending,
            QStringLiteral(
                "It is to run, but has not been connected to the Sensor since %1; 'sensorctl logs %2' may say why.")
                .arg(shortTime(entry.sinceWall), nameOf(address))
                .toStdString(),
            entry.sinceWall});
    } else if (!entry.silence) {
        if (entry.unreadable)
            add(*entry.unreadable);
        else if (!entry.report)
            add({"first_answer", HealthStatus::Pending, "It is connected and has not said yet how it is.",
                entry.sinceWall});
        else {
            const HealthSnapshot& said = entry.report->snapshot;
            snapshot.reasons.insert(snapshot.reasons.end(), said.reasons.begin(), said.reasons.end());
            snapshot.status = std::max(snapshot.status, said.status);
        }
    }
    sortReasons(snapshot.reasons);
    return snapshot;
}

void HealthBoard::look(const QString& address)
{
    Entry* const found = find(address);
    if (found == nullptr)
        return; // a slot has forgotten it
    Entry& entry = *found;
    std::optional<HealthSnapshot> now;
    if (entry.running)
        now = snapshotOf(address, entry);
    const bool known = entry.told || entry.toldStopped;
    const bool same = known && now.has_value() == entry.told.has_value() && (!now || now->sameAs(*entry.told));
    const MonotonicTime time = m_clock.now();
    entry.tellAt.reset();
    if (!same && known && time < entry.lastTold + kBetween) {
        entry.tellAt = entry.lastTold + kBetween;
    } else if (!same) {
        entry.told = now;
        entry.toldStopped = !now;
        entry.lastTold = time;
    }
    const bool tell = !same && !entry.tellAt;
    arm();
    if (!tell)
        return;
    Q_EMIT changed(address);
    lookAtWhole();
}

void HealthBoard::lookAtOwn()
{
    Q_EMIT changed(control::kSensorTarget);
    lookAtWhole();
}

void HealthBoard::lookAtWhole()
{
    HealthSnapshot codes;
    codes.status = wholeStatus();
    for (const auto& [source, reason] : allReasons())
        codes.reasons.push_back(
            {(source + QLatin1Char(' ')).toStdString() + reason.code, reason.status, {}, reason.since});
    const bool pushed = m_push.offer(codes).has_value();
    arm();
    if (!pushed)
        return;
    const HealthStatus from = std::exchange(m_told, codes.status);
    Q_EMIT wholeChanged(codes.status, eventData(from));
}

std::vector<HealthBoard::Sourced> HealthBoard::allReasons() const
{
    std::vector<Sourced> all;
    for (const auto& [code, reason] : m_own)
        all.emplace_back(control::kSensorTarget, reason);
    for (const auto& [address, entry] : m_entries)
        if (entry->running)
            for (const HealthReason& reason : snapshotOf(address, *entry).reasons)
                all.emplace_back(address, reason);
    std::stable_sort(all.begin(), all.end(), [](const Sourced& a, const Sourced& b) {
        return a.second.status != b.second.status ? a.second.status > b.second.status : a.second.since < b.second.since;
    });
    return all;
}

HealthStatus HealthBoard::wholeStatus() const
{
    HealthStatus worst = HealthStatus::Ok;
    for (const auto& [code, reason] : m_own)
        worst = std::max(worst, reason.status);
    for (const auto& [address, entry] : m_entries)
        if (entry->running)
            worst = std::max(worst, snapshotOf(address, *entry).status);
    return worst;
}

QJsonObject HealthBoard::healthOf(const QString& address) const
{
    const Entry* entry = find(address);
    if (entry == nullptr)
        return {};
    QJsonObject health = entry->running
        ? healthMessage(snapshotOf(address, *entry))
        : QJsonObject{{QStringLiteral("status"), QStringLiteral("STOPPED")}, {QStringLiteral("reasons"), QJsonArray{}}};
    health.insert(QStringLiteral("facts"), entry->running && entry->report ? entry->report->facts : QJsonObject{});
    return health;
}

QJsonObject HealthBoard::whole() const
{
    const std::vector<Sourced> all = allReasons();
    HealthSnapshot snapshot;
    snapshot.status = wholeStatus();
    for (std::size_t i = 0; i < std::min(all.size(), kMaxWhole); ++i)
        snapshot.reasons.push_back(all[i].second);
    QJsonObject health = healthMessage(snapshot);
    QJsonArray reasons;
    for (qsizetype i = 0; const auto& reason : health.value(QStringLiteral("reasons")).toArray())
        reasons.append(withSource(all[static_cast<std::size_t>(i++)].first, reason.toObject()));
    health.insert(QStringLiteral("reasons"), reasons);
    if (all.size() > kMaxWhole)
        health.insert(QStringLiteral("left_out"), static_cast<qint64>(all.size() - kMaxWhole));
    return health;
}

QJsonObject HealthBoard::eventData(HealthStatus from) const
{
    const QJsonObject now = whole();
    const auto name = statusName(from);
    return {{QStringLiteral("from"), QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()))},
        {QStringLiteral("to"), now.value(QStringLiteral("status"))},
        {QStringLiteral("reasons"), now.value(QStringLiteral("reasons"))}};
}

} // namespace beacon
