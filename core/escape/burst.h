#pragma once

#include "core/base/clock.h"
#include "core/escape/schedule.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace beacon {

/// A run of probes outside the schedule, when the network is not what it was: many leaks are open only for a moment
/// (design section 9).
///
/// Pure: time is an argument.
/// Limits: kMost probes a burst, kPerSecond; per cause one burst in kBetween. Another cause during a burst begins it
///         anew: what was tried before that change proves nothing after it.
class Burst {
public:
    enum class Cause : std::uint8_t { Link, Address, Route, Resolver };
    static constexpr std::size_t kCauses = 4;
    static constexpr std::size_t kMost = 60;
    static constexpr double kPerSecond = 10;
    static constexpr std::chrono::minutes kBetween{10};

    explicit Burst(std::vector<const Technique*> techniques);

    /// false: this cause had its burst a short while ago.
    bool begin(Cause cause, MonotonicTime now);
    [[nodiscard]] bool active() const noexcept { return m_left > 0; }
    [[nodiscard]] bool due(MonotonicTime now) const noexcept { return active() && now >= m_next; }
    [[nodiscard]] MonotonicTime next() const noexcept { return m_next; } ///< where active
    /// The next probe, from the beginning of each technique's set; nullopt: the burst is over.
    [[nodiscard]] std::optional<Turn> take(const Aim& aim, MonotonicTime now);

private:
    std::vector<const Technique*> m_techniques;
    RoundRobin m_schedule;
    std::size_t m_left = 0;
    MonotonicTime m_next{};
    std::array<std::optional<MonotonicTime>, kCauses> m_last{};
};

} // namespace beacon
