#include "core/base/address.h"

#include "core/base/base32.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cassert>

namespace beacon {

std::string_view familyName(Family family) noexcept
{
    return family == Family::Ipv4 ? "ipv4" : "ipv6";
}

IpAddress::IpAddress(ByteView bytes) noexcept
    : m_family(bytes.size() == 4 ? Family::Ipv4 : Family::Ipv6)
{
    assert(bytes.size() == 4 || bytes.size() == 16);
    std::copy_n(bytes.begin(), std::min(bytes.size(), m_bytes.size()), m_bytes.begin());
}

std::optional<IpAddress> IpAddress::parse(std::string_view text)
{
    const std::string terminated{text};
    std::array<Byte, 16> raw{};
    if (::inet_pton(AF_INET, terminated.c_str(), raw.data()) == 1)
        return IpAddress{ByteView{raw.data(), 4}};
    if (::inet_pton(AF_INET6, terminated.c_str(), raw.data()) == 1)
        return IpAddress{ByteView{raw}};
    return std::nullopt;
}

bool IpAddress::isAny() const noexcept
{
    return std::ranges::all_of(bytes(), [](Byte byte) { return byte == 0; });
}

bool IpAddress::isLinkLocal() const noexcept
{
    if (m_family == Family::Ipv4)
        return m_bytes[0] == 169 && m_bytes[1] == 254;
    return m_bytes[0] == 0xfe && (m_bytes[1] & 0xc0) == 0x80;
}

std::string IpAddress::text() const
{
    char buffer[INET6_ADDRSTRLEN];
    ::inet_ntop(m_family == Family::Ipv4 ? AF_INET : AF_INET6, m_bytes.data(), buffer, sizeof buffer);
    return buffer;
}

std::optional<MacAddress> MacAddress::parse(std::string_view text)
{
    if (text.size() != 17)
        return std::nullopt;
    MacAddress mac;
    for (std::size_t i = 0; i < 6; ++i) {
        const auto byte = fromHex(text.substr(i * 3, 2));
        if (!byte || (i < 5 && text[i * 3 + 2] != ':'))
            return std::nullopt;
        mac.bytes[i] = byte->front();
    }
    return mac;
}

std::string MacAddress::text() const
{
    std::string text;
    for (const Byte byte : bytes)
        text += (text.empty() ? "" : ":") + toHex({&byte, 1});
    return text;
}

} // namespace beacon
