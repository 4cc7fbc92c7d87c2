#pragma once

#include "core/base/bytes.h"
#include "core/netlink/network_namespace.h"

#include <cstdint>
#include <string>
#include <vector>

namespace beacon {

/// What the kernel holds of one rule; enough to see whether it is the one that we made.
struct NftRule {
    std::string comment;
    std::vector<std::uint32_t> numbers; ///< loaded by it: of `dup to`, the index of the device
};

struct NftChain {
    std::string table, name;
    std::vector<std::string> devices; ///< of a netdev chain
    int hook = -1; ///< NF_NETDEV_INGRESS, NF_BR_FORWARD, …; -1: not hooked in
    bool drops = false; ///< its policy
    std::vector<NftRule> rules;
};

/// All chains of one family (NFPROTO_NETDEV, NFPROTO_BRIDGE, NFPROTO_INET) in a namespace, without starting nft.
///
/// Errors:  Denied: CAP_NET_ADMIN is missing there. Unsupported: this kernel has no nftables.
/// Source:  linux/netfilter/nf_tables.h
[[nodiscard]] Result<std::vector<NftChain>> nftChains(const NetworkNamespace& where, int family);

} // namespace beacon
