#pragma once

#include "core/base/bytes.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace beacon {

inline constexpr std::size_t kTokenBytes = 32;
inline constexpr std::size_t kTokenChars = 52; ///< in base32: one DNS label
inline constexpr std::size_t kTagBytes = 12;
inline constexpr std::size_t kMasterKeyBytes = 32;
inline constexpr std::uint8_t kTokenVersion = 1;

using Token = std::array<Byte, kTokenBytes>;
using MasterKey = std::array<Byte, kMasterKeyBytes>;

namespace token_flag {
inline constexpr std::uint8_t kReply = 1; ///< Home → Beacon
inline constexpr std::uint8_t kControl = 2; ///< a known-positive attempt
inline constexpr std::uint8_t kIpv6 = 4;
inline constexpr std::uint8_t kConfirm = 8; ///< the Beacon has seen the reply
} // namespace token_flag

/// What bytes 0 to 19 of a token say, big endian on the wire.
struct TokenFields {
    std::uint8_t flags = 0;
    std::uint32_t keyId = 0; ///< random, names nobody
    std::uint32_t run = 0; ///< which start of the Beacon
    std::uint32_t counter = 0; ///< attempt number in this run
    std::uint8_t technique = 0; ///< Technique::number
    std::uint8_t protocol = 0; ///< intended IP protocol
    std::uint16_t port = 0; ///< intended destination port, 0 where there is none
    std::uint16_t path = 0; ///< pathHash() of next hop, resolver or proxy

    bool operator==(const TokenFields&) const = default;
};

/// nullopt: not 32 bytes, or another version. Says nothing of the tag: TokenKey::verify() does.
[[nodiscard]] std::optional<TokenFields> decodeToken(ByteView bytes);

/// The 20 bytes of `fields` followed by a tag of zeros.
[[nodiscard]] Token encodeFields(const TokenFields& fields);

/// The path field: the low 16 bits (the last two bytes) of the unkeyed BLAKE2b-256 of a raw MAC, a raw address or
/// "host:port".
[[nodiscard]] std::uint16_t pathHash(ByteView raw);
[[nodiscard]] std::uint16_t pathHash(std::string_view hostAndPort);

/// The subkeys of one Beacon's key; seals and verifies its tokens.
///
/// Thread:  const calls from any thread.
/// Source:  libsodium crypto_kdf (context "beacon01": 1 out, 2 in, 3 syn) and crypto_generichash (BLAKE2b, RFC 7693).
/// Owns:    the subkeys; wiped on destruction.
class TokenKey {
public:
    explicit TokenKey(const MasterKey& master);
    TokenKey(const TokenKey&) = default;
    TokenKey& operator=(const TokenKey&) = default;
    ~TokenKey();

    /// A token as the Beacon sends it first; kReply and kConfirm in `fields.flags` are ignored.
    [[nodiscard]] Token seal(const TokenFields& fields) const;

    /// What Home answers to `token`: the same fields with kReply, under the in key.
    [[nodiscard]] Token reply(const Token& token) const;

    /// What the Beacon sends once the reply to `token` has arrived; its tag covers the reply's tag too.
    [[nodiscard]] Token confirm(const Token& token) const;

    /// Whether the tag is right for the flags that the token carries. Constant time.
    [[nodiscard]] bool verify(const Token& token) const;

    /// Subkey 3, for the marks of bare SYN probes.
    [[nodiscard]] const std::array<Byte, 16>& synKey() const noexcept { return m_syn; }

private:
    std::array<Byte, 32> m_out{};
    std::array<Byte, 32> m_in{};
    std::array<Byte, 16> m_syn{};
};

} // namespace beacon
