#include "core/observe/noise.h"

#include <algorithm>
#include <numeric>

namespace beacon {

void NoiseMeter::count(TokenClass tokenClass, const IpAddress& source)
{
    ++m_byClass[static_cast<std::size_t>(tokenClass)];
    if (tokenClass == TokenClass::Fresh || tokenClass == TokenClass::Duplicate)
        return;
    if (const auto found = m_sources.find(source); found != m_sources.end())
        ++found->second;
    else if (m_sources.size() < kMaxSources)
        m_sources.emplace(source, 1);
}

std::uint64_t NoiseMeter::RollUp::total() const noexcept
{
    return std::accumulate(byClass.begin(), byClass.end(), std::uint64_t{0});
}

NoiseMeter::RollUp NoiseMeter::take()
{
    RollUp rollUp{.byClass = m_byClass, .topSources = {m_sources.begin(), m_sources.end()}};
    std::ranges::sort(rollUp.topSources,
        [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
    rollUp.topSources.resize(std::min(rollUp.topSources.size(), kTopSources));
    m_byClass = {};
    m_sources.clear();
    return rollUp;
}

} // namespace beacon
