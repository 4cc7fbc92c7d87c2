#pragma once

#include "core/base/user_ids.h"
#include "core/launch/launch_order.h"

#include <optional>
#include <span>

/// beacon-launch: runs a Beacon that holds nothing of whoever started it, and of which nothing survives.
///
///     beacon-launch [--parent PID] [--report FD] [--user UID:GID] [--net-admin] -- BINARY ARG...
///
/// How it starts, reports and ends: core/launch/launcher.h. Where no PID namespace can be made, beacon-launch is the
/// subreaper of all that BINARY leaves, and kills that; what a killed beacon-launch left is looked for by its
/// BEACON_CONFIG at the next start. The capabilities of the report are "none", or names without "cap_", parted by
/// commas.
namespace beacon {

struct LaunchRequest : LaunchOrder {
    LaunchRequest()
    {
        launcher = "beacon-launch";
        environment = {"PATH", "LANG", "TZ", "BEACON_CONFIG"};
    }

    std::optional<UserIds> user; ///< nullopt: nobody else than now
    bool netAdmin = false; ///< keeps CAP_NET_ADMIN besides CAP_NET_RAW
};

/// BadInput: the usage is wrong.
[[nodiscard]] Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments);

/// Ends the process, as described above.
[[noreturn]] void launch(const LaunchRequest& request);

} // namespace beacon
