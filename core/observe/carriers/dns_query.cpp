#include "core/observe/carrier.h"
#include "core/packet/dns.h"

namespace beacon::carrier {

namespace {

/// A query to any port: a gateway may have redirected it.
std::optional<Token> recogniseMessage(ByteView message, std::string_view zone)
{
    const auto view = parseDns(message);
    if (!view || view->response)
        return std::nullopt;
    return tokenInName(view->question.name, zone);
}

std::optional<Token> recognise(const PacketView& packet, std::string_view zone)
{
    if (zone.empty())
        return std::nullopt;
    if (packet.udp)
        return recogniseMessage(packet.udp->payload, zone);
    if (packet.tcp && packet.tcp->payload.size() > 2) // RFC 7766: a length of two bytes goes before
        return recogniseMessage(packet.tcp->payload.subspan(2), zone);
    return std::nullopt;
}

} // namespace

extern constinit const Carrier DnsQuery{
    .name = "DnsQuery",
    .help = "a label of the name that a DNS query asks for, below Home's zone",
    .source = "RFC 1035, RFC 7766",
    .recognise = recognise,
};

} // namespace beacon::carrier
