#include "core/instrument/health_push.h"

#include <algorithm>

namespace beacon {

namespace {
constexpr std::chrono::seconds kBetweenWhileFlapping{1};
}

HealthPush::HealthPush(const Clock& clock)
    : m_clock(clock)
    , m_statusSince(clock.now())
{
}

bool HealthPush::flapping() const
{
    const MonotonicTime from = m_clock.now() - kWindow;
    const auto recent =
        std::count_if(m_changes.begin(), m_changes.end(), [from](MonotonicTime at) { return at >= from; });
    return static_cast<std::size_t>(recent) > kFlaps;
}

std::optional<HealthSnapshot> HealthPush::offer(const HealthSnapshot& now)
{
    const MonotonicTime time = m_clock.now();
    if (now.status != m_lastStatus) {
        m_lastStatus = now.status;
        m_statusSince = time;
        m_changes.push_back(time);
        if (m_changes.size() > kFlaps + 1)
            m_changes.pop_front();
    }
    m_due.reset();
    if (m_pushed && now.sameAs(*m_pushed))
        return std::nullopt;
    if (m_pushed) {
        MonotonicTime earliest = *m_lastPush + kCoalesce;
        if (flapping()) {
            earliest = *m_lastPush + (now.sameCodes(*m_pushed) ? kCalm : kBetweenWhileFlapping);
            if (now.status < m_pushed->status)
                earliest = std::max(earliest, m_statusSince + kCalm);
        }
        if (time < earliest) {
            m_due = earliest;
            return std::nullopt;
        }
    }
    m_pushed = now;
    m_lastPush = time;
    return now;
}

std::optional<std::chrono::milliseconds> HealthPush::nextTry() const
{
    if (!m_due)
        return std::nullopt;
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(*m_due - m_clock.now()), std::chrono::milliseconds{0});
}

} // namespace beacon
