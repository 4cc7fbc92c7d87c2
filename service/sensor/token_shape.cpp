#include "service/sensor/token_shape.h"

#include "core/observe/carrier.h"
#include "core/packet/dns.h"

namespace beacon {

namespace {

constexpr std::uint8_t kHighestTechnique = 63; // of a Beacon that may be newer than we are
constexpr std::uint8_t kKnownFlags = token_flag::kControl | token_flag::kIpv6 | token_flag::kConfirm;

/// The last label of the name that a DNS query asks for: whatever it is, a token stands below it.
std::string zoneOf(const PacketView& packet)
{
    const ByteView message = packet.udp                ? packet.udp->payload
        : packet.tcp && packet.tcp->payload.size() > 2 ? packet.tcp->payload.subspan(2) // RFC 7766
                                                       : ByteView{};
    const auto view = message.empty() ? std::nullopt : parseDns(message);
    if (!view || view->response)
        return {};
    const std::string& name = view->question.name;
    return name.substr(name.rfind('.') + 1);
}

/// Whether the payload is a token and nothing else; a TCP segment may hold a confirmation, too.
bool isAlone(const PacketView& packet)
{
    if (packet.udp)
        return packet.udp->payload.size() == kTokenBytes;
    if (packet.icmp)
        return packet.icmp->payload.size() == kTokenBytes;
    return !packet.tcp || packet.tcp->payload.size() % kTokenBytes == 0;
}

std::optional<TokenKind> kindOf(const Token& token, Family family)
{
    const auto fields = decodeToken(token);
    if (!fields || (fields->flags & ~kKnownFlags) != 0 || fields->technique == 0
        || fields->technique > kHighestTechnique)
        return std::nullopt;
    return TokenKind{fields->keyId, fields->technique, family};
}

} // namespace

std::optional<TokenKind> tokenShapeIn(ByteView ipPacket)
{
    const auto packet = viewPacket(ipPacket);
    if (!packet || packet->ip.laterFragment)
        return std::nullopt;
    const std::string zone = zoneOf(*packet);
    for (const Carrier* const carrier : carriers()) {
        auto token = carrier->recognise(*packet, {});
        if (token ? !isAlone(*packet) : zone.empty())
            continue;
        if (!token)
            token = carrier->recognise(*packet, zone);
        const auto kind = token ? kindOf(*token, packet->ip.source.family()) : std::nullopt;
        if (kind)
            return kind;
    }
    return std::nullopt;
}

} // namespace beacon
