#include "service/launch/launch.h"

#include <cstdio>
#include <cstring>
#include <sysexits.h>

int main(int argc, char** argv)
{
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
        return std::puts("beacon-launch " BEACON_VERSION) < 0 ? EX_IOERR : EX_OK;
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
        return std::puts("Usage: beacon-launch [--parent PID] [--report FD] -- BINARY ARG...\n\n"
                         "Executes BINARY with a session, signals, environment and descriptors of its own; it dies "
                         "with its parent.\n\n"
                         "  --parent PID  refuse to start where PID is not the parent any more\n"
                         "  --report FD   where the errno of a failed execution is written\n"
                         "  --help, --version\n\n"
                         "Exit code 126: BINARY cannot be executed; 127: it is not there; otherwise BINARY's own.")
                < 0
            ? EX_IOERR
            : EX_OK;
    const auto request = beacon::readLaunchRequest({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (!request) {
        std::fprintf(stderr, "beacon-launch: %s\n", beacon::describe(request.error()).c_str());
        return EX_USAGE;
    }
    return beacon::launch(*request);
}
