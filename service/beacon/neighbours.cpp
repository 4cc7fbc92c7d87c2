#include "service/beacon/neighbours.h"

namespace beacon {

Neighbours::Answer Neighbours::lookup(const IpAddress& hop, MonotonicTime now)
{
    Entry& entry = m_hops[hop];
    const bool expired = entry.mac && now >= entry.knownUntil;
    const bool rested = !entry.mac && entry.asked > kAsks && now >= entry.silentUntil;
    if ((expired && entry.asked == 0) || rested) {
        entry.asked = 0;
        entry.nextAsk = now;
    }
    if (entry.mac)
        return {State::Known, *entry.mac}; // also while it is being asked for again
    return {entry.asked > kAsks ? State::Silent : State::Asking, {}};
}

std::vector<IpAddress> Neighbours::due(MonotonicTime now)
{
    std::vector<IpAddress> hops;
    for (auto& [hop, entry] : m_hops) {
        const bool wanted = !entry.mac || now >= entry.knownUntil;
        if (!wanted || entry.asked > kAsks || now < entry.nextAsk)
            continue;
        if (entry.asked++ == kAsks) {
            entry.mac.reset();
            entry.silentUntil = now + kSilentFor;
            continue;
        }
        entry.nextAsk = now + kAskEvery;
        hops.push_back(hop);
    }
    return hops;
}

void Neighbours::heard(const IpAddress& hop, const MacAddress& mac, MonotonicTime now)
{
    const auto found = m_hops.find(hop);
    if (found == m_hops.end() || mac.isGroup())
        return;
    found->second.mac = mac;
    found->second.asked = 0;
    found->second.knownUntil = now + kFreshFor;
}

} // namespace beacon
