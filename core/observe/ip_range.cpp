#include "core/observe/ip_range.h"

#include <charconv>

namespace beacon {

std::optional<IpRange> IpRange::parse(std::string_view text)
{
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address)
        return std::nullopt;
    IpRange range;
    range.m_network = *address;
    range.m_bits = static_cast<unsigned>(address->bytes().size() * 8);
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned bits = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (error != std::errc{} || end != digits.data() + digits.size() || bits > range.m_bits)
            return std::nullopt;
        range.m_bits = bits;
    }
    return range;
}

bool IpRange::contains(const IpAddress& address) const noexcept
{
    if (address.family() != m_network.family())
        return false;
    for (unsigned bit = 0; bit < m_bits; bit += 8) {
        const unsigned left = m_bits - bit;
        const auto mask = static_cast<Byte>(left >= 8 ? 0xff : 0xff << (8 - left));
        if (((address.bytes()[bit / 8] ^ m_network.bytes()[bit / 8]) & mask) != 0)
            return false;
    }
    return true;
}

std::string IpRange::text() const
{
    return m_network.text() + '/' + std::to_string(m_bits);
}

} // namespace beacon
