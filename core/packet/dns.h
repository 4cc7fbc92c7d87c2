#pragma once

#include "core/base/bytes.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// RFC 1035 messages, as far as a prober and its zone need them.
namespace beacon {

namespace dns_type {
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kNs = 2;
inline constexpr std::uint16_t kSoa = 6;
inline constexpr std::uint16_t kTxt = 16;
inline constexpr std::uint16_t kAaaa = 28;
} // namespace dns_type

namespace dns_rcode {
inline constexpr std::uint8_t kNoError = 0;
inline constexpr std::uint8_t kFormErr = 1;
inline constexpr std::uint8_t kServFail = 2;
inline constexpr std::uint8_t kNxDomain = 3;
inline constexpr std::uint8_t kNotImp = 4;
inline constexpr std::uint8_t kRefused = 5;
} // namespace dns_rcode

struct DnsQuestion {
    std::string
        name; ///< dotted, without the last dot, as it came (case kept); bytes that are no LDH or '_' stand as \ddd
    std::uint16_t type = 0;
    std::uint16_t dnsClass = 0;
};

/// The header and the question of a message; sections behind it are counted, and TXT answers are read.
struct DnsView {
    std::uint16_t id = 0;
    bool response = false;
    bool authoritative = false;
    bool recursionDesired = false;
    std::uint8_t opcode = 0;
    std::uint8_t rcode = 0;
    DnsQuestion question; ///< of the one question; other counts are rejected
    std::vector<std::string> textAnswers; ///< character-strings of TXT answers, joined per record; at most 8
    std::optional<std::uint16_t> udpSize; ///< of an OPT record (RFC 6891)
};

/// nullopt: truncated, a loop of pointers, not exactly one question. Never reads beyond `message`, never allocates more
/// than 4 KiB.
[[nodiscard]] std::optional<DnsView> parseDns(ByteView message);

/// A query with the recursion-desired bit and, for `udpSize` > 0, an OPT record. Empty where the name is no valid name.
[[nodiscard]] ByteBuffer buildDnsQuery(std::uint16_t id, std::string_view name, std::uint16_t type,
    bool recursionDesired = true, std::uint16_t udpSize = 0);

/// What an authoritative server says to `query`: the question again, then `text` as one TXT answer with TTL 0 (where
/// there is one), else the zone's SOA with minimum 0 (RFC 2308) as authority where `zone` is not empty.
[[nodiscard]] ByteBuffer buildDnsAnswer(
    const DnsView& query, std::uint8_t rcode, std::optional<std::string_view> text, std::string_view zone);

/// Case-insensitive (RFC 4343): `name` is `zone` or lies below it; the labels before it, dotted; nullopt where it does
/// not.
[[nodiscard]] std::optional<std::string_view> labelsBelow(std::string_view name, std::string_view zone);

} // namespace beacon
