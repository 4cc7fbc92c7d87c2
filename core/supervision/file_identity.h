#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace beacon {

/// What tells a file from another one that took its place, or from itself after a change of content or mode.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t mtimeNs = 0;
    std::int64_t ctimeNs = 0;

    bool operator==(const FileIdentity&) const = default;
};

/// stat(2), through symbolic links. nullopt: there is none that can be seen.
[[nodiscard]] std::optional<FileIdentity> identityOf(const std::string& path);

} // namespace beacon
