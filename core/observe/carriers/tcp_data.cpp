#include "core/observe/carrier.h"

namespace beacon::carrier {

namespace {

std::optional<Token> recognise(const PacketView& packet, std::string_view)
{
    return packet.tcp ? tokenAtFront(packet.tcp->payload) : std::nullopt;
}

} // namespace

extern constinit const Carrier TcpData{
    .name = "TcpData",
    .help = "the first data of a TCP segment, whatever its flags",
    .source = "RFC 9293",
    .recognise = recognise,
};

} // namespace beacon::carrier
