#include "core/observe/carrier.h"

#include "core/base/base32.h"
#include "core/packet/dns.h"

#include <algorithm>

namespace beacon {

std::optional<PacketView> viewPacket(ByteView ip)
{
    const auto parsed = parseIp(ip);
    if (!parsed)
        return std::nullopt;
    PacketView view{.ip = *parsed, .udp = {}, .tcp = {}, .icmp = {}};
    if (view.ip.laterFragment)
        return view;
    switch (view.ip.protocol) {
    case ip_protocol::kUdp:
        view.udp = parseUdp(view.ip.payload);
        break;
    case ip_protocol::kTcp:
        view.tcp = parseTcp(view.ip.payload);
        break;
    case ip_protocol::kIcmp:
    case ip_protocol::kIcmpv6:
        view.icmp = parseIcmp(view.ip.payload);
        break;
    default:
        break;
    }
    return view;
}

std::span<const Carrier* const> carriers() noexcept
{
    return carrier::kRegistry;
}

const Carrier* findCarrier(std::string_view name) noexcept
{
    const auto all = carriers();
    const auto found = std::ranges::find(all, name, &Carrier::name);
    return found == all.end() ? nullptr : *found;
}

std::optional<Token> tokenAtFront(ByteView bytes)
{
    if (bytes.size() < kTokenBytes || bytes[0] != kTokenVersion)
        return std::nullopt;
    Token token;
    std::copy_n(bytes.begin(), kTokenBytes, token.begin());
    return token;
}

std::optional<Token> tokenInName(std::string_view name, std::string_view zone)
{
    if (zone.empty())
        return std::nullopt;
    const auto below = labelsBelow(name, zone);
    if (!below)
        return std::nullopt;
    for (std::string_view rest = *below; !rest.empty();) {
        const std::string_view label = rest.substr(0, rest.find('.'));
        rest.remove_prefix(std::min(rest.size(), label.size() + 1));
        if (label.size() != kTokenChars)
            continue;
        if (const auto bytes = fromBase32(label); bytes) {
            if (const auto token = tokenAtFront(*bytes); token)
                return token;
        }
    }
    return std::nullopt;
}

} // namespace beacon
