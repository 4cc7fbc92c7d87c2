#include "core/observe/carrier.h"

namespace beacon::carrier {

namespace {

constexpr std::uint8_t kEchoRequest = 8;
constexpr std::uint8_t kEchoRequestV6 = 128;

std::optional<Token> recognise(const PacketView& packet, std::string_view)
{
    if (!packet.icmp || packet.icmp->code != 0)
        return std::nullopt;
    const bool request = packet.ip.protocol == ip_protocol::kIcmp ? packet.icmp->type == kEchoRequest
                                                                  : packet.icmp->type == kEchoRequestV6;
    return request ? tokenAtFront(packet.icmp->payload) : std::nullopt;
}

} // namespace

extern constinit const Carrier IcmpEcho{
    .name = "IcmpEcho",
    .help = "the data of an ICMP or ICMPv6 echo request",
    .source = "RFC 792, RFC 4443",
    .recognise = recognise,
};

} // namespace beacon::carrier
