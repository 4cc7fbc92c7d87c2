#include "service/lease/lease_line.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sysexits.h>
#include <unistd.h>

int main(int argc, char** argv)
{
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
        return std::puts("sensor-lease " BEACON_VERSION) < 0 ? EX_IOERR : EX_OK;
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
        return std::puts("Usage: udhcpc -s sensor-lease ...\n\n"
                         "What udhcpc(8) runs at an event: prints the event and what a DHCP server gave, in one line, "
                         "and changes nothing.")
                < 0
            ? EX_IOERR
            : EX_OK;
    if (argc < 2) {
        std::fputs("usage: sensor-lease EVENT; udhcpc runs it, see --help\n", stderr);
        return EX_USAGE;
    }
    const std::string line = beacon::leaseLine(argv[1], environ);
    ssize_t written = 0;
    do
        written = ::write(STDOUT_FILENO, line.data(), line.size());
    while (written < 0 && errno == EINTR);
    return written == static_cast<ssize_t>(line.size()) ? EX_OK : EX_IOERR;
}
