#include "core/packet/lldp.h"

#include "core/packet/cursor.h"
#include "core/packet/parse.h"

#include <algorithm>
#include <array>

namespace beacon {

namespace {

enum Tlv : std::uint8_t {
    End = 0,
    Chassis = 1,
    Port = 2,
    TimeToLive = 3,
    PortDescription = 4,
    SystemName = 5,
    Organisation = 127
};
constexpr std::size_t kMaxTextBytes = 255;
constexpr std::size_t kMaxVlanNameBytes = 32;

std::string toText(ByteView raw, std::size_t mostBytes = kMaxTextBytes)
{
    std::string text{raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(std::min(raw.size(), mostBytes))};
    text.erase(text.find_last_not_of('\0') + 1); // some switches send their C strings whole
    return text;
}

std::string toDigits(ByteView raw)
{
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const Byte byte : raw) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0x0f];
    }
    return text;
}

LldpId toMac(ByteView raw)
{
    MacAddress mac;
    if (raw.size() != mac.bytes.size())
        return {LldpId::Kind::Bytes, toDigits(raw)};
    std::ranges::copy(raw, mac.bytes.begin());
    return {LldpId::Kind::Mac, mac.text()};
}

LldpId toAddress(ByteView raw)
{
    constexpr Byte kIpv4 = 1, kIpv6 = 2; // IANA address family numbers
    if ((raw[0] == kIpv4 && raw.size() == 5) || (raw[0] == kIpv6 && raw.size() == 17))
        return {LldpId::Kind::Address, IpAddress{raw.subspan(1)}.text()};
    return {LldpId::Kind::Bytes, toDigits(raw)};
}

using ToId = LldpId (*)(ByteView);

LldpId toName(ByteView raw)
{
    return {LldpId::Kind::Text, toText(raw)};
}
LldpId toBytes(ByteView raw)
{
    return {LldpId::Kind::Bytes, toDigits(raw)};
}

// Indexed by subtype, 0 to 7. Tables 8-2 and 8-3 differ.
constexpr std::array<ToId, 8> kChassisIds{
    toBytes, toName /* component */, toName /* alias */, toName /* port */, toMac, toAddress, toName, toName};
constexpr std::array<ToId, 8> kPortIds{
    toBytes, toName /* alias */, toName /* component */, toMac, toAddress, toName, toBytes /* circuit */, toName};

std::optional<LldpId> takeId(ByteView value, const std::array<ToId, 8>& kinds)
{
    if (value.size() < 2 || value.size() > 1 + kMaxTextBytes)
        return std::nullopt;
    const std::uint8_t subtype = value[0];
    return (subtype < kinds.size() ? kinds[subtype] : toBytes)(value.subspan(1));
}

void takeOrganisation(ByteView value, LldpNeighbour& neighbour)
{
    constexpr std::array<Byte, 3> kIeee8021{0x00, 0x80, 0xc2};
    enum : std::uint8_t { PortVlan = 1, VlanName = 3 };
    Cursor cursor{value};
    const bool ours = std::ranges::equal(cursor.take(3), kIeee8021);
    const std::uint8_t subtype = cursor.u8();
    const std::uint16_t id = cursor.u16();
    constexpr std::uint16_t kHighestVlan = 4094;
    if (!ours || !cursor.ok() || id == 0 || id > kHighestVlan) // 0: the port has none
        return;
    if (subtype == PortVlan && !neighbour.portVlan)
        neighbour.portVlan = id;
    if (subtype == VlanName && neighbour.vlans.size() < LldpNeighbour::kMostVlans) {
        const ByteView name = cursor.take(cursor.u8());
        if (!name.empty())
            neighbour.vlans.push_back({id, toText(name, kMaxVlanNameBytes)});
    }
}

/// False where the whole frame is to be discarded.
bool takeOptional(std::uint8_t type, ByteView value, LldpNeighbour& neighbour)
{
    switch (type) {
    case Chassis:
    case Port:
    case TimeToLive:
        return false; // each once, and at the front
    case PortDescription:
        if (neighbour.portDescription.empty())
            neighbour.portDescription = toText(value);
        return true;
    case SystemName:
        if (neighbour.systemName.empty())
            neighbour.systemName = toText(value);
        return true;
    case Organisation:
        takeOrganisation(value, neighbour);
        return true;
    default:
        return true;
    }
}

/// The type, and the value in `value`; nullopt: truncated.
std::optional<std::uint8_t> takeTlv(Cursor& cursor, ByteView& value)
{
    const std::uint16_t header = cursor.u16();
    value = cursor.take(header & 0x1ffU);
    return cursor.ok() ? std::optional{static_cast<std::uint8_t>(header >> 9)} : std::nullopt;
}

bool takeMandatory(Cursor& cursor, LldpNeighbour& neighbour)
{
    ByteView value;
    if (takeTlv(cursor, value) != Chassis)
        return false;
    const auto chassis = takeId(value, kChassisIds);
    if (!chassis || takeTlv(cursor, value) != Port)
        return false;
    const auto port = takeId(value, kPortIds);
    if (!port || takeTlv(cursor, value) != TimeToLive || value.size() < 2)
        return false;
    neighbour.chassis = *chassis;
    neighbour.port = *port;
    neighbour.ttl = std::chrono::seconds{Cursor{value}.u16()};
    return true;
}

} // namespace

std::optional<LldpNeighbour> parseLldp(ByteView frame)
{
    const auto ethernet = parseEthernet(frame);
    if (!ethernet || ethernet->etherType != ether_type::kLldp)
        return std::nullopt;
    LldpNeighbour neighbour;
    neighbour.source = ethernet->source;
    Cursor cursor{ethernet->payload};
    if (!takeMandatory(cursor, neighbour))
        return std::nullopt;
    while (!cursor.left().empty()) { // the end TLV may be missing where there is no padding
        ByteView value;
        const auto type = takeTlv(cursor, value);
        if (!type)
            return std::nullopt;
        if (*type == End)
            break;
        if (!takeOptional(*type, value, neighbour))
            return std::nullopt;
    }
    return neighbour;
}

} // namespace beacon
