#pragma once

#include "core/launch/launch_order.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

/// sensor-room: runs an Instrument in a room of its own.
///
///     sensor-room run [--parent PID] [--report FD] [--user-namespace FILE] [--network-namespace FILE]
///                     [--cgroup DIR]... [--processes N] [--bind SOURCE:TARGET]... [--bind-writable SOURCE:TARGET]...
///                     [--hide PATH]... [--hostname NAME] -- BINARY ARG...
///     sensor-room make --network-namespace FILE [--user-namespace FILE --id-base N]
///     sensor-room drop FILE...
///
/// `make` pins new namespaces on files, so that they are there before, between and after the runs of an Instrument;
/// what is pinned already is kept. `run` starts BINARY in them, and in a mount, PID, IPC, UTS and cgroup namespace that
/// live as long as it does: room.h says what it sees there. How it starts, reports and ends: core/launch/launcher.h.
/// `drop` unpins.
///
/// Report of `run`: `uid` is that of the parent's user namespace; `capabilities` is "none", for what root has in a user
/// namespace of its own is nothing to its host, or "host" where there is none.
namespace beacon {

struct Bind {
    std::string source, target; ///< absolute paths: outside, inside
    bool isWritable = false;
};

struct RunRequest : LaunchOrder {
    RunRequest()
    {
        launcher = "sensor-room";
        environment = {"PATH", "LANG", "TZ", "SENSOR_SOCKET"};
    }

    std::string userNamespace; ///< a pin; empty: the caller's, and then nothing holds BINARY back that holds root back
    std::string networkNamespace; ///< a pin; empty: the caller's
    std::vector<std::string> cgroups; ///< directories of cgroup(7)
    std::vector<Bind> binds; ///< made in this order
    std::vector<std::string> hidden; ///< absolute paths
    std::string hostname; ///< empty: the host's
};

struct MakeRequest {
    std::string networkNamespace;
    std::string userNamespace; ///< empty: none, the network namespace is the caller's
    std::uint32_t idBase = 0; ///< first of the host's ids that are 0 to 65535 inside
};

struct DropRequest {
    std::vector<std::string> files;
};

using Request = std::variant<RunRequest, MakeRequest, DropRequest>;

/// BadInput: the usage is wrong.
[[nodiscard]] Result<Request> readRequest(std::span<char* const> arguments);

} // namespace beacon
