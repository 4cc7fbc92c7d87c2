#pragma once

#include <cstdint>

namespace beacon {

/// Whom a process runs as, or whose a file is.
struct UserIds {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;

    bool operator==(const UserIds&) const = default;
};

} // namespace beacon
