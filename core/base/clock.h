#pragma once

#include <chrono>

namespace beacon {

using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Where time comes from; a test's clock is moved by hand.
///
/// Thread:  SystemClock may be used from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual MonotonicTime now() const = 0; ///< for intervals: never jumps, stands still in suspend
    [[nodiscard]] virtual WallTime wall() const = 0; ///< for time stamps only
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] WallTime wall() const override
    {
        return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
};

/// A clock that a test moves.
class ManualClock final : public Clock {
public:
    [[nodiscard]] MonotonicTime now() const override { return m_now; }
    [[nodiscard]] WallTime wall() const override { return m_wall; }
    void advance(std::chrono::nanoseconds by)
    {
        m_now += std::chrono::duration_cast<MonotonicTime::duration>(by);
        m_wall += std::chrono::duration_cast<std::chrono::microseconds>(by);
    }
    void jumpWall(std::chrono::microseconds by) { m_wall += by; }

private:
    MonotonicTime m_now{std::chrono::hours{1}};
    WallTime m_wall{std::chrono::seconds{1'764'000'000}};
};

} // namespace beacon
