#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <string>

namespace beacon {

/// Two network namespaces that nothing but a cable (a veth pair) joins: near, into which this process moves for good,
/// and far, which a child may enter. Nothing in them reaches the host's network, and both are gone with the last
/// process that is in one or holds a descriptor of one.
///
/// Every address belongs to near: whatever the far end sends to whomever by its default routes has arrived.
///
/// Thread:  for a process without other threads: namespaces belong to threads.
/// Errors:  Denied: neither CAP_SYS_ADMIN nor a user namespace is to be had. IPv6 is left out where the kernel has
/// none. Source:  namespaces(7), user_namespaces(7), veth(4), rtnetlink(7), ip-route(8) on type local.
class ThrowawayNetwork {
public:
    struct End {
        std::string interface; ///< at most 15 bytes, and not "lo"
        std::string ipv4, ipv6; ///< with the prefix length: "192.0.2.1/30"
    };
    [[nodiscard]] static Result<ThrowawayNetwork> make(const End& near, const End& far);

    /// Moves the calling process to the far end; async-signal-safe.
    [[nodiscard]] Result<> enterFar() const;
    [[nodiscard]] bool hasIpv6() const noexcept { return m_ipv6; }
    /// It took a user namespace, in which this process's user is the only one and root.
    [[nodiscard]] bool hasOneUser() const noexcept { return m_oneUser; }

private:
    ThrowawayNetwork(UniqueFd far, bool ipv6, bool oneUser)
        : m_far(std::move(far))
        , m_ipv6(ipv6)
        , m_oneUser(oneUser)
    {
    }

    UniqueFd m_far; ///< of nsfs
    bool m_ipv6, m_oneUser;
};

} // namespace beacon
