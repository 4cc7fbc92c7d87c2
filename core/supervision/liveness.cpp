#include "core/supervision/liveness.h"

#include <algorithm>

namespace beacon {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void Liveness::started(MonotonicTime now)
{
    m_state = State::Starting;
    m_ours = m_sawLine = false;
    m_announced = m_rate = 0;
    m_windowLines = 0;
    m_windowBegan = now;
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
        const auto gap = duration_cast<milliseconds>(now - m_lastLine) - lateness(now);
        m_gaps[m_nextGap] = std::max(gap, milliseconds{0});
        m_nextGap = (m_nextGap + 1) % m_gaps.size();
    }
    m_sawLine = true;
    m_lastLine = now;
    m_silence = milliseconds{0};
    if (sign == Sign::Attempt)
        m_lastAttempt = now;
    count(now);
    m_state = floods(now) ? State::Flooding : now - m_lastAttempt <= limit() ? State::Testing : State::Alive;
}

milliseconds Liveness::lateness(MonotonicTime now) const
{
    const auto overdue = duration_cast<milliseconds>(now - m_last) - m_planned;
    return overdue > m_policy.punctual ? overdue : milliseconds{0};
}

void Liveness::count(MonotonicTime now)
{
    ++m_windowLines;
    const double seconds = std::chrono::duration<double>(now - m_windowBegan).count();
    if (seconds < 1)
        return;
    m_rate = static_cast<double>(m_windowLines) / seconds;
    m_windowLines = 0;
    m_windowBegan = now;
}

bool Liveness::floods(MonotonicTime now) const
{
    constexpr std::chrono::seconds kForgotten{3}; // a flood that has ended is followed by no line that would say so
    return m_rate > std::max(m_policy.floodLines, kFloodFactor * m_announced) && now - m_windowBegan < kForgotten;
}

Liveness::State Liveness::stateAt(MonotonicTime now) const
{
    if (m_state == State::Off || m_state == State::Stalled || m_state == State::Starting || !m_carrier)
        return m_state;
    if (floods(now))
        return State::Flooding;
    const bool silent = duration_cast<milliseconds>(now - m_lastLine) * 3 > limit();
    return silent ? State::Silent : now - m_lastAttempt <= limit() ? State::Testing : State::Alive;
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
    const milliseconds lost = lateness(now);
    // Lines since the last check have set the silence back: count from the last of them.
    const auto sinceLine = duration_cast<milliseconds>(now - std::max(m_last, m_lastLine));
    m_silence += std::min(sinceLine, m_planned);
    m_lastLine = std::min(now, m_lastLine + lost); // nor is it a part of the gap to the next line
    if (lost == milliseconds{0} && m_silence >= limit())
        m_state = State::Stalled;
    else if (m_sawLine && m_silence * 3 > limit())
        m_state = State::Silent;
    else if (m_state == State::Flooding && !floods(now))
        m_state = State::Testing;
    plan(now);
    return m_state;
}

std::string_view stateName(Liveness::State state)
{
    switch (state) {
    case Liveness::State::Off:
        return "off";
    case Liveness::State::Starting:
        return "starting";
    case Liveness::State::Testing:
        return "testing";
    case Liveness::State::Alive:
        return "alive";
    case Liveness::State::Silent:
        return "silent";
    case Liveness::State::Stalled:
        return "stalled";
    case Liveness::State::Flooding:
        return "flooding";
    }
    return "unknown";
}

} // namespace beacon
