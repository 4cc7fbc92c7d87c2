#include "service/beacon/plan.h"

#include <cinttypes>
#include <cstdio>

namespace beacon {

namespace {

constexpr std::size_t kIpv6Extra = 20; // an IPv6 header is that much longer

std::string printed(const char* format, auto... values)
{
    char buffer[512];
    std::snprintf(buffer, sizeof buffer, format, values...);
    return buffer;
}

std::string duration(double seconds)
{
    if (seconds < 120)
        return printed("%.0f s", seconds);
    if (seconds < 7'200)
        return printed("%.0f min", seconds / 60);
    if (seconds < 172'800)
        return printed("%.1f h", seconds / 3'600);
    return printed("%.1f days", seconds / 86'400);
}

std::string row(std::string_view name, std::uint64_t probes, std::uint64_t bytes, double rate)
{
    return printed("%-16.*s %12" PRIu64 " %14" PRIu64 "  %s\n", static_cast<int>(name.size()), name.data(), probes,
        bytes, duration(static_cast<double>(probes) / rate).c_str());
}

} // namespace

std::string listTechniques()
{
    std::string text = "number  technique        what it does, and where that is written\n";
    for (const Technique* const technique : techniques())
        text += printed("%6u  %-16s %s (%s)\n", technique->number, technique->name.data(), technique->help.data(),
            technique->source.data());
    return text;
}

std::string describePlan(const std::vector<const Technique*>& chosen, const Aim& aim, double rate)
{
    std::string text = "One cycle, while nothing answers; nothing is sent now.\n\nTo Home:      ";
    const HomePair home = aim.homePerFamily();
    for (std::size_t i = 0; i < home.count; ++i)
        text += (i > 0 ? ", " : "") + home.addresses[i].text();
    text += "\nTo resolvers: ";
    for (std::size_t i = 0; i < aim.resolvers.size(); ++i)
        text += (i > 0 ? ", " : "") + aim.resolvers[i].text();
    text += aim.resolvers.empty() ? "none in /etc/resolv.conf" : "";
    text += printed("\n\n%-16s %12s %14s  at %g frames/s\n", "technique", "frames", "bytes", rate);
    std::uint64_t probes = 0;
    std::uint64_t bytes = 0;
    for (const Technique* const technique : chosen) {
        const std::uint64_t count = technique->count(aim);
        std::uint64_t sixes = 0;
        for (std::size_t i = 0; i < count; ++i)
            sixes += technique->at(aim, i).family == Family::Ipv6 ? 1U : 0U;
        const std::uint64_t size = count * technique->frameBytes + sixes * kIpv6Extra;
        text += row(technique->name, count, size, rate);
        probes += count;
        bytes += size;
    }
    text += row("together", probes, bytes, rate);
    return text
        + "\nBesides: ARP and neighbour solicitations for next hops, at most once a minute each while they answer.\n";
}

} // namespace beacon
