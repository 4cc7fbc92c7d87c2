#pragma once

#include "core/packet/cursor.h"

#include <string_view>

namespace beacon::test {

/// Makes an LLDP frame TLV by TLV.
class LldpFrame {
public:
    LldpFrame()
        : m_out(256)
    {
        m_out.u16(0x0180).u32(0xc200'000e).u16(0x0200).u32(0x5e10'0001).u16(0x88cc);
    }
    LldpFrame& tlv(std::uint8_t type, ByteView value)
    {
        m_out.u16(static_cast<std::uint16_t>(type << 9 | static_cast<int>(value.size()))).put(value);
        return *this;
    }
    /// With a subtype before the text.
    LldpFrame& id(std::uint8_t type, std::uint8_t subtype, std::string_view text)
    {
        Writer value{text.size() + 1};
        value.u8(subtype).put(bytesOf(text));
        return tlv(type, value.view());
    }
    LldpFrame& text(std::uint8_t type, std::string_view text) { return tlv(type, bytesOf(text)); }
    LldpFrame& ttl(std::uint16_t seconds)
    {
        Writer value{2};
        return tlv(3, value.u16(seconds).view());
    }
    LldpFrame& portVlan(std::uint16_t vlan)
    {
        Writer value{6};
        return tlv(127, value.u16(0x0080).u8(0xc2).u8(1).u16(vlan).view());
    }
    LldpFrame& vlanName(std::uint16_t vlan, std::string_view name)
    {
        Writer value{64};
        value.u16(0x0080).u8(0xc2).u8(3).u16(vlan).u8(static_cast<std::uint8_t>(name.size())).put(bytesOf(name));
        return tlv(127, value.view());
    }
    LldpFrame& end() { return tlv(0, {}); }
    LldpFrame& padding(std::size_t count)
    {
        m_out.put(ByteBuffer(count));
        return *this;
    }
    [[nodiscard]] ByteBuffer bytes() const { return {m_out.view().begin(), m_out.view().end()}; }

    /// Chassis and port by name.
    static LldpFrame of(std::string_view chassis, std::string_view port, std::uint16_t seconds = 120)
    {
        return LldpFrame{}.id(1, 7, chassis).id(2, 5, port).ttl(seconds);
    }

private:
    static ByteView bytesOf(std::string_view text) { return {reinterpret_cast<const Byte*>(text.data()), text.size()}; }
    Writer m_out;
};

} // namespace beacon::test
