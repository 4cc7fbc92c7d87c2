#pragma once

#include "core/base/address.h"

#include <optional>
#include <string>
#include <string_view>

namespace beacon {

/// An address and a prefix length: "192.0.2.0/24"; without a length, the one address.
class IpRange {
public:
    /// nullopt: no address, or a length that its family does not have.
    [[nodiscard]] static std::optional<IpRange> parse(std::string_view text);
    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] std::string text() const;

private:
    IpAddress m_network;
    unsigned m_bits = 0;
};

} // namespace beacon
