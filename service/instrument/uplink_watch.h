#pragma once

#include "core/base/clock.h"
#include "core/lines/line.h"
#include "core/platform/messages.h"

#include <QJsonObject>

#include <chrono>
#include <cstdint>
#include <optional>

namespace beacon {

/// Holds what the Beacon says it sent against what the Sensor saw leaving by its uplink (uplink.counted). Where no
/// Sensor counts, nothing is claimed.
///
/// It judges when a count arrives, and by nothing else: a count that stays the same is the proof, silence is none.
/// Only attempts whose first frame carries the token are held against it: one over TCP sends it after the handshake,
/// which a closed gateway never lets happen.
///
/// Pure: time is an argument.
class UplinkWatch {
public:
    static constexpr std::uint64_t kAttempts = 30; ///< that must have been sent in vain
    static constexpr std::chrono::seconds kQuiet{60}; ///< for which none of them was seen

    void sent(const AttemptLine& line); ///< any attempt; only those that left this host count
    void counted(MonotonicTime now, const platform::UplinkCounted& count);
    void escaped() { m_sent = 0; } ///< a reply of Home came: it did leave, whatever the Sensor saw
    void forget(); ///< the platform is away, or the interface another one: what it counted is not known any more

    /// Since when attempts are sent and none leaves the Sensor; nothing: they leave, or it is not known.
    [[nodiscard]] const std::optional<WallTime>& notLeavingSince() const noexcept { return m_notLeavingSince; }
    /// "uplink_frames", "uplink_tokens", "uplink_since"; empty without a count.
    [[nodiscard]] QJsonObject facts() const;

private:
    void begin(MonotonicTime now, const platform::UplinkCounted& count);

    std::optional<platform::UplinkCounted> m_count;
    MonotonicTime m_quietFrom{}; ///< a token was seen, or counting began
    std::uint64_t m_sent = 0; ///< from then on
    std::optional<WallTime> m_notLeavingSince;
};

} // namespace beacon
