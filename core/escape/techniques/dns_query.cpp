#include "core/base/base32.h"
#include "core/escape/technique.h"
#include "core/packet/build.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"

namespace beacon {

namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kUdpSize = 1'232; // what does not fragment: DNS flag day 2020

std::size_t count(const Aim& aim)
{
    return aim.zone.empty() ? 0 : aim.resolvers.size() + aim.homePerFamily().count;
}

/// The resolvers first, then Home itself.
Probe at(const Aim& aim, std::size_t i)
{
    const bool byResolver = i < aim.resolvers.size();
    const IpAddress destination =
        byResolver ? aim.resolvers[i] : aim.homePerFamily().addresses[i - aim.resolvers.size()];
    return {.family = destination.family(),
        .destination = destination,
        .protocol = ip_protocol::kUdp,
        .port = kDnsPort,
        .byResolver = byResolver};
}

Result<> send(const Attempt& attempt, PacketSink& sink)
{
    const std::string name = toBase32(attempt.token) + '.' + std::string{attempt.zone};
    const ByteView tag = ByteView{attempt.token}.last(2);
    const auto id = static_cast<std::uint16_t>(tag[0] << 8 | tag[1]); // as unpredictable as the tag
    const ByteBuffer query = buildDnsQuery(id, name, dns_type::kTxt, true, kUdpSize);
    if (query.empty())
        return Error{Errc::BadInput, 0, "DNS name " + name};
    return sink.sendIp(buildUdp({attempt.source, attempt.probe.destination}, attempt.sourcePort, attempt.probe.port,
        query, attempt.identification()));
}

} // namespace

extern constinit const Technique DnsQuery{
    .number = 1,
    .name = "DnsQuery",
    .help = "DNS query for a name in Home's zone, by the segment's resolvers and straight to Home",
    .source = "RFC 1035, RFC 6891",
    .count = count,
    .at = at,
    .send = send,
    .frameBytes = 14 + 20 + 8 + 12 + 1 + kTokenChars + 1 + 24 + 4 + 11, // a zone of about 23 characters
    .confirmed = false,
};

} // namespace beacon
