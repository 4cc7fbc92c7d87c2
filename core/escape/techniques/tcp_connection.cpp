#include "core/escape/techniques/home_ports.h"
#include "core/packet/parse.h"

namespace beacon {

namespace {

Probe at(const Aim& aim, std::size_t i)
{
    return home_ports::at(aim, i, ip_protocol::kTcp);
}

Result<> send(const Attempt& attempt, PacketSink& sink)
{
    return sink.exchangeTcp(attempt, attempt.token);
}

} // namespace

extern constinit const Technique TcpConnection{
    .number = 3,
    .name = "TcpConnection",
    .help = "TCP connection to a port of Home; the token is its first data",
    .source = "RFC 9293",
    .count = home_ports::count,
    .at = at,
    .send = send,
    .frameBytes = 14 + 20 + 40, // one SYN with Linux's options
    .confirmed = false,
};

} // namespace beacon
