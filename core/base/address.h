#pragma once

#include "core/base/bytes.h"

#include <array>
#include <compare>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace beacon {

enum class Family : std::uint8_t { Ipv4, Ipv6 };

/// "ipv4" or "ipv6", as in lines and events.
[[nodiscard]] std::string_view familyName(Family family) noexcept;

/// An IPv4 or IPv6 address, network byte order.
class IpAddress {
public:
    IpAddress() = default;

    /// 4 or 16 bytes; anything else is a programming error.
    explicit IpAddress(ByteView bytes) noexcept;

    /// inet_pton(3): no host names, no zones.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] Family family() const noexcept { return m_family; }
    [[nodiscard]] ByteView bytes() const noexcept { return {m_bytes.data(), m_family == Family::Ipv4 ? 4U : 16U}; }
    [[nodiscard]] bool isAny() const noexcept;
    [[nodiscard]] bool isLinkLocal() const noexcept; ///< 169.254/16 or fe80::/10
    [[nodiscard]] std::string text() const;

    auto operator<=>(const IpAddress&) const = default; // NOLINT(modernize-use-nullptr): it rewrites to < 0

private:
    Family m_family = Family::Ipv4;
    std::array<Byte, 16> m_bytes{};
};

/// An Ethernet address.
struct MacAddress {
    std::array<Byte, 6> bytes{};

    [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text);
    [[nodiscard]] std::string text() const; ///< "02:00:5e:10:00:01"
    [[nodiscard]] bool isGroup() const noexcept { return (bytes[0] & 1) != 0; }

    auto operator<=>(const MacAddress&) const = default; // NOLINT(modernize-use-nullptr): it rewrites to < 0
};

/// For hashed containers.
struct IpAddressHash {
    std::size_t operator()(const IpAddress& address) const noexcept
    {
        std::size_t hash = static_cast<std::size_t>(address.family()) + 0x9e3779b97f4a7c15;
        for (const Byte byte : address.bytes())
            hash = (hash ^ byte) * 0x100000001b3;
        return hash;
    }
};

} // namespace beacon
