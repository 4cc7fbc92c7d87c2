#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/base/user_ids.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// Makes `path` and what is above it, 0755.
[[nodiscard]] Result<> makeDirectories(const std::string& path);

/// An flock(2) that ends with the descriptor. Busy: another process holds it.
[[nodiscard]] Result<UniqueFd> takeLock(const std::string& path);

/// What this process was started as, remembered for a restart in its place.
class OwnCommand {
public:
    OwnCommand(int argc, char** argv);

    [[nodiscard]] std::span<char* const> arguments() const; ///< without the program's name
    /// Runs the file that stands there now, with the same arguments. Returns only where that fails.
    [[nodiscard]] Error startAgain() const;

private:
    std::string m_file;
    std::vector<char*> m_arguments;
};

/// Replaces `path`, mode 0600, so that a reader sees the old bytes or the new ones. `owner`: whose it becomes; nullopt:
/// ours.
[[nodiscard]] Result<> writePrivateFile(
    const std::string& path, std::string_view bytes, const std::optional<UserIds>& owner = std::nullopt);

} // namespace beacon
