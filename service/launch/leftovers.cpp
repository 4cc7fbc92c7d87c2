#include "service/launch/leftovers.h"

#include "core/launch/process_table.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace beacon {

void sweepLeftovers()
{
    const char* config = std::getenv("BEACON_CONFIG");
    if (config == nullptr || *config == '\0')
        return;
    const std::string mark = std::string{"BEACON_CONFIG="} + config;
    std::vector<pid_t> ours{::getpid()};
    for (pid_t up = ::getppid(); up > 1 && ours.size() < 64; up = kinOf(up).parent)
        ours.push_back(up);
    for (const pid_t pid : allProcesses()) {
        if (std::find(ours.begin(), ours.end(), pid) != ours.end())
            continue;
        const std::string environment = '\0' + contentOf(pid, "environ");
        const bool marked = environment.find('\0' + mark + '\0') != std::string::npos;
        if (marked && kinOf(pid).terminal == 0) // a person's shell may name the same file
            ::kill(pid, SIGKILL);
    }
}

} // namespace beacon
