#include "core/observe/carrier.h"

namespace beacon::carrier {

namespace {

std::optional<Token> recognise(const PacketView& packet, std::string_view)
{
    return packet.udp ? tokenAtFront(packet.udp->payload) : std::nullopt;
}

} // namespace

extern constinit const Carrier UdpData{
    .name = "UdpData",
    .help = "the beginning of a UDP datagram",
    .source = "RFC 768",
    .recognise = recognise,
};

} // namespace beacon::carrier
