#include "service/instrument/attempt_watch.h"

#include <algorithm>

namespace beacon {

void AttemptWatch::restart(MonotonicTime now)
{
    m_lastLeft = now;
    m_noNextHop = m_localError = m_skipped = 0;
    m_families.fill({std::nullopt, now, 0});
    m_detail.clear();
}

void AttemptWatch::left(MonotonicTime now, Family family)
{
    m_lastLeft = now;
    m_noNextHop = m_localError = m_skipped = 0;
    m_families[static_cast<std::size_t>(family)] = {now, now, 0};
}

void AttemptWatch::attempt(MonotonicTime now, const AttemptLine& line)
{
    if (leftTheHost(line.outcome)) {
        left(now, line.target.family);
        return;
    }
    ++m_families[static_cast<std::size_t>(line.target.family)].failedSince;
    if (line.outcome == Outcome::NoNextHop)
        ++m_noNextHop;
    else if (line.outcome == Outcome::LocalError)
        ++m_localError;
    else
        ++m_skipped;
    m_detail = line.outcome == Outcome::LocalError ? line.errnoName : line.reason;
}

AttemptWatch::Verdict AttemptWatch::judge(MonotonicTime now) const
{
    if (now - m_lastLeft < m_limit)
        return Verdict::Leaving;
    const std::uint64_t most = std::max({m_noNextHop, m_localError, m_skipped});
    if (most == 0)
        return Verdict::NothingTested;
    return most == m_localError ? Verdict::LocalErrors : most == m_noNextHop ? Verdict::NoNextHop : Verdict::Skipped;
}

std::chrono::milliseconds AttemptWatch::untilVerdict(MonotonicTime now) const
{
    auto soonest = m_limit;
    for (const MonotonicTime since : {m_lastLeft, m_families[0].since, m_families[1].since})
        if (const auto left = std::chrono::ceil<std::chrono::milliseconds>(since + m_limit - now); left.count() > 0)
            soonest = std::min(soonest, left);
    return std::max(soonest, m_limit / 10);
}

std::optional<Family> AttemptWatch::impaired(MonotonicTime now) const
{
    constexpr std::uint64_t kEnough = 3; // failures before a family is called impaired
    for (const Family family : {Family::Ipv4, Family::Ipv6}) {
        const PerFamily& mine = m_families[static_cast<std::size_t>(family)];
        const PerFamily& other = m_families[1 - static_cast<std::size_t>(family)];
        if (mine.failedSince >= kEnough && now - mine.since >= m_limit && other.lastLeft
            && now - *other.lastLeft < m_limit)
            return family;
    }
    return std::nullopt;
}

} // namespace beacon
