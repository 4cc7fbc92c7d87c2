#pragma once

#include "core/base/address.h"
#include "core/base/clock.h"
#include "core/base/free_with.h"
#include "core/base/result.h"

#include <map>
#include <memory>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <optional>
#include <string>

namespace beacon {

/// The interface as the kernel has it now.
struct LinkFacts {
    int index = 0;
    MacAddress mac;
    bool up = false; ///< IFF_UP and a carrier
    bool ethernet = true; ///< frames begin with two MAC addresses
};

/// Where a packet goes first, and with which source address.
struct Hop {
    IpAddress nextHop; ///< the gateway, or the destination itself where it is on the link
    IpAddress source;
};

/// Asks the kernel for the interface and its routes, as a socket bound to that interface would find them.
///
/// Thread:  used from one thread. A question to the kernel takes microseconds.
/// Errors:  NotFound: no such interface. Routes fail with the kernel's errno (ENETUNREACH: no route).
/// Source:  rtnetlink(7), RTM_GETROUTE with RTA_OIF.
class Routes {
public:
    [[nodiscard]] static Result<Routes> open(const std::string& interface);

    [[nodiscard]] Result<LinkFacts> link();
    [[nodiscard]] Result<Hop> lookup(const IpAddress& destination);

    /// Becomes readable when links, addresses or routes change.
    [[nodiscard]] int changeFd() const;
    /// Empties it and forgets what was cached.
    void onChange();

private:
    using Socket = std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>;
    Routes(std::string interface, Socket questions, Socket changes);
    [[nodiscard]] Result<Hop> ask(const IpAddress& destination);

    std::string m_interface;
    Socket m_questions, m_changes;
    int m_index = 0;
    std::map<IpAddress, Result<Hop>> m_cache; ///< bounded by the number of destinations
};

} // namespace beacon
