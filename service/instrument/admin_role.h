#pragma once

#include "core/admin/messages.h"
#include "core/rpc/peer.h"

namespace beacon {

/// Who may give commands over the admin socket: root, the Instrument's own user, and members of the group beacon-admin.
///
/// In a Sensor's room (`ownsRuntimeRoot`) also whoever comes from without: the way to the socket leads through a
/// directory that only the host's root may enter. Such a one is nobody in our user namespace, and reads as its
/// overflow uid; so does the user `nobody` of the room, whom the process id tells apart: 0 has only who is outside of
/// our PID namespace.
///
/// Source: SO_PEERCRED in unix(7); user_namespaces(7), /proc/sys/kernel/overflowuid in proc(5)
[[nodiscard]] admin::Role roleOf(const rpc::Credentials& credentials, bool ownsRuntimeRoot);

} // namespace beacon
