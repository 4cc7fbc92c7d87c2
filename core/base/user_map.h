#pragma once

namespace beacon {

/// Whether the user or group `id` exists in this user namespace (user_namespaces(7)): `map` is /proc/self/uid_map or
/// gid_map. Without /proc, true: then the kernel itself will tell.
[[nodiscard]] bool isMapped(const char* map, unsigned long id);

/// Whether all ids are mapped, as in the host's own user namespace, and not in a Sensor's room or most containers.
[[nodiscard]] bool hasAllIds();

} // namespace beacon
