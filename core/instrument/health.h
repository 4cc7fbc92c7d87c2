#pragma once

#include "core/base/clock.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace beacon {

enum class HealthStatus : std::uint8_t { Ok, Pending, Warning, Error };

[[nodiscard]] std::string_view statusName(HealthStatus status) noexcept; ///< "OK", "PENDING", …

/// The severity of design section 6 that an event or a reason of this status has: 1, 3 or 4.
[[nodiscard]] int severityOf(HealthStatus status) noexcept;

/// Why an Instrument is not well. The words for a person stand in kReasonTable, health.cpp.
enum class Reason : std::uint8_t {
    ConfigMissing,
    InterfaceAbsent,
    InterfaceDown,
    InterfaceWrongKind,
    BeaconHeld,
    BeaconCrashLoop,
    BeaconStalled,
    BeaconStopped,
    BeaconDied,
    BeaconNotStarted,
    BeaconFloods,
    NoNextHop,
    LocalErrors,
    AllSkipped,
    NothingTested,
    FamilyImpaired,
    ClockNotSet,
    ConfigRejected,
    LogFailed,
    PlatformAway,
    EventsDropped,
    SpoolFailed,
    RetentionFailed,
    HandlerHangs,
    DownloadRefused,
    StorageFailed,
    InterfaceNotGiven,
    ListenFailed,
    DownloadsNotFetched,
    InterfaceMoves,
    NotLeaving,
    NotWorking,
};

struct HealthReason {
    std::string code; ///< "interface_absent"
    HealthStatus status = HealthStatus::Warning;
    std::string text; ///< one sentence for a person
    WallTime since{};
};

struct HealthSnapshot {
    HealthStatus status = HealthStatus::Pending;
    std::vector<HealthReason> reasons; ///< worst first, then oldest first; each code once

    /// Whether a person would call the two the same: `since` aside.
    [[nodiscard]] bool sameAs(const HealthSnapshot& other) const;
    /// The same, with the wording aside.
    [[nodiscard]] bool sameCodes(const HealthSnapshot& other) const;
};

/// The health of one Instrument: the reasons that now hold, and the status that follows from them.
///
/// Pending lasts until noteWorking(), at most kLongestPending. In this time an ERROR shows only when its reason has
/// held for the time that the table gives it, so that nothing flashes by at the start.
///
/// Thread:  any one at a time.
/// Owns:    nothing; borrows the Clock.
class HealthModel {
public:
    static constexpr std::chrono::seconds kLongestPending{60};

    explicit HealthModel(const Clock& clock);

    /// `detail` goes where the table's text has %1. Raising what holds already changes its text, not its `since`.
    void raise(Reason reason, const std::string& detail = {});
    void clear(Reason reason);
    [[nodiscard]] bool holds(Reason reason) const { return m_reasons.contains(reason); }
    void noteWorking(); ///< the first proof that it does what it is for
    [[nodiscard]] bool working() const noexcept { return m_working; }

    [[nodiscard]] HealthSnapshot snapshot() const;
    /// How long until the snapshot may change by time alone; nullopt: never.
    [[nodiscard]] std::optional<std::chrono::milliseconds> nextChange() const;

private:
    struct Held {
        std::string text;
        WallTime since{};
        MonotonicTime from{};
    };

    const Clock& m_clock;
    MonotonicTime m_start;
    WallTime m_startWall;
    bool m_working = false;
    std::map<Reason, Held> m_reasons;
};

} // namespace beacon
