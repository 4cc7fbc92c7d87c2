#pragma once

#include "core/base/user_ids.h"
#include "service/room/request.h"

/// What an Instrument sees:
///
///     /            the host's, read-only, without set-user-ID and devices
///     /tmp, /var/tmp, /dev/shm   its own, empty, at most kTmpBytes each
///     /run         its own, empty, unless something is bound there
///     /dev         null zero full random urandom tty, and terminals of its own
///     /proc        its own processes; settings of the kernel are read-only, what tells of the host's is empty
///     /sys         of its network namespace, read-only
///     hidden paths, empty
///     bound ones   as they are, without set-user-ID and devices; where one must be made, it is
///
/// Everything is mounted before the user namespace is entered in which the Instrument is root, and is therefore locked
/// in the mount namespace that it gets there: neither taken away, nor changed, nor looked under (mount_namespaces(7)).
/// It may mount more, but nothing of that is seen outside.
///
/// Errors:  the system's. NotFound: the source of a bind.
namespace beacon {

/// All but /proc, in this process's mount namespace, which must be its own. `owner` is the Instrument's root.
[[nodiscard]] Result<> buildRoom(const RunRequest& request, const UserIds& owner);

/// To be called in the PID namespace whose processes are shown, after buildRoom() in the same mount namespace.
[[nodiscard]] Result<> mountProc();

} // namespace beacon
