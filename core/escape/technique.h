#pragma once

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/token/token.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// Destination ports as sorted ranges: a count and at(i), whatever their number.
class PortSet {
public:
    PortSet() = default;
    explicit PortSet(std::span<const std::uint16_t> sortedPorts);
    [[nodiscard]] static PortSet all(); ///< 1 to 65535

    [[nodiscard]] std::size_t count() const noexcept { return m_count; }
    [[nodiscard]] std::uint16_t at(std::size_t i) const noexcept;

private:
    struct Range {
        std::uint16_t first;
        std::size_t before;
    };
    std::vector<Range> m_ranges;
    std::size_t m_count = 0;
};

/// Home's address of each family, as far as there is one.
struct HomePair {
    std::array<IpAddress, 2> addresses;
    std::size_t count = 0;
};

/// What a Beacon may aim at; changes only between attempts.
struct Aim {
    std::vector<IpAddress> home; ///< one of each family is aimed at: the first
    std::vector<IpAddress> resolvers; ///< the nameserver lines of /etc/resolv.conf
    PortSet ports = PortSet::all();
    std::string zone; ///< Home's DNS zone, without the last dot; empty: none

    [[nodiscard]] HomePair homePerFamily() const;
};

/// One member of a technique's fixed set: technique × family × target.
struct Probe {
    Family family = Family::Ipv4;
    IpAddress destination;
    std::uint8_t protocol = 0; ///< IP protocol number
    std::uint16_t port = 0; ///< 0 where there is none
    bool byResolver = false; ///< the path is the destination itself, not the next hop

    bool operator==(const Probe&) const = default;
};

/// One probe about to be sent.
struct Attempt {
    Probe probe;
    Token token{};
    IpAddress source;
    std::uint16_t sourcePort = 0; ///< held for us on this host, so that the kernel answers nothing itself
    std::string_view zone;

    /// The attempt's number, cut: an IPv4 identification or an echo's sequence number, which errors quote.
    [[nodiscard]] std::uint16_t identification() const noexcept
    {
        return static_cast<std::uint16_t>(token[12] << 8 | token[13]);
    }
};

/// Where a technique's packets go: the wire, or memory in a test.
class PacketSink {
public:
    virtual ~PacketSink() = default;
    /// One whole IP packet, to the attempt's next hop.
    virtual Result<> sendIp(ByteView packet) = 0;
    /// The kernel's TCP to `attempt`'s destination and port; `payload` once connected; closed within 900 ms.
    virtual Result<> exchangeTcp(const Attempt& attempt, ByteView payload) = 0;
};

/// A way of escaping. One file in techniques/, one word in CMakeLists.txt.
struct Technique {
    std::uint8_t number; ///< on the wire, for ever
    std::string_view name;
    std::string_view help;
    std::string_view source; ///< the RFC or man page
    std::size_t (*count)(const Aim&);
    Probe (*at)(const Aim&, std::size_t i); ///< i < count()
    Result<> (*send)(const Attempt&, PacketSink&);
    std::size_t frameBytes; ///< of the one frame that an attempt costs while nothing answers, over IPv4 with its
                            ///< Ethernet header
    bool confirmed; ///< a reply is answered with TokenKey::confirm()
};

/// All techniques of this build, by number.
[[nodiscard]] std::span<const Technique* const> techniques() noexcept;
[[nodiscard]] const Technique* findTechnique(std::string_view name) noexcept;
[[nodiscard]] const Technique* findTechnique(std::uint8_t number) noexcept;

} // namespace beacon
