#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <string>
#include <string_view>

namespace beacon {

/// Makes `path` and what is above it, 0755.
[[nodiscard]] Result<> makeDirectories(const std::string& path);

/// An flock(2) that ends with the descriptor. Busy: another process holds it.
[[nodiscard]] Result<UniqueFd> takeLock(const std::string& path);

/// The file that this process runs; asked at the start, so that a restart finds what has taken its place by then.
[[nodiscard]] std::string ownProgram();

/// Replaces `path`, mode 0600, so that a reader sees the old bytes or the new ones.
[[nodiscard]] Result<> writePrivateFile(const std::string& path, std::string_view bytes);

} // namespace beacon
