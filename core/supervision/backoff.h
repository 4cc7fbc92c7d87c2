#pragma once

#include "core/base/clock.h"

#include <chrono>
#include <cstddef>
#include <deque>

namespace beacon {

/// How long to wait before a dead process is started again (design section 8). Pure: time is an argument.
class Backoff {
public:
    struct Policy {
        std::chrono::milliseconds first{200}; ///< doubles per death, up to `longest`
        std::chrono::milliseconds longest{60'000}; ///< also the pace of a crash loop
        std::chrono::milliseconds healthyAfter{10'000}; ///< who lived that long starts again at once
        std::chrono::milliseconds forgetAfter{600'000}; ///< that much health forgives all earlier deaths
        std::chrono::milliseconds loopWindow{60'000};
        std::size_t loopDeaths = 5; ///< more deaths than these within the window are a crash loop
        double jitter = 0.1; ///< a share of the delay, either way; only delays below `longest` have it
    };

    explicit Backoff(const Policy& policy)
        : m_policy(policy)
    {
    }

    /// `health` is how long it had shown life before it died; 0 where it never did. `random` is within [-1, 1].
    [[nodiscard]] std::chrono::milliseconds died(MonotonicTime now, std::chrono::milliseconds health, double random);

    /// It has shown life for `health` by now.
    void alive(std::chrono::milliseconds health) noexcept;

    /// From more than `loopDeaths` deaths in the window until it is healthy again.
    [[nodiscard]] bool crashLoop() const noexcept { return m_loop; }
    [[nodiscard]] std::size_t recentDeaths() const noexcept { return m_deaths.size(); } ///< as of the last death

private:
    Policy m_policy;
    unsigned m_doublings = 0;
    bool m_loop = false;
    std::deque<MonotonicTime> m_deaths; ///< within the window; at most loopDeaths + 1
};

} // namespace beacon
