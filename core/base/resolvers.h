#pragma once

#include "core/base/address.h"

#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// The addresses of `nameserver` lines (resolv.conf(5)), each once, at most 8. Loopback ones are left out: they are on
/// this host and not on its segment. A scope ("fe80::1%eth0") is cut off: the interface is the scope.
[[nodiscard]] std::vector<IpAddress> parseResolvers(std::string_view resolvConf);

/// parseResolvers() of a file; none where it cannot be read.
[[nodiscard]] std::vector<IpAddress> readResolvers(const std::string& path = "/etc/resolv.conf");

} // namespace beacon
