#pragma once

#include "core/netlink/netfilter.h"
#include "core/netlink/network_namespace.h"

#include <string>
#include <vector>

namespace beacon {

/// nftables as the Sensor uses them: a text that makes the rules, whatever was there before, and a look that tells
/// whether they are there as the text would make them. Texts may be joined: one nft for all of them.
///
/// Source:  nft(8); the hooks of the family netdev see a frame before and after everything else in the kernel but
///          raw sockets; PACKET_QDISC_BYPASS passes the egress hook, and nothing passes the ingress hook of the far
///          end.
namespace rules {

Result<> load(const NetworkNamespace& where, const std::string& text); ///< all of it, or nothing
[[nodiscard]] std::string without(const std::string& family, const std::string& table); ///< that it is not there

/// A segment's namespace: nothing is forwarded but by its bridge, and nothing is for or from this host.
[[nodiscard]] std::string guardOfSegment(const std::string& bridge);
[[nodiscard]] Result<bool> isSegmentGuarded(const NetworkNamespace& where, const std::string& bridge);

/// The host's namespace, where it has bridges that are given to Instruments: nothing passes from one of them to
/// another, nor from one Instrument to another, be it bridged or routed. What the host does besides stays as it is.
[[nodiscard]] std::string guardOfHost(const std::vector<std::string>& bridges); ///< empty list: none are needed
[[nodiscard]] Result<bool> isHostGuarded(const NetworkNamespace& where, const std::vector<std::string>& bridges);

/// Whatever comes out of this port is dropped: the Instrument behind it cannot send.
[[nodiscard]] std::string silence(const std::string& port);
[[nodiscard]] bool isSilent(const std::vector<NftChain>& netdev, const std::string& port);
/// The same at the Instrument's end, where it may take it away: so that it is told, and does not wonder.
[[nodiscard]] std::string silenceInside(const std::string& table, const std::string& interface);

/// A mirror's uplink: sends nothing, delivers nothing, and duplicates all to the ports.
struct Reader {
    std::string port;
    int index = 0;
};
[[nodiscard]] std::string mirror(const std::string& uplink, const std::vector<Reader>& readers);
[[nodiscard]] bool isMirrored(
    const std::vector<NftChain>& netdev, const std::string& uplink, const std::vector<Reader>& readers);

[[nodiscard]] bool hasTable(const std::vector<NftChain>& chains, const std::string& table);

} // namespace rules

} // namespace beacon
