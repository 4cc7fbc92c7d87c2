#pragma once

#include "core/base/result.h"
#include "core/base/user_ids.h"

#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

/// beacon-launch: runs a Beacon that holds nothing of whoever started it, and of which nothing survives.
///
///     beacon-launch [--parent PID] [--report FD] [--user UID:GID] [--net-admin] -- BINARY ARG...
///
/// Three processes: beacon-launch itself, which waits; the init of a new PID namespace, which only reaps; and BINARY in
/// that namespace. When BINARY ends, its namespace is killed, and then beacon-launch ends as BINARY did: with its exit
/// code, or of its signal. When beacon-launch or its parent dies, the namespace dies with it. Where no namespace can be
/// made, beacon-launch is the subreaper of all that BINARY leaves, and kills that; what a killed beacon-launch left is
/// looked for by its BEACON_CONFIG at the next start.
///
/// The report is lines of `key value`, and ends when BINARY is executed:
///
///     containment pid_namespace | process_group
///     pid N              of BINARY, in the parent's PID namespace
///     uid N              that BINARY runs as
///     capabilities LIST  that BINARY has: "none", or names without "cap_", parted by commas
///     errno N            BINARY could not be executed, and this is why
///     failed N           BINARY was not even tried, for want of something that is not its file's fault: an errno, or 0
///
/// So an execve(2) that fails is told apart from a BINARY that exits. Besides, one sentence goes to stderr then, and
/// the exit code is 127 where BINARY is not there, else 126.
namespace beacon {

struct LaunchRequest {
    pid_t parent = 0; ///< whose death ends the Beacon; 0: whoever it is at the start
    int report = -1; ///< -1: none
    std::optional<UserIds> user; ///< nullopt: nobody else than now
    bool netAdmin = false; ///< keeps CAP_NET_ADMIN besides CAP_NET_RAW
    std::vector<std::string> command; ///< [0] is an absolute path
};

/// BadInput: the usage is wrong.
[[nodiscard]] Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments);

/// Ends the process, with the exit code or signal described above.
[[noreturn]] void launch(const LaunchRequest& request);

} // namespace beacon
