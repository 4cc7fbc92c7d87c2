#include "core/supervision/liveness.h"

#include <algorithm>

namespace beacon {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void Liveness::started(MonotonicTime now)
{
    m_state = State::Starting;
    m_ours = m_sawLine = false;
    m_silence = milliseconds{0};
    m_lastLine = m_lastAttempt = now;
    m_gaps.fill(milliseconds{0});
    m_nextGap = 0;
    plan(now);
}

void Liveness::ended()
{
    m_state = State::Off;
}

milliseconds Liveness::limit() const
{
    if (!m_sawLine)
        return m_policy.grace;
    if (m_policy.fixed)
        return *m_policy.fixed;
    if (m_ours)
        return m_policy.ours;
    const milliseconds longest = *std::max_element(m_gaps.begin(), m_gaps.end());
    return std::clamp(3 * longest, m_policy.foreignLeast, m_policy.foreignMost);
}

void Liveness::plan(MonotonicTime now)
{
    m_last = now;
    // Never at once: a check that was late waits for the loop to read what has come. And never so late that a limit
    // which begins to apply with the first line is overrun.
    const milliseconds most = std::min(m_policy.checkEvery, m_policy.fixed.value_or(m_policy.checkEvery));
    m_planned = std::clamp(limit() - m_silence, std::min(milliseconds{100}, most), most);
}

void Liveness::line(MonotonicTime now, Sign sign)
{
    if (m_state == State::Off)
        return;
    if (m_sawLine && m_carrier) {
        m_gaps[m_nextGap] = duration_cast<milliseconds>(now - m_lastLine);
        m_nextGap = (m_nextGap + 1) % m_gaps.size();
    }
    m_sawLine = true;
    m_lastLine = now;
    m_silence = milliseconds{0};
    if (sign == Sign::Attempt)
        m_lastAttempt = now;
    m_state = now - m_lastAttempt <= limit() ? State::Testing : State::Alive;
}

void Liveness::setCarrier(bool carrier, MonotonicTime now)
{
    if (carrier == m_carrier)
        return;
    m_carrier = carrier;
    if (!carrier || m_state == State::Off)
        return;
    m_silence = milliseconds{0};
    m_lastLine = now; // the time without carrier is no gap
    plan(now);
}

std::optional<milliseconds> Liveness::nextCheck() const
{
    if (m_state == State::Off || !m_carrier)
        return std::nullopt;
    return m_planned;
}

Liveness::State Liveness::check(MonotonicTime now)
{
    if (m_state == State::Off || !m_carrier)
        return m_state;
    const auto elapsed = duration_cast<milliseconds>(now - m_last);
    const bool late = elapsed > m_planned + m_policy.punctual;
    // Lines since the last check have set the silence back: count from the last of them.
    const auto sinceLine = duration_cast<milliseconds>(now - std::max(m_last, m_lastLine));
    m_silence += std::min(sinceLine, m_planned);
    if (!late && m_silence >= limit())
        m_state = State::Stalled;
    else if (m_sawLine && m_silence * 3 > limit())
        m_state = State::Silent;
    plan(now);
    return m_state;
}

} // namespace beacon
