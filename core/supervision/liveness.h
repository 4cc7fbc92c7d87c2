#pragma once

#include "core/base/clock.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace beacon {

/// Judges from its lines whether a running process is alive (design section 8). Pure: time is an argument.
///
/// The owner calls check() when nextCheck() is over. A check that comes late proves that our own loop was late: the
/// lines of that time may still lie in the pipe, so the delay is not counted, and nothing is judged on that occasion.
class Liveness {
public:
    enum class State : std::uint8_t {
        Off, ///< nothing runs
        Starting, ///< no line yet, within the grace
        Testing, ///< lines that tell of attempts
        Alive, ///< lines, but none that tells of an attempt within the limit
        Silent, ///< more than a third of the limit without a line
        Stalled, ///< the limit is over
        Flooding, ///< alive, but prints more than anybody could look at
    };
    struct Policy {
        std::chrono::milliseconds grace{30'000}; ///< for the first line
        std::chrono::milliseconds ours{30'000}; ///< ours prints at least every 10 s
        std::chrono::milliseconds foreignLeast{30'000}; ///< bounds of 3 × the longest recent gap
        std::chrono::milliseconds foreignMost{900'000};
        std::optional<std::chrono::milliseconds> fixed; ///< as configured; replaces all limits but the grace
        std::chrono::milliseconds checkEvery{60'000}; ///< longest time between two checks
        std::chrono::milliseconds punctual{1'000}; ///< a check that is later than this judges nothing
        double floodLines =
            50'000; ///< a second, from which on it floods; never below kFloodFactor times what ours announced
    };
    static constexpr double kFloodFactor = 3;
    enum class Sign : std::uint8_t { Attempt, Other };

    explicit Liveness(const Policy& policy)
        : m_policy(policy)
    {
    }

    void setPolicy(const Policy& policy) { m_policy = policy; }
    void started(MonotonicTime now);
    void ended();
    /// By its hello, which announces a rate; until then foreign.
    void isOurs(bool ours, double linesPerSecond = 0)
    {
        m_ours = ours;
        m_announced = linesPerSecond;
    }
    void line(MonotonicTime now, Sign sign);
    void noise(MonotonicTime now) { count(now); } ///< a line that proves no life, but may be one of a flood
    void setCarrier(bool carrier, MonotonicTime now); ///< without carrier nothing is judged, and no time counts

    State check(MonotonicTime now);
    [[nodiscard]] State state() const noexcept { return m_state; } ///< as of the last line or check
    [[nodiscard]] State stateAt(MonotonicTime now) const; ///< what a check would find, Stalled aside
    [[nodiscard]] double linesPerSecond() const noexcept { return m_rate; } ///< in the last whole second or longer
    [[nodiscard]] std::optional<std::chrono::milliseconds> nextCheck() const; ///< after the last call; nullopt: never
    [[nodiscard]] std::chrono::milliseconds limit() const; ///< that now applies
    [[nodiscard]] std::chrono::milliseconds silence() const noexcept { return m_silence; } ///< counted so far

private:
    void plan(MonotonicTime now);
    void count(MonotonicTime now);
    /// By how much a check is overdue, where that is more than unpunctual: time that our own loop has lost.
    [[nodiscard]] std::chrono::milliseconds lateness(MonotonicTime now) const;
    [[nodiscard]] bool floods(MonotonicTime now) const;

    Policy m_policy;
    State m_state = State::Off;
    bool m_ours = false;
    double m_announced = 0;
    std::uint64_t m_windowLines = 0;
    MonotonicTime m_windowBegan{};
    double m_rate = 0; ///< lines a second of the window before
    bool m_carrier = true;
    bool m_sawLine = false;
    MonotonicTime m_last{}; ///< of the last line or check
    MonotonicTime m_lastLine{}, m_lastAttempt{};
    std::chrono::milliseconds m_planned{0}; ///< from m_last to the next check
    std::chrono::milliseconds m_silence{0};
    std::array<std::chrono::milliseconds, 64> m_gaps{}; ///< between foreign lines, the last 64
    std::size_t m_nextGap = 0;
};

/// "starting", "testing", …: for logs and health facts.
[[nodiscard]] std::string_view stateName(Liveness::State state);

} // namespace beacon
