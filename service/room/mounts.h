#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <cstdint>
#include <string>
#include <sys/mount.h>
#include <utility>
#include <vector>

/// Mounts by descriptor, which are nowhere until they are attached: fsopen(2), open_tree(2), mount_setattr(2),
/// move_mount(2); Linux 5.12.
///
/// Errors:  the system's, with the path or the type in their context.
namespace beacon {

using MountOptions = std::vector<std::pair<const char*, std::string>>;

/// `attributes` are MOUNT_ATTR_*.
[[nodiscard]] Result<UniqueFd> newMount(const char* type, const MountOptions& options, std::uint64_t attributes);

/// Of what is seen at `path`, with all that is mounted below it; all of it has `attributes` besides its own.
[[nodiscard]] Result<UniqueFd> copyOf(const std::string& path, std::uint64_t attributes);

/// Over what `place` is, a descriptor of openPlace() or makePlace().
[[nodiscard]] Result<> attach(const UniqueFd& mount, const UniqueFd& place, const std::string& path);
[[nodiscard]] Result<> attach(const UniqueFd& mount, const std::string& path);

/// To what is seen at `path`, and all that is mounted below it.
[[nodiscard]] Result<> addAttributes(const std::string& path, std::uint64_t attributes);
/// To this mount alone.
[[nodiscard]] Result<> addAttributes(const UniqueFd& mount, std::uint64_t attributes);

/// All that is mounted on or below `folders`: where it was only covered, its file systems could not be unmounted
/// outside. And all pins of namespaces, wherever they are: a copy of one would keep a network namespace, and the
/// interfaces in it, when it is no longer pinned. What may not be detached, being locked in a container, stays.
[[nodiscard]] Result<> detachBelow(const std::vector<std::string>& folders);

} // namespace beacon
