#pragma once

#include "service/launch/launch.h"

#include <string>

namespace beacon {

/// Leaves CAP_NET_RAW, CAP_NET_ADMIN where it is asked for, and nothing else that was not there before; makes them
/// outlive an execve(2) of a program without file capabilities (ambient, capabilities(7)); becomes request.user where
/// that user is mapped (user_namespaces(7)); and sets no-new-privileges. System: what must be dropped could not be.
[[nodiscard]] Result<> becomeUnprivileged(const LaunchRequest& request);

/// As the report has them: "net_raw,net_admin" or "none".
[[nodiscard]] std::string capabilitiesNow();

} // namespace beacon
