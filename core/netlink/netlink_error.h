#pragma once

#include "core/base/result.h"

#include <netlink/netlink.h>

namespace beacon {

/// An Error of a failed libnl call; `code` is what it returned.
[[nodiscard]] Error netlinkError(int code, const std::string& context);

} // namespace beacon
