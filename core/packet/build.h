#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"

#include <cstdint>

/// Builders of whole packets with right lengths and checksums. Source and destination are of one family.
namespace beacon {

struct IpEnds {
    IpAddress source;
    IpAddress destination;
};

/// An IP packet (RFC 791, RFC 8200): TTL or hop limit 64 unless given, IPv4 with DF and `identification`.
[[nodiscard]] ByteBuffer buildIp(const IpEnds& ends, std::uint8_t protocol, ByteView payload,
    std::uint16_t identification = 0, std::uint8_t ttl = 64);

/// RFC 768 in an IP packet.
[[nodiscard]] ByteBuffer buildUdp(const IpEnds& ends, std::uint16_t sourcePort, std::uint16_t destinationPort,
    ByteView payload, std::uint16_t identification = 0);

struct TcpHeader {
    std::uint16_t sourcePort = 0;
    std::uint16_t destinationPort = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0; ///< tcp_flag
    std::uint16_t window = 64240;
};
/// RFC 9293 in an IP packet; `options` are padded to 4 bytes with end-of-list.
[[nodiscard]] ByteBuffer buildTcp(const IpEnds& ends, const TcpHeader& header, ByteView options, ByteView payload);

/// An ICMP or ICMPv6 echo request (or reply) in an IP packet.
[[nodiscard]] ByteBuffer buildEcho(
    const IpEnds& ends, bool reply, std::uint16_t identifier, std::uint16_t sequence, ByteView payload);

/// The Ethernet frame around an IP packet; the type follows from its version.
[[nodiscard]] ByteBuffer buildEthernet(const MacAddress& destination, const MacAddress& source, ByteView ip);

/// RFC 826: who has `target`? A whole broadcast frame.
[[nodiscard]] ByteBuffer buildArpRequest(const MacAddress& sender, const IpAddress& senderIp, const IpAddress& target);

/// RFC 4861 section 4.3 to the solicited-node group, with the source link-layer address option. A whole frame.
[[nodiscard]] ByteBuffer buildNeighbourSolicitation(
    const MacAddress& sender, const IpAddress& senderIp, const IpAddress& target);

/// RFC 1071 over `bytes`, starting from `sum` (not folded, not complemented, host order).
[[nodiscard]] std::uint32_t checksumAdd(std::uint32_t sum, ByteView bytes);
[[nodiscard]] std::uint16_t checksumFold(std::uint32_t sum);

} // namespace beacon
