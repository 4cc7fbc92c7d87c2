#pragma once

#include "core/base/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The Beacon's output lines: one JSON object each, at most kMaxLineBytes.
namespace beacon {

inline constexpr std::size_t kMaxLineBytes = 4'000;
inline constexpr int kLineVersion = 1;

enum class Outcome : std::uint8_t {
    Sent, ///< the frame was seen leaving to a resolved next hop, and nothing answered but, perhaps, Home
    NoNextHop, ///< nobody answered for the next hop's address
    Refused, ///< answered by something that is not Home
    Unreachable, ///< an ICMP error came back
    LocalError, ///< this host did not send it; the errno is named
    Skipped, ///< not tried; the reason is given
    Planned, ///< a dry run
};
[[nodiscard]] std::string_view outcomeName(Outcome outcome) noexcept; ///< "sent", "no_next_hop", …
[[nodiscard]] std::optional<Outcome> outcomeFromName(std::string_view name) noexcept;

/// Life-bearing: whether the attempt left this host.
[[nodiscard]] constexpr bool leftTheHost(Outcome outcome) noexcept
{
    return outcome == Outcome::Sent || outcome == Outcome::Refused || outcome == Outcome::Unreachable;
}

struct HelloLine {
    std::string version;
    std::string interface;
    double ratePps = 0;
    std::uint32_t run = 0;
    std::vector<std::string> techniques;
};

/// What an attempt aimed at.
struct AttemptTarget {
    std::uint64_t n = 0; ///< attempt number in this run
    std::string technique;
    Family family = Family::Ipv4;
    std::string dst; ///< an address in text form
    std::uint8_t proto = 0; ///< IP protocol number
    std::uint16_t port = 0; ///< 0: none, and the key is left out
    std::string via; ///< next hop's MAC, resolver or proxy; empty: unknown, and the key is left out
};

struct AttemptLine {
    AttemptTarget target;
    Outcome outcome = Outcome::Sent;
    std::string errnoName; ///< "EPERM", for LocalError
    std::string reason; ///< for Skipped
};

struct EscapeLine {
    AttemptTarget target;
    std::uint64_t rttUs = 0;
};

struct IdleLine {
    std::uint64_t forSeconds = 0;
};
struct PausedLine {
    std::string reason;
    std::uint64_t forSeconds = 0;
};
struct CycleLine {
    std::uint64_t cycle = 0, attempts = 0, errors = 0, seconds = 0;
};
/// A JSON object with a `t` that this version does not know.
struct OtherLine {
    std::string type;
};

using Line = std::variant<HelloLine, AttemptLine, EscapeLine, IdleLine, PausedLine, CycleLine, OtherLine>;

/// The JSON object, without a newline, of at most kMaxLineBytes (long strings are cut to fit).
[[nodiscard]] std::string writeLine(const Line& line);

/// The same for people.
[[nodiscard]] std::string describeLine(const Line& line);

/// nullopt: no JSON object, no string `t`, or a known `t` that lacks what it must have. Unknown keys are ignored.
/// Bounded: text over 8 KiB is refused, strings over 256 bytes are cut, nesting beyond 8 is refused.
[[nodiscard]] std::optional<Line> readLine(std::string_view text);

} // namespace beacon
