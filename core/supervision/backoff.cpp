#include "core/supervision/backoff.h"

#include <algorithm>

namespace beacon {

void Backoff::alive(std::chrono::milliseconds health) noexcept
{
    if (health >= m_policy.healthyAfter)
        m_loop = false;
    if (health >= m_policy.forgetAfter)
        m_doublings = 0;
}

std::chrono::milliseconds Backoff::died(MonotonicTime now, std::chrono::milliseconds health, double random)
{
    alive(health);
    std::erase_if(m_deaths, [&](MonotonicTime death) { return now - death > m_policy.loopWindow; });
    m_deaths.push_back(now);
    if (m_deaths.size() > m_policy.loopDeaths + 1)
        m_deaths.pop_front();
    if (m_deaths.size() > m_policy.loopDeaths)
        m_loop = true;
    if (m_loop)
        return m_policy.longest;
    if (health >= m_policy.healthyAfter)
        return std::chrono::milliseconds{0};

    constexpr unsigned kMaxDoublings = 20; // 200 ms · 2^20 is past any sensible `longest`, and far from overflow
    const auto delay = m_policy.first * (1LL << std::min(m_doublings, kMaxDoublings));
    ++m_doublings;
    if (delay >= m_policy.longest)
        return m_policy.longest;
    const double jittered =
        static_cast<double>(delay.count()) * (1.0 + m_policy.jitter * std::clamp(random, -1.0, 1.0));
    return std::chrono::milliseconds{static_cast<std::int64_t>(jittered)};
}

} // namespace beacon
