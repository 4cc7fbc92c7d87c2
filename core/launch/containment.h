#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <sys/types.h>

namespace beacon {

/// A room for one process and all that it starts, of which nothing is left when it is closed or its owner dies.
///
/// Usage:   open() in the owner; then fork(2): the first child is in it. enter() in that child, close() in the owner
///          when the child has ended.
/// Thread:  single-threaded processes only.
class Containment {
public:
    enum class Kind {
        PidNamespace, ///< pid_namespaces(7): the kernel kills what is left
        ProcessGroup, ///< PR_SET_CHILD_SUBREAPER: what is left is found by its parent, and killed
    };

    /// Falls back to ProcessGroup where a namespace is not allowed. System: not even that.
    [[nodiscard]] Result<> open();
    [[nodiscard]] Kind kind() const noexcept { return m_kind; }

    /// In the child: what it must not inherit is closed.
    void enter();
    /// Kills all that is left and waits until it is gone.
    void close();

private:
    [[nodiscard]] Result<> startInit();
    void killOrphans();

    Kind m_kind = Kind::ProcessGroup;
    pid_t m_init = 0;
    UniqueFd m_life; ///< init ends when its last writer does
};

} // namespace beacon
