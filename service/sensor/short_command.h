#pragma once

#include "core/base/result.h"

#include <chrono>
#include <string>
#include <vector>

namespace beacon {

/// A program that does one thing and ends, such as `nft -f -`. It runs in the namespaces of the calling thread.
struct ShortCommand {
    std::string program; ///< a path, or a name that is looked for in PATH, /usr/sbin and /sbin
    std::vector<std::string> arguments;
    std::string input; ///< for its stdin, through a pipe; at most kMostInputBytes
    std::chrono::milliseconds deadline{10'000};

    static constexpr std::size_t kMostInputBytes = 1'000'000;
};

/// Starts it without a shell, waits, and kills it at the deadline.
///
/// Thread:  any; blocks until it has ended.
/// Errors:  NotFound, Denied: it cannot be executed. Timeout. TooLarge: the input. System: it failed; the context has
///          the first line that it said.
Result<> runShortCommand(const ShortCommand& command);

} // namespace beacon
