#include "core/escape/technique.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"

namespace beacon {

namespace {

std::size_t count(const Aim& aim)
{
    return aim.homePerFamily().count;
}

Probe at(const Aim& aim, std::size_t i)
{
    const IpAddress destination = aim.homePerFamily().addresses[i];
    const bool v6 = destination.family() == Family::Ipv6;
    return {.family = destination.family(),
        .destination = destination,
        .protocol = v6 ? ip_protocol::kIcmpv6 : ip_protocol::kIcmp};
}

Result<> send(const Attempt& attempt, PacketSink& sink)
{
    return sink.sendIp(buildEcho({attempt.source, attempt.probe.destination}, false, attempt.sourcePort,
        attempt.identification(), attempt.token));
}

} // namespace

extern constinit const Technique IcmpEcho{
    .number = 6,
    .name = "IcmpEcho",
    .help = "ICMP echo request to Home, carrying the token",
    .source = "RFC 792, RFC 4443",
    .count = count,
    .at = at,
    .send = send,
    .frameBytes = 14 + 20 + 8 + kTokenBytes,
    .confirmed = true,
};

} // namespace beacon
