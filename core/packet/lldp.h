#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// A chassis or port identifier. Text is as the neighbour sent it: see LldpNeighbour.
struct LldpId {
    enum class Kind : std::uint8_t {
        Text, ///< a name: component, interface alias or name, locally assigned
        Mac, ///< "02:00:5e:10:00:01"
        Address, ///< a network address: "192.0.2.1"
        Bytes, ///< anything else, in hexadecimal digits
    };
    Kind kind = Kind::Text;
    std::string text; ///< at most 255 bytes, or 510 digits

    bool operator==(const LldpId&) const = default;
};

struct LldpVlan {
    std::uint16_t id = 0;
    std::string name; ///< at most 32 bytes

    bool operator==(const LldpVlan&) const = default;
};

/// What a neighbour says of itself. Its strings are raw bytes of a stranger, bounded and without trailing NULs: neither
/// valid UTF-8 nor printable until the caller makes them so.
struct LldpNeighbour {
    static constexpr std::size_t kMostVlans = 32;

    MacAddress source; ///< of the frame
    LldpId chassis;
    LldpId port;
    std::chrono::seconds ttl{0}; ///< how long this holds; 0: the neighbour says goodbye
    std::string portDescription; ///< at most 255 bytes, as systemName
    std::string systemName;
    std::optional<std::uint16_t> portVlan; ///< of untagged frames
    std::vector<LldpVlan> vlans; ///< at most kMostVlans, those with a name

    bool operator==(const LldpNeighbour&) const = default;
};

/// Reads an Ethernet frame with an LLDPDU. nullopt: it is none, or breaks the rules that make a receiver discard it
/// (IEEE 802.1AB section 9.2.7). Of an optional TLV that comes twice the first counts; one that is malformed or unknown
/// is passed over. Allocates, bounded as said above.
/// Source: IEEE 802.1AB-2016 section 8, IEEE 802.1Q annex D (organisation 00-80-c2).
[[nodiscard]] std::optional<LldpNeighbour> parseLldp(ByteView frame);

} // namespace beacon
