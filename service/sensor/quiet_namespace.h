#pragma once

#include "core/netlink/network_namespace.h"

namespace beacon {

/// Settings of a network namespace; what this kernel does not have is not missed.
///
/// Errors:  Denied, System: one that it has cannot be read or set.
/// Source:  Linux Documentation/networking/ip-sysctl.rst
namespace quiet {

/// Frames and packets of this namespace stay where they are: it forwards nothing. For an Instrument's.
Result<> forwardNothing(const NetworkNamespace& where);
[[nodiscard]] Result<bool> forwardsNothing(const NetworkNamespace& where); ///< by none of its interfaces
/// For a segment's: no forwarding, no IPv6, and no look into what is bridged, which br_netfilter would drop where it
/// finds it malformed.
Result<> beOnlyABridge(const NetworkNamespace& where);
[[nodiscard]] Result<bool> isOnlyABridge(const NetworkNamespace& where);

} // namespace quiet

} // namespace beacon
