#pragma once

#include "service/room/request.h"

namespace beacon {

/// Ends the process, as core/launch/launcher.h says.
///
/// This process itself stays in the room's mount and network namespace, and so does the init of its PID namespace: both
/// are the host's root, whom nobody in the room can signal or trace, and what /proc tells of the init is the room's.
[[noreturn]] void runInRoom(const RunRequest& request);

} // namespace beacon
