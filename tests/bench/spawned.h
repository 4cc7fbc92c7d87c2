#pragma once

#include "core/base/unique_fd.h"

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace beacon::bench {

/// A child of the bench without Qt around it; destruction kills and reaps it.
class Spawned {
public:
    struct Ends {
        int in = -1, out = -1; ///< -1: /dev/null; stderr always is
    };
    Spawned(const std::vector<std::string>& command, Ends ends, const std::string& directory = "/");
    ~Spawned();
    Spawned(const Spawned&) = delete;
    Spawned& operator=(const Spawned&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return m_pid; }
    bool wait(); ///< for its end; whether it was a success

private:
    pid_t m_pid = -1;
};

struct Pipe {
    Pipe(); ///< both ends close-on-exec, and invalid where there is none to be had
    UniqueFd read, write;
};

/// What arrives first, within `patience`; empty: nothing.
[[nodiscard]] std::string firstOf(int fd, std::chrono::milliseconds patience = std::chrono::seconds{10});

/// Of `name` in $PATH and the directories of administrators; empty: it is not installed.
[[nodiscard]] std::string findProgram(const std::string& name);

} // namespace beacon::bench
