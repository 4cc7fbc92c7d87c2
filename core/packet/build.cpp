#include "core/packet/build.h"

#include "core/packet/cursor.h"
#include "core/packet/parse.h"

#include <algorithm>
#include <cassert>

namespace beacon {

namespace {

constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/// RFC 9293 section 3.1, RFC 8200 section 8.1: the sum of the pseudo-header.
std::uint32_t pseudoHeader(const IpEnds& ends, std::uint8_t protocol, std::size_t bytes)
{
    std::uint32_t sum = checksumAdd(checksumAdd(0, ends.source.bytes()), ends.destination.bytes());
    sum += protocol;
    return sum + static_cast<std::uint32_t>(bytes);
}

/// `message` with its checksum put at `at`, in an IP packet.
ByteBuffer finish(Writer message, std::size_t at, std::uint32_t sum, const IpEnds& ends, std::uint8_t protocol,
    std::uint16_t identification = 0, std::uint8_t ttl = 64)
{
    const std::uint16_t checksum = checksumFold(checksumAdd(sum, message.view()));
    message.set16(at, checksum == 0 && protocol == ip_protocol::kUdp ? 0xffff : checksum);
    return buildIp(ends, protocol, message.view(), identification, ttl);
}

Writer ethernetHeader(
    const MacAddress& destination, const MacAddress& source, std::uint16_t type, std::size_t payloadBytes)
{
    Writer frame{14 + payloadBytes};
    frame.put(destination.bytes).put(source.bytes).u16(type);
    return frame;
}

} // namespace

std::uint32_t checksumAdd(std::uint32_t sum, ByteView bytes)
{
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    if (bytes.size() % 2 != 0)
        sum += static_cast<std::uint32_t>(bytes.back() << 8);
    return sum;
}

std::uint16_t checksumFold(std::uint32_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

ByteBuffer buildIp(
    const IpEnds& ends, std::uint8_t protocol, ByteView payload, std::uint16_t identification, std::uint8_t ttl)
{
    assert(ends.source.family() == ends.destination.family());
    if (ends.source.family() == Family::Ipv6) {
        Writer packet{40 + payload.size()};
        packet.u32(0x60000000).u16(static_cast<std::uint16_t>(payload.size())).u8(protocol).u8(ttl);
        packet.put(ends.source.bytes()).put(ends.destination.bytes()).put(payload);
        return packet.release();
    }
    constexpr std::uint16_t kDontFragment = 0x4000;
    Writer packet{20 + payload.size()};
    packet.u16(0x4500).u16(static_cast<std::uint16_t>(20 + payload.size()));
    packet.u16(identification).u16(kDontFragment).u8(ttl).u8(protocol).u16(0);
    packet.put(ends.source.bytes()).put(ends.destination.bytes());
    packet.set16(10, checksumFold(checksumAdd(0, packet.view())));
    packet.put(payload);
    return packet.release();
}

ByteBuffer buildUdp(const IpEnds& ends, std::uint16_t sourcePort, std::uint16_t destinationPort, ByteView payload,
    std::uint16_t identification)
{
    const auto bytes = static_cast<std::uint16_t>(8 + payload.size());
    Writer datagram{bytes};
    datagram.u16(sourcePort).u16(destinationPort).u16(bytes).u16(0).put(payload);
    const std::uint32_t sum = pseudoHeader(ends, ip_protocol::kUdp, bytes);
    return finish(std::move(datagram), 6, sum, ends, ip_protocol::kUdp, identification);
}

ByteBuffer buildTcp(const IpEnds& ends, const TcpHeader& header, ByteView options, ByteView payload)
{
    const std::size_t headerBytes = 20 + (options.size() + 3) / 4 * 4;
    assert(headerBytes <= 60);
    Writer segment{headerBytes + payload.size()};
    segment.u16(header.sourcePort).u16(header.destinationPort).u32(header.sequence).u32(header.acknowledgement);
    segment.u8(static_cast<Byte>(headerBytes / 4 << 4)).u8(header.flags).u16(header.window).u32(0).put(options);
    while (segment.size() < headerBytes)
        segment.u8(0);
    segment.put(payload);
    const std::uint32_t sum = pseudoHeader(ends, ip_protocol::kTcp, segment.size());
    return finish(std::move(segment), 16, sum, ends, ip_protocol::kTcp);
}

ByteBuffer buildEcho(const IpEnds& ends, bool reply, std::uint16_t identifier, std::uint16_t sequence, ByteView payload)
{
    const bool v6 = ends.source.family() == Family::Ipv6;
    const auto type = static_cast<Byte>(v6 ? (reply ? 129 : 128) : (reply ? 0 : 8));
    const std::uint8_t protocol = v6 ? ip_protocol::kIcmpv6 : ip_protocol::kIcmp;
    Writer message{8 + payload.size()};
    message.u8(type).u8(0).u16(0).u16(identifier).u16(sequence).put(payload);
    const std::uint32_t sum = v6 ? pseudoHeader(ends, protocol, message.size()) : 0;
    return finish(std::move(message), 2, sum, ends, protocol);
}

ByteBuffer buildEthernet(const MacAddress& destination, const MacAddress& source, ByteView ip)
{
    const bool v6 = !ip.empty() && ip[0] >> 4 == 6;
    Writer frame = ethernetHeader(destination, source, v6 ? ether_type::kIpv6 : ether_type::kIpv4, ip.size());
    frame.put(ip);
    return frame.release();
}

ByteBuffer buildArpRequest(const MacAddress& sender, const IpAddress& senderIp, const IpAddress& target)
{
    Writer frame = ethernetHeader(kBroadcast, sender, ether_type::kArp, 28);
    frame.u16(1).u16(ether_type::kIpv4).u16(0x0604).u16(1);
    frame.put(sender.bytes).put(senderIp.bytes()).put(MacAddress{}.bytes).put(target.bytes());
    return frame.release();
}

ByteBuffer buildNeighbourSolicitation(const MacAddress& sender, const IpAddress& senderIp, const IpAddress& target)
{
    const ByteView low = target.bytes().last(3);
    const std::array<Byte, 16> group{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, low[0], low[1], low[2]};
    const IpEnds ends{senderIp, IpAddress{group}};
    Writer message{32};
    message.u8(135).u8(0).u16(0).u32(0).put(target.bytes()).u8(1).u8(1).put(sender.bytes);
    const std::uint32_t sum = pseudoHeader(ends, ip_protocol::kIcmpv6, message.size());
    const ByteBuffer ip = finish(std::move(message), 2, sum, ends, ip_protocol::kIcmpv6, 0, 255);
    return buildEthernet(MacAddress{{0x33, 0x33, 0xff, low[0], low[1], low[2]}}, sender, ip);
}

} // namespace beacon
