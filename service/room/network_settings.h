#pragma once

#include "core/base/result.h"

/// Settings of the network namespace that this process is in: all that is new in Linux begins with what the host has
/// at that time, so nothing is left to it (ip-sysctl.rst: devconf_inherit_init_net).
///
/// Errors:  System, where a setting that the kernel has is refused; what the kernel does not have is not missed.
namespace beacon {

[[nodiscard]] Result<> setUpLoopback();

/// From no interface to another, those that come later included.
[[nodiscard]] Result<> forwardNothing();

/// For a namespace that is to be nothing but a bridge: no IPv6 of its own, and no frame handed to iptables.
[[nodiscard]] Result<> beOnlyABridge();

} // namespace beacon
