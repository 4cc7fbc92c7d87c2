#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/base/user_ids.h"

#include <string>

/// Places in a room on which something is mounted.
///
/// An Instrument owns some of the folders there, and could have left symbolic links: they are followed, for all that is
/// not its own is read-only by then; but not those that leave the room, as the ones of /proc do.
namespace beacon {

[[nodiscard]] Result<UniqueFd> openPlace(const std::string& path);

/// Makes it, as a folder or an empty file of `owner`, where it is missing, and the folders above it; where `path` is a
/// symbolic link that leads nowhere, what it leads to is made. System, EROFS: it is missing, and not in a folder of the
/// room's own.
[[nodiscard]] Result<UniqueFd> makePlace(const std::string& path, bool isFolder, const UserIds& owner);

[[nodiscard]] Result<bool> isFolder(const UniqueFd& place);

} // namespace beacon
