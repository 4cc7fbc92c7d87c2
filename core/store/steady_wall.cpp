#include "core/store/steady_wall.h"

#include <algorithm>

namespace beacon {

WallTime SteadyWall::read(MonotonicTime now, WallTime wall)
{
    const auto mono = std::chrono::duration_cast<Offset>(now.time_since_epoch());
    const Offset seen = wall.time_since_epoch() - mono;
    if (!m_believed)
        m_believed = std::min(wall, m_known.value_or(wall)).time_since_epoch() - mono;
    const bool ahead = seen > *m_believed + kSlack;
    const bool stands = m_jump && std::chrono::abs(seen - m_jump->to) <= kSlack;
    if (!ahead || (stands && now - m_jump->since >= kBelievedAfter)) {
        m_believed = seen;
        m_jump.reset();
    } else if (!stands) {
        m_jump = Jump{seen, now};
    }
    return WallTime{*m_believed + mono};
}

} // namespace beacon
