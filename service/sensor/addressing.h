#pragma once

#include "core/base/address.h"
#include "core/base/result.h"
#include "service/sensor/lease.h"

#include <string>
#include <vector>

namespace beacon {

/// How an interface comes by its addresses.
struct Addressing {
    enum class How {
        None, ///< no address of either family: what is there to listen stays silent
        Static,
        Dhcp, ///< IPv4 by a lease (dhcp_client.h); of IPv6 the link-local address only
        Slaac, ///< IPv6 by router advertisements, default routes and all; no IPv4
    };
    How how = How::None;
    std::vector<std::string> addresses; ///< with prefix length, either family: "198.51.100.2/24"; Static only
    std::vector<std::string> gateways; ///< best first, each family by itself; Static only
    std::vector<std::string> resolvers; ///< for resolv_conf.h; nothing here looks at them

    bool operator==(const Addressing&) const = default;
};

/// What the kernel says of an interface now.
struct AddressFacts {
    std::vector<std::string> addresses; ///< with prefix length; sorted, IPv4 first
    std::vector<std::string> gateways; ///< of its default routes; IPv4 first, then best first
    MacAddress mac;
    bool up = false; ///< switched on
    bool carrier = false;
    bool tentative = false; ///< an IPv6 address is still being checked for duplicates (RFC 4862), and of no use yet

    bool operator==(const AddressFacts&) const = default;
};

// All of these work in the network namespace that the pin file `networkNamespace` names, and touch no other.
//
// Thread:  any; they take some milliseconds, in a thread that enters the namespace and ends.
// Errors:  BadInput: an address that is none. NotFound: the namespace or the interface is not there. Denied.
// Source:  rtnetlink(7), Linux Documentation/networking/ip-sysctl.rst

/// Switches the interface on, with addresses and default routes as wanted. What is there and right stays untouched,
/// what is not wanted goes; of dhcp the lease that it has stays. The namespace forwards nothing, and answers no ARP
/// request for an address of another of its interfaces.
Result<> configureAddresses(
    const std::string& networkNamespace, const std::string& interface, const Addressing& addressing);

/// Address and default routes of a lease; a renewal only lengthens it, without a gap. The kernel takes the address away
/// at the end of the lease, whatever becomes of us.
Result<> applyLease(const std::string& networkNamespace, const std::string& interface, const Lease& lease);
/// Takes away what applyLease() gave; nothing where there is nothing.
Result<> dropLease(const std::string& networkNamespace, const std::string& interface);

[[nodiscard]] Result<AddressFacts> lookAddresses(const std::string& networkNamespace, const std::string& interface);

} // namespace beacon
