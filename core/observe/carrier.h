#pragma once

#include "core/base/bytes.h"
#include "core/packet/parse.h"
#include "core/token/token.h"

#include <optional>
#include <span>
#include <string_view>

namespace beacon {

/// One IP packet with the header behind it; the views point into the packet. A later fragment has no header.
struct PacketView {
    IpView ip;
    std::optional<UdpView> udp;
    std::optional<TcpView> tcp;
    std::optional<IcmpView> icmp;
};
[[nodiscard]] std::optional<PacketView> viewPacket(ByteView ip);

/// What a token may arrive in. One file in carriers/, one word in CMakeLists.txt. Any technique's token may arrive in
/// any carrier: a proxy, a resolver or a rewriting gateway changes the one but not the other.
struct Carrier {
    std::string_view name;
    std::string_view help;
    std::string_view source; ///< the RFC
    /// 32 bytes of this version that stand where this carrier has them; their tag is for the keyring to judge.
    std::optional<Token> (*recognise)(const PacketView& packet, std::string_view zone);
};

namespace carrier {
#include "carrier_registry.inc"
}

[[nodiscard]] std::span<const Carrier* const> carriers() noexcept;
[[nodiscard]] const Carrier* findCarrier(std::string_view name) noexcept;

/// The first 32 bytes, where they are a token of this version.
[[nodiscard]] std::optional<Token> tokenAtFront(ByteView bytes);

/// A label of 52 base32 characters, in any case, anywhere in a name below `zone`; none where `zone` is empty.
[[nodiscard]] std::optional<Token> tokenInName(std::string_view name, std::string_view zone);

} // namespace beacon
