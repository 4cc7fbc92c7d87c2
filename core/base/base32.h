#pragma once

#include "core/base/bytes.h"

#include <optional>
#include <string>
#include <string_view>

namespace beacon {

/// RFC 4648 base32, lower case, without padding: 32 bytes are 52 characters.
[[nodiscard]] std::string toBase32(ByteView bytes);

/// Either case. nullopt: another character, an impossible length, or pad bits that are not zero.
[[nodiscard]] std::optional<ByteBuffer> fromBase32(std::string_view text);

/// Two lower-case hexadecimal digits a byte.
[[nodiscard]] std::string toHex(ByteView bytes);

/// Either case. nullopt: another character or an odd length.
[[nodiscard]] std::optional<ByteBuffer> fromHex(std::string_view text);

} // namespace beacon
