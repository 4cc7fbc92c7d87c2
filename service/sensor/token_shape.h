#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"

#include <compare>
#include <cstdint>
#include <optional>

namespace beacon {

/// What token-shaped bytes say of themselves.
struct TokenKind {
    std::uint32_t keyId = 0;
    std::uint8_t technique = 0; ///< Technique::number
    Family family = Family::Ipv4; ///< of the packet that carried it

    auto operator<=>(const TokenKind&) const = default; // NOLINT(modernize-use-nullptr): it rewrites to < 0
};

/// The token that a carrier of core/observe sees in an IP packet, where its fields are such as a Beacon sends them. No
/// key is needed, and so nothing is proven: who wants to look like a Beacon can. A name is searched whatever its zone;
/// other carriers hold the token and nothing else. Of fragments the first is looked at.
[[nodiscard]] std::optional<TokenKind> tokenShapeIn(ByteView ipPacket);

} // namespace beacon
