#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"

#include <cstdint>
#include <optional>

/// Bounds-checked readers of hostile packets. Nothing here allocates or throws, whatever the bytes are; views point
/// into the packet that was given. nullopt: truncated, or not that protocol.
namespace beacon {

namespace ip_protocol {
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIcmpv6 = 58;
} // namespace ip_protocol

namespace ether_type {
inline constexpr std::uint16_t kIpv4 = 0x0800;
inline constexpr std::uint16_t kArp = 0x0806;
inline constexpr std::uint16_t kVlan = 0x8100;
inline constexpr std::uint16_t kQinQ = 0x88a8;
inline constexpr std::uint16_t kIpv6 = 0x86dd;
inline constexpr std::uint16_t kLldp = 0x88cc;
} // namespace ether_type

/// IEEE 802.3 with up to two IEEE 802.1Q tags, which are skipped.
struct EthernetView {
    MacAddress destination;
    MacAddress source;
    std::uint16_t etherType = 0;
    ByteView payload;
};
[[nodiscard]] std::optional<EthernetView> parseEthernet(ByteView frame);

/// RFC 791 and RFC 8200; `payload` begins after options and extension headers and ends where the length field says.
struct IpView {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    std::uint8_t ttl = 0;
    std::uint16_t identification = 0; ///< IPv4 only
    bool laterFragment = false; ///< not the first: the payload holds no transport header
    bool truncated = false; ///< fewer bytes than the length field says (a quoted packet)
    ByteView payload;
};
[[nodiscard]] std::optional<IpView> parseIp(ByteView packet);

struct UdpView {
    std::uint16_t sourcePort = 0;
    std::uint16_t destinationPort = 0;
    ByteView payload; ///< as far as the length field and the packet go
};
[[nodiscard]] std::optional<UdpView> parseUdp(ByteView datagram);

struct TcpView {
    std::uint16_t sourcePort = 0;
    std::uint16_t destinationPort = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0; ///< tcp_flag
    std::uint16_t window = 0;
    ByteView options;
    ByteView payload;
};
namespace tcp_flag {
inline constexpr std::uint8_t kFin = 1;
inline constexpr std::uint8_t kSyn = 2;
inline constexpr std::uint8_t kRst = 4;
inline constexpr std::uint8_t kPsh = 8;
inline constexpr std::uint8_t kAck = 16;
} // namespace tcp_flag
[[nodiscard]] std::optional<TcpView> parseTcp(ByteView segment);

/// RFC 792 and RFC 4443.
struct IcmpView {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint32_t rest = 0; ///< identifier and sequence number of an echo
    ByteView payload; ///< behind the 8-byte header: an echo's data, an error's quoted packet
};
[[nodiscard]] std::optional<IcmpView> parseIcmp(ByteView message);

/// RFC 826, Ethernet and IPv4 only.
struct ArpView {
    std::uint16_t operation = 0; ///< 1 request, 2 reply
    MacAddress senderMac;
    IpAddress senderIp;
    IpAddress targetIp;
};
[[nodiscard]] std::optional<ArpView> parseArp(ByteView packet);

/// RFC 4861 section 4.4, a neighbour advertisement (the ICMPv6 message).
struct NeighbourAdvertisementView {
    IpAddress target;
    std::optional<MacAddress> mac; ///< the target link-layer address option
};
[[nodiscard]] std::optional<NeighbourAdvertisementView> parseNeighbourAdvertisement(ByteView icmpv6);

} // namespace beacon
