#include "service/sensor/wiring_rules.h"

#include "service/sensor/short_command.h"
#include "service/sensor/wiring_names.h"

#include <algorithm>
#include <cerrno>
#include <iomanip>
#include <linux/netfilter.h>
#include <set>
#include <sstream>

namespace beacon::rules {

namespace {

constexpr const char* kTable = "sensor";
/// Set on a packet that an Instrument sends to the host by way of a bridge of the host's, and looked at where the host
/// sends one to an Instrument. One bit, the others stay: the host may have marks of its own.
constexpr const char* kFromInstrument = "0x40000000";

std::string quoted(const std::string& name)
{
    return '"' + name + '"';
}

std::string anyPort()
{
    return quoted(std::string{kPortPrefix} + '*');
}

/// An empty table, whatever it held.
std::string fresh(const std::string& family, const std::string& table)
{
    return without(family, table) + "add table " + family + ' ' + table + '\n';
}

std::string chain(const std::string& where, const std::string& hook, const std::string& policy)
{
    return "add chain " + where + " { type filter hook " + hook + " priority filter; policy " + policy + "; }\n";
}

/// Rules carry the digest of all of them as a comment, so that one that was left from other ones is told.
class Rules {
public:
    void add(const std::string& where, const std::string& rule) { m_rules.push_back({where, rule}); }
    [[nodiscard]] std::size_t count() const { return m_rules.size(); }
    [[nodiscard]] std::string tag() const
    {
        std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a: against mistakes, not against malice
        for (const Rule& each : m_rules) {
            for (const char letter : each.where + ' ' + each.text)
                hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
        }
        std::ostringstream text;
        text << "sensor " << std::hex << std::setw(16) << std::setfill('0') << hash;
        return text.str();
    }
    [[nodiscard]] std::string text() const
    {
        std::string all;
        for (const Rule& each : m_rules)
            all += "add rule " + each.where + ' ' + each.text + " comment " + quoted(tag()) + '\n';
        return all;
    }
    [[nodiscard]] std::size_t countIn(const std::vector<NftChain>& chains) const
    {
        std::size_t found = 0;
        for (const NftChain& each : chains) {
            if (each.table == kTable && each.hook >= 0)
                found += static_cast<std::size_t>(std::count_if(each.rules.begin(), each.rules.end(),
                    [this](const NftRule& rule) { return rule.comment == tag(); }));
        }
        return found;
    }

private:
    struct Rule {
        std::string where, text;
    };
    std::vector<Rule> m_rules;
};

const NftChain* find(const std::vector<NftChain>& chains, const std::string& table, const std::string& name)
{
    const auto found = std::find_if(
        chains.begin(), chains.end(), [&](const NftChain& each) { return each.table == table && each.name == name; });
    return found == chains.end() ? nullptr : &*found;
}

bool dropsAll(const NftChain* chain, int hook)
{
    return chain != nullptr && chain->hook == hook && chain->drops && chain->rules.empty();
}

bool dropsAllOf(const NftChain* chain, int hook, const std::string& device)
{
    return dropsAll(chain, hook) && chain->devices == std::vector{device};
}

Rules segmentRules(const std::string& bridge)
{
    Rules rules; // under br_netfilter a frame that is bridged passes here
    rules.add("inet sensor forward", "iifname " + quoted(bridge) + " oifname " + quoted(bridge) + " accept");
    return rules;
}

Rules hostInetRules(const std::vector<std::string>& bridges)
{
    Rules rules;
    for (const std::string& from : bridges) {
        std::string others;
        for (const std::string& to : bridges)
            others += to == from ? "" : (others.empty() ? "" : ", ") + quoted(to);
        if (!others.empty()) // from a bridge to itself goes what br_netfilter shows us of bridged frames
            rules.add("inet sensor forward", "iifname " + quoted(from) + " oifname { " + others + " } drop");
    }
    rules.add("inet sensor forward", "iifname " + anyPort() + " drop"); // a port that was taken off its bridge
    rules.add("inet sensor forward", "oifname " + anyPort() + " drop");
    return rules;
}

Rules hostBridgeRules()
{
    const std::string bit = kFromInstrument;
    Rules rules;
    rules.add("bridge sensor forward", "iifname " + anyPort() + " oifname " + anyPort() + " drop");
    rules.add("bridge sensor input", "iifname " + anyPort() + " meta mark set meta mark or " + bit);
    rules.add("bridge sensor output", "oifname " + anyPort() + " meta mark and " + bit + " == " + bit + " drop");
    return rules;
}

} // namespace

Result<> load(const NetworkNamespace& where, const std::string& text)
{
    return where.run([&text] { return runShortCommand({.program = "nft", .arguments = {"-f", "-"}, .input = text}); });
}

std::string without(const std::string& family, const std::string& table)
{
    return "add table " + family + ' ' + table + "\ndelete table " + family + ' ' + table + '\n';
}

std::string guardOfSegment(const std::string& bridge)
{
    return fresh("inet", kTable) + chain("inet sensor forward", "forward", "drop")
        + chain("inet sensor input", "input", "drop") + chain("inet sensor output", "output", "drop")
        + segmentRules(bridge).text() + fresh("bridge", kTable) + chain("bridge sensor input", "input", "drop")
        + chain("bridge sensor output", "output", "drop");
}

Result<bool> isSegmentGuarded(const NetworkNamespace& where, const std::string& bridge)
{
    const auto inet = nftChains(where, NFPROTO_INET);
    if (!inet)
        return inet.error();
    const auto bridged = nftChains(where, NFPROTO_BRIDGE);
    if (!bridged)
        return bridged.error();
    const NftChain* const forward = find(*inet, kTable, "forward");
    const Rules rules = segmentRules(bridge);
    return forward != nullptr && forward->hook == NF_INET_FORWARD && forward->drops
        && forward->rules.size() == rules.count() && rules.countIn(*inet) == rules.count()
        && dropsAll(find(*inet, kTable, "input"), NF_INET_LOCAL_IN)
        && dropsAll(find(*inet, kTable, "output"), NF_INET_LOCAL_OUT)
        && dropsAll(find(*bridged, kTable, "input"), NF_INET_LOCAL_IN) // as NF_BR_LOCAL_IN
        && dropsAll(find(*bridged, kTable, "output"), NF_INET_LOCAL_OUT);
}

std::string guardOfHost(const std::vector<std::string>& bridges)
{
    if (bridges.empty())
        return without("inet", kTable) + without("bridge", kTable);
    return fresh("inet", kTable) + chain("inet sensor forward", "forward", "accept") + hostInetRules(bridges).text()
        + fresh("bridge", kTable) + chain("bridge sensor forward", "forward", "accept")
        + chain("bridge sensor input", "input", "accept") + chain("bridge sensor output", "output", "accept")
        + hostBridgeRules().text();
}

Result<bool> isHostGuarded(const NetworkNamespace& where, const std::vector<std::string>& bridges)
{
    const auto inet = nftChains(where, NFPROTO_INET);
    if (!inet)
        return inet.error();
    const auto bridged = nftChains(where, NFPROTO_BRIDGE);
    if (!bridged)
        return bridged.error();
    if (bridges.empty())
        return !hasTable(*inet, kTable) && !hasTable(*bridged, kTable);
    return hostInetRules(bridges).countIn(*inet) == hostInetRules(bridges).count()
        && hostBridgeRules().countIn(*bridged) == hostBridgeRules().count();
}

std::string silence(const std::string& port)
{
    return fresh("netdev", port)
        + chain("netdev " + port + " in", "ingress device " + quoted(port), "drop"); // no rule can be missing
}

bool isSilent(const std::vector<NftChain>& netdev, const std::string& port)
{
    return dropsAllOf(find(netdev, port, "in"), NF_NETDEV_INGRESS, port);
}

std::string silenceInside(const std::string& table, const std::string& interface)
{
    return fresh("netdev", table) + chain("netdev " + table + " out", "egress device " + quoted(interface), "drop");
}

std::string mirror(const std::string& uplink, const std::vector<Reader>& readers)
{
    const std::string device = quoted(uplink);
    std::string text = "add table netdev sensor\n" + chain("netdev sensor out", "egress device " + device, "drop")
        + chain("netdev sensor in", "ingress device " + device, "drop")
        + "flush chain netdev sensor out\nflush chain netdev sensor in\n"; // no frame is lost to those who read already
    for (const Reader& reader : readers)
        text += "add rule netdev sensor in dup to " + quoted(reader.port) + '\n';
    return text;
}

bool isMirrored(const std::vector<NftChain>& netdev, const std::string& uplink, const std::vector<Reader>& readers)
{
    const NftChain* const in = find(netdev, kTable, "in");
    if (!dropsAllOf(find(netdev, kTable, "out"), NF_NETDEV_EGRESS, uplink) || in == nullptr
        || in->hook != NF_NETDEV_INGRESS || !in->drops || in->devices != std::vector{uplink}
        || in->rules.size() != readers.size())
        return false;
    std::multiset<std::uint32_t> wanted;
    std::multiset<std::uint32_t> found;
    for (const Reader& reader : readers)
        wanted.insert(static_cast<std::uint32_t>(reader.index));
    for (const NftRule& rule : in->rules)
        found.insert(rule.numbers.begin(), rule.numbers.end());
    return wanted == found;
}

bool hasTable(const std::vector<NftChain>& chains, const std::string& table)
{
    return std::any_of(chains.begin(), chains.end(), [&](const NftChain& each) { return each.table == table; });
}

} // namespace beacon::rules
