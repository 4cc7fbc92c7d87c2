#pragma once

#include "core/event/severity.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace beacon {

/// Every event that this project publishes. The order is that of kEventTypes.
enum class EventId : std::uint8_t {
    BeaconOutput,
    EscapeAttempts,
    EscapeSucceeded,
    FindingNew,
    FindingOngoing,
    FindingResolved,
    FindingReturned,
    HomeNoise,
    Health,
    ConfigApplied,
    ConfigRejected,
    UpdateApplied,
    UpdateRejected,
    UpdateRolledBack,
    InterfaceUp,
    InterfaceDown,
    ProcessStarted,
    ProcessExited,
    Audit,
    DownloadComplete,
    InstrumentStarted,
    InstrumentStopped,
    HostsActive,
};

/// One row of design section 6. The words of its `data` are in resources/schema/event_data.json.
struct EventType {
    EventId id;
    std::string_view name; ///< `*` stands for the Instrument's own type
    Severity least, most; ///< the same, except where it depends on what happened
    bool bulk = false; ///< may be dropped before anything else is; never delays the rest
};

inline constexpr auto kEventTypes = std::to_array<EventType>({
    {EventId::BeaconOutput, "instruments.beacon.output", Severity::Informational, Severity::Informational, true},
    {EventId::EscapeAttempts, "instruments.beacon.escape.attempts", Severity::Informational, Severity::Informational,
        true},
    {EventId::EscapeSucceeded, "instruments.beacon.escape.succeeded", Severity::Critical, Severity::Critical},
    {EventId::FindingNew, "instruments.home.finding.new", Severity::Critical, Severity::Critical},
    {EventId::FindingOngoing, "instruments.home.finding.ongoing", Severity::Medium, Severity::Medium},
    {EventId::FindingResolved, "instruments.home.finding.resolved", Severity::Low, Severity::Low},
    {EventId::FindingReturned, "instruments.home.finding.returned", Severity::Critical, Severity::Critical},
    {EventId::HomeNoise, "instruments.home.noise", Severity::Informational, Severity::Informational},
    {EventId::Health, "instruments.*.health", Severity::Informational, Severity::High},
    {EventId::ConfigApplied, "instruments.*.config.applied", Severity::Informational, Severity::Informational},
    {EventId::ConfigRejected, "instruments.*.config.rejected", Severity::Medium, Severity::Medium},
    {EventId::UpdateApplied, "instruments.beacon.update.applied", Severity::Informational, Severity::Informational},
    {EventId::UpdateRejected, "instruments.beacon.update.rejected", Severity::Medium, Severity::Medium},
    {EventId::UpdateRolledBack, "instruments.beacon.update.rolled_back", Severity::Medium, Severity::Medium},
    {EventId::InterfaceUp, "instruments.beacon.interface.up", Severity::Informational, Severity::Informational},
    {EventId::InterfaceDown, "instruments.beacon.interface.down", Severity::Medium, Severity::Medium},
    {EventId::ProcessStarted, "instruments.beacon.process.started", Severity::Informational, Severity::Informational},
    {EventId::ProcessExited, "instruments.beacon.process.exited", Severity::Medium, Severity::Medium},
    {EventId::Audit, "instruments.beacon.audit", Severity::Informational, Severity::Informational},
    {EventId::DownloadComplete, "instruments.downloader.download_complete", Severity::Informational,
        Severity::Informational},
    {EventId::InstrumentStarted, "instruments.sensor.instrument.started", Severity::Informational,
        Severity::Informational},
    {EventId::InstrumentStopped, "instruments.sensor.instrument.stopped", Severity::Medium, Severity::Medium},
    {EventId::HostsActive, "instruments.listener.hosts.active", Severity::Medium, Severity::Medium},
});

static_assert(
    [] {
        for (std::size_t i = 0; i < kEventTypes.size(); ++i)
            if (static_cast<std::size_t>(kEventTypes[i].id) != i)
                return false;
        return true;
    }(),
    "kEventTypes stands in the order of EventId");

[[nodiscard]] constexpr const EventType& eventType(EventId id) noexcept
{
    return kEventTypes[static_cast<std::size_t>(id)];
}

/// The row whose name is `name`, where `*` matches one word. nullptr: not one of ours.
[[nodiscard]] const EventType* findEventType(std::string_view name) noexcept;

} // namespace beacon
