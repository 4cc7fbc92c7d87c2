#include "core/escape/technique.h"

#include <algorithm>
#include <array>

namespace beacon {

#include "technique_registry.inc"

PortSet::PortSet(std::span<const std::uint16_t> sortedPorts)
{
    for (const std::uint16_t port : sortedPorts) {
        const bool follows = !m_ranges.empty() && m_ranges.back().first + (m_count - m_ranges.back().before) == port;
        if (!follows)
            m_ranges.push_back({port, m_count});
        ++m_count;
    }
}

PortSet PortSet::all()
{
    PortSet set;
    set.m_ranges.push_back({1, 0});
    set.m_count = 65'535;
    return set;
}

std::uint16_t PortSet::at(std::size_t i) const noexcept
{
    const auto after = std::ranges::upper_bound(m_ranges, i, {}, &Range::before);
    const Range& range = *std::prev(after);
    return static_cast<std::uint16_t>(range.first + (i - range.before));
}

HomePair Aim::homePerFamily() const
{
    HomePair pair;
    for (const Family family : {Family::Ipv4, Family::Ipv6}) {
        const auto found = std::ranges::find(home, family, &IpAddress::family);
        if (found != home.end())
            pair.addresses[pair.count++] = *found;
    }
    return pair;
}

std::span<const Technique* const> techniques() noexcept
{
    static const auto sorted = [] {
        std::array<const Technique*, std::size(kRegistry)> all;
        std::ranges::copy(kRegistry, all.begin());
        std::ranges::sort(all, {}, &Technique::number);
        return all;
    }();
    return sorted;
}

const Technique* findTechnique(std::string_view name) noexcept
{
    const auto all = techniques();
    const auto found = std::ranges::find(all, name, &Technique::name);
    return found == all.end() ? nullptr : *found;
}

const Technique* findTechnique(std::uint8_t number) noexcept
{
    const auto all = techniques();
    const auto found = std::ranges::find(all, number, &Technique::number);
    return found == all.end() ? nullptr : *found;
}

} // namespace beacon
