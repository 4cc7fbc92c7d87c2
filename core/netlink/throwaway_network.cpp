#include "core/netlink/throwaway_network.h"

#include "core/base/free_with.h"
#include "core/netlink/netlink_error.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <memory>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <unistd.h>

namespace beacon {

namespace {

using Socket = std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>;
using Link = std::unique_ptr<rtnl_link, FreeWith<rtnl_link_put>>;
using Address = std::unique_ptr<rtnl_addr, FreeWith<rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, FreeWith<rtnl_route_put>>;
using Prefix = std::unique_ptr<nl_addr, FreeWith<nl_addr_put>>;

constexpr int kLoopback = 1; // the index of lo in every namespace

Result<> writeFile(const char* path, const std::string& text)
{
    const UniqueFd fd{::open(path, O_WRONLY | O_CLOEXEC)};
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return systemError(std::string{"write "} + path);
    return {};
}

/// By right, or by way of a user namespace in which this user is root. Whether it took one.
Result<bool> leaveTheHost()
{
    if (::unshare(CLONE_NEWNET) == 0)
        return false;
    const std::string uid = std::to_string(::geteuid());
    const std::string gid = std::to_string(::getegid());
    if (errno != EPERM || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return systemError("make a network namespace");
    if (auto denied = writeFile("/proc/self/setgroups", "deny"); !denied) // user_namespaces(7): or gid_map is refused
        return denied.error();
    if (auto mapped = writeFile("/proc/self/uid_map", "0 " + uid + " 1"); !mapped)
        return mapped.error();
    if (auto mapped = writeFile("/proc/self/gid_map", "0 " + gid + " 1"); !mapped)
        return mapped.error();
    return true;
}

/// Speaks to the namespace in which it is opened, wherever the process goes afterwards.
Result<Socket> openSocket()
{
    Socket socket{nl_socket_alloc()};
    if (!socket)
        return Error{Errc::System, ENOMEM, "netlink socket"};
    if (const int failed = nl_connect(socket.get(), NETLINK_ROUTE); failed < 0)
        return netlinkError(failed, "netlink socket");
    return socket;
}

Result<> plugIn(nl_sock& near, const std::string& nearName, const std::string& farName, int farNamespace)
{
    const Link link{rtnl_link_veth_alloc()};
    const Link peer{link ? rtnl_link_veth_get_peer(link.get()) : nullptr};
    if (!peer)
        return Error{Errc::System, ENOMEM, "make a veth pair"};
    rtnl_link_set_name(link.get(), nearName.c_str());
    rtnl_link_set_name(peer.get(), farName.c_str());
    rtnl_link_set_ns_fd(peer.get(), farNamespace);
    if (const int failed = rtnl_link_add(&near, link.get(), NLM_F_CREATE | NLM_F_EXCL); failed < 0)
        return netlinkError(failed, "make a veth pair whose far end is called " + farName);
    return {};
}

/// The index of what is up now.
Result<int> setUp(nl_sock& socket, const std::string& interface)
{
    rtnl_link* raw = nullptr;
    const int failed = rtnl_link_get_kernel(&socket, 0, interface.c_str(), &raw);
    const Link link{raw};
    const Link change{rtnl_link_alloc()};
    if (failed < 0 || !change)
        return netlinkError(failed, "find interface " + interface);
    rtnl_link_set_flags(change.get(), IFF_UP);
    if (const int refused = rtnl_link_change(&socket, link.get(), change.get(), 0); refused < 0)
        return netlinkError(refused, "set up interface " + interface);
    return rtnl_link_get_ifindex(link.get());
}

Result<> addAddress(nl_sock& socket, int index, const std::string& text, int family)
{
    nl_addr* raw = nullptr;
    const int parsed = nl_addr_parse(text.c_str(), family, &raw);
    const Prefix prefix{raw};
    const Address address{rtnl_addr_alloc()};
    if (parsed < 0 || !address)
        return netlinkError(parsed, "address " + text);
    rtnl_addr_set_ifindex(address.get(), index);
    rtnl_addr_set_local(address.get(), prefix.get());
    rtnl_addr_set_flags(address.get(), IFA_F_NODAD); // nobody else is there, and a second is too long to find that out
    if (const int refused = rtnl_addr_add(&socket, address.get(), 0); refused < 0)
        return netlinkError(refused, "address " + text);
    return {};
}

/// For everything: by way of `gateway`, an address with a prefix length, or, where that is empty, as this host's own.
Result<> addDefaultRoute(nl_sock& socket, int index, int family, const std::string& gateway)
{
    nl_addr* rawAll = nullptr;
    nl_addr* rawGateway = nullptr;
    const int parsed = nl_addr_parse("default", family, &rawAll);
    const Prefix all{rawAll};
    const int known = gateway.empty() ? 0 : nl_addr_parse(gateway.c_str(), family, &rawGateway);
    const Prefix via{rawGateway};
    const Route route{rtnl_route_alloc()};
    rtnl_nexthop* const hop = rtnl_route_nh_alloc();
    if (parsed < 0 || known < 0 || !route || hop == nullptr)
        return netlinkError(parsed < 0 ? parsed : known, "default route");
    rtnl_route_nh_set_ifindex(hop, index);
    if (via) {
        nl_addr_set_prefixlen(via.get(), static_cast<int>(nl_addr_get_len(via.get())) * 8);
        rtnl_route_nh_set_gateway(hop, via.get());
    }
    rtnl_route_add_nexthop(route.get(), hop); // which owns it from now on
    rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family));
    rtnl_route_set_table(route.get(), RT_TABLE_MAIN); // behind the connected prefix, which is more specific
    rtnl_route_set_scope(route.get(), via ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST);
    rtnl_route_set_type(route.get(), via ? RTN_UNICAST : RTN_LOCAL);
    rtnl_route_set_dst(route.get(), all.get());
    if (const int refused = rtnl_route_add(&socket, route.get(), NLM_F_CREATE); refused < 0)
        return netlinkError(refused, "default route");
    return {};
}

struct Sides {
    nl_sock& near;
    nl_sock& far;
    int nearIndex, farIndex;
};

Result<> layOut(const Sides& sides, int family, const std::string& near, const std::string& far)
{
    if (auto added = addAddress(sides.near, sides.nearIndex, near, family); !added)
        return added;
    if (auto added = addAddress(sides.far, sides.farIndex, far, family); !added)
        return added;
    if (auto added = addDefaultRoute(sides.near, kLoopback, family, {}); !added)
        return added;
    return addDefaultRoute(sides.far, sides.farIndex, family, near);
}

} // namespace

Result<ThrowawayNetwork> ThrowawayNetwork::make(const End& near, const End& far)
{
    const auto left = leaveTheHost();
    if (!left)
        return left.error();
    UniqueFd farNamespace{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!farNamespace)
        return systemError("open a network namespace");
    const auto farSocket = openSocket();
    if (!farSocket)
        return farSocket.error();
    if (::unshare(CLONE_NEWNET) != 0)
        return systemError("make a network namespace");
    const auto nearSocket = openSocket();
    if (!nearSocket)
        return nearSocket.error();
    if (auto plugged = plugIn(**nearSocket, near.interface, far.interface, farNamespace.get()); !plugged)
        return plugged.error();
    const Result<int> indexes[] = {setUp(**nearSocket, near.interface), setUp(**farSocket, far.interface),
        setUp(**nearSocket, "lo"), setUp(**farSocket, "lo")};
    for (const auto& index : indexes) {
        if (!index)
            return index.error();
    }
    const Sides sides{**nearSocket, **farSocket, *indexes[0], *indexes[1]};
    if (auto laid = layOut(sides, AF_INET, near.ipv4, far.ipv4); !laid)
        return laid.error();
    const bool ipv6 = bool(layOut(sides, AF_INET6, near.ipv6, far.ipv6));
    return ThrowawayNetwork{std::move(farNamespace), ipv6, *left};
}

Result<> ThrowawayNetwork::enterFar() const
{
    if (::setns(m_far.get(), CLONE_NEWNET) != 0)
        return systemError("enter a network namespace");
    return {};
}

} // namespace beacon
