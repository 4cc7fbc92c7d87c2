#pragma once

#include "core/netlink/network_namespace.h"

#include <string>
#include <vector>

namespace beacon {

/// Names of features of a network device, as `ethtool -k` has them or like them: "tx-tcp-segmentation".
using Offloads = std::vector<std::string>;

/// Switches off what makes frames at a raw socket differ from those on the cable: checksums (rx, tx), scatter-gather,
/// segmentation (tso, gso, and ufo-like) and merging (gro, lro); then reads back what the device says. What a driver
/// declares fixed is left alone.
///
/// The answer is what was on before: for switchOffloadsOn() when the device is released.
/// Errors:  NotFound: no such device. Denied: CAP_NET_ADMIN. System: one stays on that may be switched off.
/// Source:  ethtool(8), Linux Documentation/networking/netdev-features.rst
[[nodiscard]] Result<Offloads> switchOffloadsOff(const NetworkNamespace& where, const std::string& device);
/// What the device does not know any more is left out.
Result<> switchOffloadsOn(const NetworkNamespace& where, const std::string& device, const Offloads& offloads);

} // namespace beacon
