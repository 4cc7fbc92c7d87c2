#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <string>

namespace beacon {

/// The part of the cgroup v2 tree that this process may share out to Instruments.
///
/// Thread:  any one at a time.
/// Errors:  Unsupported: no cgroup v2, or without controllers (a hybrid host keeps them in v1); the Instruments then
///          run without its limits, and the error says why.
/// Source:  Linux Documentation/admin-guide/cgroup-v2.rst; systemd, CGROUP_DELEGATION
class Cgroup {
public:
    struct Limits {
        std::int64_t memoryBytes = 0; ///< 0: none
        int processes = 0; ///< 0: none
    };
    /// Finds our own group below the mounted hierarchy, moves this process into a leaf of it ("no internal processes")
    /// and hands memory and pids down. `proc` is /proc/self, but for tests.
    [[nodiscard]] static Result<Cgroup> open(const std::string& proc = "/proc/self");

    /// Makes the group of an Instrument; its path, for --cgroup.
    [[nodiscard]] Result<std::string> make(const std::string& name, const Limits& limits) const;
    void remove(const std::string& name) const; ///< once it is empty

private:
    explicit Cgroup(std::string root)
        : m_root(std::move(root))
    {
    }
    std::string m_root; ///< absolute
};

} // namespace beacon
