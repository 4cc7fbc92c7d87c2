#include "service/room/pins.h"
#include "service/room/request.h"
#include "service/room/run.h"

#include <cstdio>
#include <cstring>
#include <sysexits.h>

namespace {

constexpr const char* kHelp =
    R"(Usage: sensor-room run [OPTION]... -- BINARY ARG...
       sensor-room make --network-namespace FILE [--user-namespace FILE --id-base N]
       sensor-room drop FILE...

run starts BINARY in a room of its own: it sees its own processes, its own /tmp, /dev, /proc and /sys, and the host's
files read-only; nothing that it starts outlives it, nor this program, nor this program's parent.

  --parent PID                   refuse to start where PID is not the parent any more
  --report FD                    where containment, pid, uid and a failure to execute are told
  --user-namespace FILE          whose root it is, made by "sensor-room make"; by default the caller's
  --network-namespace FILE       where it runs, made by "sensor-room make"; by default the caller's
  --cgroup DIR                   join this control group first; may be repeated
  --processes N                  that each of its users may have [default: 1024]
  --bind SOURCE:TARGET           show a file or directory of the host at TARGET, read-only; may be repeated
  --bind-writable SOURCE:TARGET  the same, not read-only
  --hide PATH                    show nothing of this file or directory; may be repeated
  --hostname NAME                what it takes for the host's name

make pins a new network namespace, and a user namespace that owns it, on files; in it nothing is forwarded.

  --network-namespace FILE
  --user-namespace FILE          without it, for a segment: IPv6 is off, and bridges call no firewall
  --id-base N                    first of the 65536 host ids that are 0 to 65535 in the user namespace

drop unpins; what is no pin is left alone.

  --help, --version

Exit code of run 126: BINARY cannot be executed; 127: it is not there; otherwise it ends as BINARY did.)";

int complain(const beacon::Error& error, int code)
{
    std::fprintf(stderr, "sensor-room: %s\n", beacon::describe(error).c_str());
    return code;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
        return std::puts("sensor-room " BEACON_VERSION) < 0 ? EX_IOERR : EX_OK;
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
        return std::puts(kHelp) < 0 ? EX_IOERR : EX_OK;
    const auto request = beacon::readRequest({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (!request)
        return complain(request.error(), EX_USAGE);
    if (const auto* run = std::get_if<beacon::RunRequest>(&*request))
        beacon::runInRoom(*run);
    const auto* make = std::get_if<beacon::MakeRequest>(&*request);
    const auto done =
        make != nullptr ? beacon::makePins(*make) : beacon::dropPins(std::get<beacon::DropRequest>(*request));
    return done ? EX_OK : complain(done.error(), beacon::exitCode(done.error()));
}
