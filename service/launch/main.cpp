#include "service/launch/launch.h"

#include <cstdio>
#include <cstring>
#include <sysexits.h>

int main(int argc, char** argv)
{
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
        return std::puts("beacon-launch " BEACON_VERSION) < 0 ? EX_IOERR : EX_OK;
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
        return std::puts("Usage: beacon-launch [--parent PID] [--report FD] [--user UID:GID] [--net-admin] -- BINARY "
                         "ARG...\n\n"
                         "Runs BINARY in a PID namespace, with a session, signals, environment and descriptors of its "
                         "own and no\nprivilege but CAP_NET_RAW; nothing that it starts outlives it, nor this program, "
                         "nor this program's parent.\n\n"
                         "  --parent PID    refuse to start where PID is not the parent any more\n"
                         "  --report FD     where containment, pid, user, capabilities and a failure to execute are "
                         "told\n"
                         "  --user UID:GID  whom BINARY runs as; by default as now\n"
                         "  --net-admin     let it keep CAP_NET_ADMIN, too\n"
                         "  --help, --version\n\n"
                         "Exit code 126: BINARY cannot be executed; 127: it is not there; otherwise it ends as BINARY "
                         "did.")
                < 0
            ? EX_IOERR
            : EX_OK;
    const auto request = beacon::readLaunchRequest({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (!request) {
        std::fprintf(stderr, "beacon-launch: %s\n", beacon::describe(request.error()).c_str());
        return EX_USAGE;
    }
    beacon::launch(*request);
}
