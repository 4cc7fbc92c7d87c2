#pragma once

#include "core/base/result.h"

#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

/// beacon-launch: becomes a Beacon that holds nothing of whoever started it.
///
///     beacon-launch [--parent PID] [--report FD] -- BINARY ARG...
///
/// The same process executes BINARY, so its pid, exit code and signal are the Beacon's. An execve(2) that fails is told
/// apart from a Beacon that exits: its errno is written as a decimal number to FD, which a successful execve closes
/// without a byte. Besides, one sentence goes to stderr, and the exit code is 127 where BINARY is not there, else 126.
namespace beacon {

struct LaunchRequest {
    pid_t parent = 0; ///< whose death ends the Beacon; 0: whoever it is at the start
    int report = -1; ///< -1: none
    std::vector<std::string> command; ///< [0] is an absolute path
};

/// BadInput: the usage is wrong.
[[nodiscard]] Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments);

/// Returns only where it fails, with the exit code.
[[nodiscard]] int launch(const LaunchRequest& request);

} // namespace beacon
