#include "core/escape/burst.h"

namespace beacon {

Burst::Burst(std::vector<const Technique*> techniques)
    : m_techniques(std::move(techniques))
    , m_schedule(m_techniques)
{
}

bool Burst::begin(Cause cause, MonotonicTime now)
{
    auto& last = m_last[static_cast<std::size_t>(cause)];
    if (last && now - *last < kBetween)
        return false;
    last = now;
    m_schedule = RoundRobin{m_techniques};
    m_left = kMost;
    m_next = now;
    return true;
}

std::optional<Turn> Burst::take(const Aim& aim, MonotonicTime now)
{
    auto turn = m_schedule.next(aim);
    m_left = turn ? m_left - 1 : 0; // all has been tried, however little it is
    m_next = now + std::chrono::duration_cast<MonotonicTime::duration>(std::chrono::duration<double>{1 / kPerSecond});
    return turn;
}

} // namespace beacon
