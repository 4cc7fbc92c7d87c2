#include "core/packet/parse.h"

#include "core/packet/cursor.h"

#include <algorithm>

namespace beacon {

namespace {

MacAddress takeMac(Cursor& cursor)
{
    MacAddress mac;
    std::ranges::copy(cursor.take(6), mac.bytes.begin());
    return mac;
}

IpAddress takeAddress(Cursor& cursor, std::size_t bytes)
{
    const ByteView raw = cursor.take(bytes);
    return raw.size() == bytes ? IpAddress{raw} : IpAddress{};
}

std::optional<IpView> parseIpv4(ByteView packet)
{
    Cursor cursor{packet};
    IpView view;
    const std::size_t headerBytes = (cursor.u8() & 0x0fU) * 4U;
    cursor.u8(); // differentiated services
    const std::size_t totalBytes = cursor.u16();
    view.identification = cursor.u16();
    const std::uint16_t fragment = cursor.u16();
    view.laterFragment = (fragment & 0x1fff) != 0;
    view.ttl = cursor.u8();
    view.protocol = cursor.u8();
    cursor.u16(); // checksum: the kernel judges it, and a captured packet may not have it yet
    view.source = takeAddress(cursor, 4);
    view.destination = takeAddress(cursor, 4);
    if (!cursor.ok() || headerBytes < 20 || headerBytes > packet.size() || totalBytes < headerBytes)
        return std::nullopt;
    view.truncated = totalBytes > packet.size();
    view.payload = packet.first(std::min(totalBytes, packet.size())).subspan(headerBytes);
    return view;
}

/// RFC 8200 section 4: hop-by-hop, routing, fragment, destination options, and RFC 4302's authentication header.
bool skipExtensions(IpView& view)
{
    enum : std::uint8_t {
        HopByHop = 0,
        Routing = 43,
        Fragment = 44,
        Authentication = 51,
        NoNext = 59,
        DestinationOptions = 60
    };
    for (int headers = 0; headers < 8; ++headers) {
        Cursor cursor{view.payload};
        const std::uint8_t current = view.protocol;
        if (current == Fragment) {
            view.protocol = cursor.u8();
            cursor.u8();
            view.laterFragment = (cursor.u16() >> 3) != 0;
            cursor.u32();
        } else if (current == HopByHop || current == Routing || current == DestinationOptions
            || current == Authentication) {
            view.protocol = cursor.u8();
            const std::size_t length = cursor.u8();
            cursor.take(current == Authentication ? (length + 2) * 4 - 2 : (length + 1) * 8 - 2);
        } else {
            return current != NoNext;
        }
        if (!cursor.ok())
            return false;
        view.payload = cursor.left();
        if (view.laterFragment)
            return true;
    }
    return false;
}

std::optional<IpView> parseIpv6(ByteView packet)
{
    Cursor cursor{packet};
    IpView view;
    cursor.u32(); // version, class, flow
    const std::size_t payloadBytes = cursor.u16();
    view.protocol = cursor.u8();
    view.ttl = cursor.u8();
    view.source = takeAddress(cursor, 16);
    view.destination = takeAddress(cursor, 16);
    if (!cursor.ok())
        return std::nullopt;
    view.truncated = payloadBytes > cursor.left().size();
    view.payload = cursor.left().first(std::min(payloadBytes, cursor.left().size()));
    if (!skipExtensions(view))
        return std::nullopt;
    return view;
}

} // namespace

std::optional<EthernetView> parseEthernet(ByteView frame)
{
    Cursor cursor{frame};
    EthernetView view;
    view.destination = takeMac(cursor);
    view.source = takeMac(cursor);
    view.etherType = cursor.u16();
    for (int tags = 0; tags < 2 && (view.etherType == ether_type::kVlan || view.etherType == ether_type::kQinQ);
         ++tags) {
        cursor.u16();
        view.etherType = cursor.u16();
    }
    if (!cursor.ok())
        return std::nullopt;
    view.payload = cursor.left();
    return view;
}

std::optional<IpView> parseIp(ByteView packet)
{
    if (packet.empty())
        return std::nullopt;
    switch (packet[0] >> 4) {
    case 4:
        return parseIpv4(packet);
    case 6:
        return parseIpv6(packet);
    default:
        return std::nullopt;
    }
}

std::optional<UdpView> parseUdp(ByteView datagram)
{
    Cursor cursor{datagram};
    UdpView view;
    view.sourcePort = cursor.u16();
    view.destinationPort = cursor.u16();
    const std::size_t length = cursor.u16();
    cursor.u16();
    if (!cursor.ok() || length < 8)
        return std::nullopt;
    view.payload = cursor.left().first(std::min(length - 8, cursor.left().size()));
    return view;
}

std::optional<TcpView> parseTcp(ByteView segment)
{
    Cursor cursor{segment};
    TcpView view;
    view.sourcePort = cursor.u16();
    view.destinationPort = cursor.u16();
    view.sequence = cursor.u32();
    view.acknowledgement = cursor.u32();
    const std::size_t headerBytes = (cursor.u8() >> 4) * 4U;
    view.flags = cursor.u8();
    view.window = cursor.u16();
    cursor.u32(); // checksum, urgent pointer
    if (!cursor.ok() || headerBytes < 20 || headerBytes > segment.size())
        return std::nullopt;
    view.options = segment.subspan(20, headerBytes - 20);
    view.payload = segment.subspan(headerBytes);
    return view;
}

std::optional<IcmpView> parseIcmp(ByteView message)
{
    Cursor cursor{message};
    IcmpView view;
    view.type = cursor.u8();
    view.code = cursor.u8();
    cursor.u16();
    view.rest = cursor.u32();
    if (!cursor.ok())
        return std::nullopt;
    view.payload = cursor.left();
    return view;
}

std::optional<ArpView> parseArp(ByteView packet)
{
    Cursor cursor{packet};
    const bool ethernetIpv4 = cursor.u16() == 1 && cursor.u16() == ether_type::kIpv4 && cursor.u16() == 0x0604;
    ArpView view;
    view.operation = cursor.u16();
    view.senderMac = takeMac(cursor);
    view.senderIp = takeAddress(cursor, 4);
    takeMac(cursor);
    view.targetIp = takeAddress(cursor, 4);
    if (!ethernetIpv4 || !cursor.ok())
        return std::nullopt;
    return view;
}

std::optional<NeighbourAdvertisementView> parseNeighbourAdvertisement(ByteView icmpv6)
{
    enum : std::uint8_t { Advertisement = 136, TargetLinkLayerAddress = 2 };
    Cursor cursor{icmpv6};
    const bool advertisement = cursor.u16() == Advertisement << 8; // code 0
    cursor.take(6); // checksum, flags
    NeighbourAdvertisementView view;
    view.target = takeAddress(cursor, 16);
    if (!advertisement || !cursor.ok())
        return std::nullopt;
    while (cursor.left().size() >= 8) {
        const std::uint8_t type = cursor.u8();
        const std::size_t bytes = cursor.u8() * 8U;
        if (bytes == 0)
            return std::nullopt;
        Cursor option{cursor.take(bytes - 2)};
        if (!cursor.ok())
            return std::nullopt;
        if (type == TargetLinkLayerAddress && bytes == 8)
            view.mac = takeMac(option);
    }
    return view;
}

} // namespace beacon
