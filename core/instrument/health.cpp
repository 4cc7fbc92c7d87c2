#include "core/instrument/health.h"

#include <algorithm>
#include <array>

namespace beacon {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ReasonRow {
    Reason reason;
    std::string_view code;
    HealthStatus status;
    seconds settle; ///< how long it must hold before it ends PENDING
    std::string_view text;
};

constexpr seconds kAtOnce{0};
constexpr seconds kMayPass{10};

/// Every reason, with the words for a person.
constexpr auto kReasonTable = std::to_array<ReasonRow>({
    {Reason::ConfigMissing, "config_missing", HealthStatus::Error, kAtOnce, "There is no usable configuration: %1."},
    {Reason::InterfaceAbsent, "interface_absent", HealthStatus::Error, kMayPass,
        "The network interface %1 is not there; testing starts when it appears."},
    {Reason::InterfaceDown, "interface_down", HealthStatus::Error, kMayPass,
        "The network interface %1; testing goes on when that changes."},
    {Reason::InterfaceWrongKind, "interface_wrong_kind", HealthStatus::Error, kAtOnce,
        "The network interface %1; name an Ethernet interface."},
    {Reason::BeaconHeld, "beacon_held", HealthStatus::Error, kAtOnce,
        "The Beacon %1; it is tried again when its file changes."},
    {Reason::BeaconCrashLoop, "beacon_crash_loop", HealthStatus::Error, kAtOnce,
        "The Beacon keeps dying (%1); it is started once a minute."},
    {Reason::BeaconStalled, "beacon_stalled", HealthStatus::Error, kAtOnce,
        "The Beacon said nothing %1 and is being replaced."},
    {Reason::BeaconStopped, "beacon_stopped", HealthStatus::Error, kAtOnce,
        "Nothing is tested: the Beacon was stopped by hand (%1); start it when the reason for that is gone."},
    {Reason::BeaconDied, "beacon_died", HealthStatus::Warning, kAtOnce, "The Beacon died (%1) and starts again soon."},
    {Reason::BeaconNotStarted, "beacon_not_started", HealthStatus::Warning, kAtOnce,
        "The Beacon %1; it is tried again soon."},
    {Reason::BeaconFloods, "beacon_floods", HealthStatus::Warning, kAtOnce,
        "The Beacon prints %1 lines a second, more than are shown; all are counted, and escapes are never left out."},
    {Reason::NoNextHop, "no_next_hop", HealthStatus::Error, kAtOnce,
        "Nothing leaves this host: no gateway answers on the segment (outcome no_next_hop%1)."},
    {Reason::LocalErrors, "local_errors", HealthStatus::Error, kAtOnce,
        "Nothing leaves this host: it refuses to send every attempt (outcome local_error%1)."},
    {Reason::AllSkipped, "all_skipped", HealthStatus::Error, kAtOnce,
        "Nothing leaves this host: the Beacon skips every attempt (outcome skipped%1)."},
    {Reason::NothingTested, "nothing_tested", HealthStatus::Error, kAtOnce,
        "The Beacon is alive but has made no attempt for %1."},
    {Reason::FamilyImpaired, "family_impaired", HealthStatus::Warning, kAtOnce,
        "Only part of the network is tested: no %1."},
    {Reason::ClockNotSet, "clock_not_set", HealthStatus::Warning, kMayPass,
        "The clock of this host is not set (it shows %1), so times of events are wrong; tests are not affected."},
    {Reason::ConfigRejected, "config_rejected", HealthStatus::Warning, kAtOnce,
        "The new configuration is not usable, the earlier one stays in force: %1."},
    {Reason::LogFailed, "log_failed", HealthStatus::Warning, kAtOnce,
        "Events cannot be written to disk and will be forgotten at a restart: %1."},
    {Reason::PlatformAway, "platform_away", HealthStatus::Warning, kAtOnce,
        "The platform does not answer (%1); the last configuration stays in force and events are kept."},
    {Reason::EventsDropped, "events_dropped", HealthStatus::Warning, kAtOnce,
        "Events were lost, because there was no room to keep them until the platform takes them (%1)."},
    {Reason::SpoolFailed, "spool_failed", HealthStatus::Warning, kAtOnce,
        "Events that the platform has not taken yet cannot be written to disk: %1."},
    {Reason::RetentionFailed, "retention_failed", HealthStatus::Warning, kAtOnce, "Old data could not be deleted: %1."},
    {Reason::HandlerHangs, "handler_hangs", HealthStatus::Warning, kAtOnce, "A task does not come to its end: %1."},
    {Reason::DownloadRefused, "download_refused", HealthStatus::Warning, kAtOnce,
        "A downloaded file was not taken over: %1."},
    {Reason::StorageFailed, "storage_failed", HealthStatus::Error, kMayPass, "The storage cannot be used: %1."},
    {Reason::InterfaceNotGiven, "interface_not_given", HealthStatus::Error, kMayPass,
        "There is no network interface to work on: %1."},
    {Reason::ListenFailed, "listen_failed", HealthStatus::Error, kAtOnce,
        "The network interface cannot be listened on: %1."},
    {Reason::DownloadsNotFetched, "downloads_not_fetched", HealthStatus::Warning, kAtOnce,
        "Downloads are not fetched yet by this version: requests are kept, and no file comes."},
    {Reason::InterfaceMoves, "interface_moves", HealthStatus::Warning, kAtOnce,
        "The platform gives another network interface: the Beacon %1."},
    {Reason::NotLeaving, "not_leaving", HealthStatus::Warning, kAtOnce,
        "Attempts are sent, but none has left the Sensor by its uplink since %1."},
    {Reason::NotWorking, "not_working", HealthStatus::Error, kAtOnce,
        "Nothing of what it is for has been done since the start."},
});

constexpr const ReasonRow& rowOf(Reason reason)
{
    return kReasonTable[static_cast<std::size_t>(reason)];
}

static_assert(
    [] {
        for (std::size_t i = 0; i < kReasonTable.size(); ++i)
            if (static_cast<std::size_t>(kReasonTable[i].reason) != i)
                return false;
        return kReasonTable.size() == static_cast<std::size_t>(Reason::NotWorking) + 1;
    }(),
    "kReasonTable has every Reason, in order");

std::string wordsOf(Reason reason, const std::string& detail)
{
    std::string text{rowOf(reason).text};
    if (const auto at = text.find("%1"); at != std::string::npos)
        text.replace(at, 2, detail);
    return text;
}

} // namespace

std::string_view statusName(HealthStatus status) noexcept
{
    switch (status) {
    case HealthStatus::Ok:
        return "OK";
    case HealthStatus::Pending:
        return "PENDING";
    case HealthStatus::Warning:
        return "WARNING";
    case HealthStatus::Error:
        return "ERROR";
    }
    return "ERROR";
}

int severityOf(HealthStatus status) noexcept
{
    return status == HealthStatus::Error ? 4 : status == HealthStatus::Warning ? 3 : 1;
}

bool HealthSnapshot::sameCodes(const HealthSnapshot& other) const
{
    return status == other.status
        && std::equal(reasons.begin(), reasons.end(), other.reasons.begin(), other.reasons.end(),
            [](const HealthReason& a, const HealthReason& b) { return a.code == b.code; });
}

bool HealthSnapshot::sameAs(const HealthSnapshot& other) const
{
    return sameCodes(other)
        && std::equal(reasons.begin(), reasons.end(), other.reasons.begin(), other.reasons.end(),
            [](const HealthReason& a, const HealthReason& b) { return a.text == b.text; });
}

HealthModel::HealthModel(const Clock& clock)
    : m_clock(clock)
    , m_start(clock.now())
    , m_startWall(clock.wall())
{
}

void HealthModel::raise(Reason reason, const std::string& detail)
{
    const auto [held, isNew] = m_reasons.try_emplace(reason);
    held->second.text = wordsOf(reason, detail);
    if (isNew) {
        held->second.since = m_clock.wall();
        held->second.from = m_clock.now();
    }
}

void HealthModel::clear(Reason reason)
{
    m_reasons.erase(reason);
}
void HealthModel::noteWorking()
{
    m_working = true;
}

HealthSnapshot HealthModel::snapshot() const
{
    const MonotonicTime now = m_clock.now();
    const bool pending = !m_working && now - m_start < kLongestPending;
    HealthSnapshot result;
    HealthStatus worst = HealthStatus::Ok;
    HealthStatus settled = HealthStatus::Ok;
    for (const auto& [reason, held] : m_reasons) {
        const ReasonRow& row = rowOf(reason);
        result.reasons.push_back({std::string{row.code}, row.status, held.text, held.since});
        worst = std::max(worst, row.status);
        if (now - held.from >= row.settle)
            settled = std::max(settled, row.status);
    }
    if (!m_working && !pending && worst != HealthStatus::Error) {
        const ReasonRow& row = rowOf(Reason::NotWorking);
        result.reasons.push_back({std::string{row.code}, row.status, std::string{row.text}, m_startWall});
        worst = HealthStatus::Error;
    }
    result.status = !pending ? worst : settled == HealthStatus::Error ? HealthStatus::Error : HealthStatus::Pending;
    std::stable_sort(result.reasons.begin(), result.reasons.end(), [](const HealthReason& a, const HealthReason& b) {
        return a.status != b.status ? a.status > b.status : a.since < b.since;
    });
    return result;
}

std::optional<milliseconds> HealthModel::nextChange() const
{
    if (m_working)
        return std::nullopt;
    const MonotonicTime now = m_clock.now();
    std::optional<milliseconds> next;
    const auto consider = [&](MonotonicTime at) {
        if (at > now && (!next || at - now < *next))
            next = std::chrono::ceil<milliseconds>(at - now);
    };
    consider(m_start + kLongestPending);
    for (const auto& [reason, held] : m_reasons)
        consider(held.from + rowOf(reason).settle);
    return next;
}

} // namespace beacon
