#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace beacon {

/// What /proc tells of processes (proc(5)). Without /proc, or of one that has ended: nothing.

/// Of all that are seen here, but not the init.
[[nodiscard]] std::vector<pid_t> allProcesses();

/// Of /proc/PID/FILE, at most 64 KiB.
[[nodiscard]] std::string contentOf(pid_t pid, const char* file);

struct Kin {
    pid_t parent = 0; ///< 0: not known
    int terminal = 0; ///< 0: none
};
[[nodiscard]] Kin kinOf(pid_t pid);

} // namespace beacon
