#include "core/escape/techniques/home_ports.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"

namespace beacon {

namespace {

Probe at(const Aim& aim, std::size_t i)
{
    return home_ports::at(aim, i, ip_protocol::kUdp);
}

Result<> send(const Attempt& attempt, PacketSink& sink)
{
    return sink.sendIp(buildUdp({attempt.source, attempt.probe.destination}, attempt.sourcePort, attempt.probe.port,
        attempt.token, attempt.identification()));
}

} // namespace

extern constinit const Technique UdpDatagram{
    .number = 4,
    .name = "UdpDatagram",
    .help = "UDP datagram to a port of Home, carrying the token",
    .source = "RFC 768",
    .count = home_ports::count,
    .at = at,
    .send = send,
    .frameBytes = 14 + 20 + 8 + kTokenBytes,
    .confirmed = true,
};

} // namespace beacon
