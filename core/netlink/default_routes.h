#pragma once

#include "core/base/free_with.h"
#include "core/base/result.h"
#include "core/netlink/link_monitor.h"

#include <netlink/socket.h>

#include <memory>
#include <vector>

namespace beacon {

/// Asks the kernel for the default routes of an interface.
///
/// Thread:  any one at a time; an answer takes well below 10 ms, as the kernel filters by table and interface (since
///          4.20; before that all routes come, and are filtered here).
/// Limits:  the best kMostPerFamily routes are kept, so that neither family crowds out the other.
/// Source:  rtnetlink(7)
class DefaultRoutes {
public:
    static constexpr std::size_t kMostPerFamily = 32;

    Result<> open();
    /// Both families, main table, next hops of multipath routes each as one; sorted, each once.
    [[nodiscard]] Result<std::vector<DefaultRoute>> of(int interfaceIndex);

private:
    std::unique_ptr<nl_sock, FreeWith<nl_socket_free>> m_socket; ///< of its own: strict checks are for routes only
};

} // namespace beacon
