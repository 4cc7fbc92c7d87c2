#pragma once

#include "core/base/address.h"
#include "core/base/result.h"

#include <chrono>
#include <string_view>
#include <vector>

namespace beacon {

/// What a DHCP server lets an interface have, for a time.
struct Lease {
    static constexpr std::size_t kMostGateways = 8;
    static constexpr std::size_t kMostResolvers = 8;

    IpAddress address; ///< IPv4
    int prefixLength = 32;
    std::vector<IpAddress> gateways; ///< best first; may lie outside of the prefix
    std::vector<IpAddress> resolvers;
    std::chrono::seconds seconds{0}; ///< from when it was given
    IpAddress server; ///< 0.0.0.0: it did not say

    bool operator==(const Lease&) const = default;
};

/// One word of udhcpc, by way of sensor-lease.
struct LeaseEvent {
    enum class Kind {
        Deconfig, ///< there is no lease: the client begins, or has lost it
        Bound, ///< a new one
        Renew, ///< the same, or a changed one, for longer
        LeaseFail, ///< nobody answered; it is tried again
        Nak, ///< the server takes back what it gave
    };
    Kind kind = Kind::Deconfig;
    Lease lease; ///< of Bound and Renew
};

/// A line of sensor-lease (service/lease/lease_line.h). Whoever is on the segment may have chosen every byte of it, and
/// so may the client, which that somebody may have taken over.
///
/// Errors:  BadInput: half a sentence for a person, which goes on after "the DHCP server's answer".
/// Limits:  a prefix of 1 to 32 bits; addresses that a host of that prefix may have; the first 8 gateways and
/// resolvers;
///          10 s to 24 days; 0.0.0.0 as a gateway or a resolver is none.
/// Source:  RFC 2131, RFC 2132; RFC 3442: where there are classless static routes, the default one among them stands
/// for
///          the gateways, and none of the others is taken.
[[nodiscard]] Result<LeaseEvent> leaseEventFrom(std::string_view line);

} // namespace beacon
