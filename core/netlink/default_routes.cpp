#include "core/netlink/default_routes.h"

#include "core/netlink/netlink_error.h"

#include <netlink/msg.h>
#include <netlink/route/route.h>

#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <set>
#include <sys/socket.h>

namespace beacon {

namespace {

using Message = std::unique_ptr<nl_msg, FreeWith<nlmsg_free>>;
using Route = std::unique_ptr<rtnl_route, FreeWith<rtnl_route_put>>;
using Callbacks = std::unique_ptr<nl_cb, FreeWith<nl_cb_put>>;

struct Wanted {
    int interfaceIndex = 0;
    std::set<DefaultRoute> found;
};

std::optional<IpAddress> toAddress(const nl_addr* raw)
{
    const std::size_t size = raw != nullptr ? nl_addr_get_len(raw) : 0;
    if (size != 4 && size != 16)
        return std::nullopt;
    const IpAddress address{ByteView{static_cast<const Byte*>(nl_addr_get_binary_addr(raw)), size}};
    return address.isAny() ? std::nullopt : std::optional{address};
}

void keepNextHops(rtnl_route* route, Wanted& wanted)
{
    const Family family = rtnl_route_get_family(route) == AF_INET ? Family::Ipv4 : Family::Ipv6;
    for (int i = 0; i < rtnl_route_get_nnexthops(route); ++i) {
        rtnl_nexthop* hop = rtnl_route_nexthop_n(route, i);
        if (rtnl_route_nh_get_ifindex(hop) != wanted.interfaceIndex)
            continue;
        auto gateway = toAddress(rtnl_route_nh_get_gateway(hop));
        if (!gateway)
            gateway = toAddress(rtnl_route_nh_get_via(hop)); // an IPv4 route by an IPv6 gateway
        wanted.found.insert(DefaultRoute{family, rtnl_route_get_priority(route), gateway});
        if (wanted.found.size() > DefaultRoutes::kMostPerFamily)
            wanted.found.erase(std::prev(wanted.found.end()));
    }
}

int onRoute(nl_msg* message, void* argument)
{
    nlmsghdr* header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(rtmsg)))
        return NL_OK;
    const auto* about = static_cast<const rtmsg*>(nlmsg_data(header));
    if (about->rtm_dst_len != 0 || about->rtm_type != RTN_UNICAST || (about->rtm_flags & RTM_F_CLONED) != 0)
        return NL_OK; // before anything is allocated: the table may be long
    rtnl_route* raw = nullptr;
    if (rtnl_route_parse(header, &raw) < 0)
        return NL_OK; // a kind of route that libnl does not know
    const Route route{raw};
    if (rtnl_route_get_table(raw) == RT_TABLE_MAIN)
        keepNextHops(raw, *static_cast<Wanted*>(argument));
    return NL_OK;
}

/// A dump of the main table of one family, of the routes that use the interface.
Message request(int family, int interfaceIndex)
{
    Message message{nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP)};
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(family);
    header.rtm_table = RT_TABLE_MAIN;
    const bool built = message && nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0
        && nla_put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(interfaceIndex)) == 0;
    return built ? std::move(message) : nullptr;
}

/// A family without routes may have no table, or may be switched off; the interface may be gone again.
bool meansNone(int code)
{
    return code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV || code == -NLE_AF_NOSUPPORT || code == -NLE_OPNOTSUPP;
}

int dump(nl_sock* socket, int family, Wanted& wanted)
{
    const Message message = request(family, wanted.interfaceIndex);
    const Callbacks callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!message || !callbacks)
        return -NLE_NOMEM;
    if (const int code = nl_send_auto(socket, message.get()); code < 0)
        return code;
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, onRoute, &wanted);
    return nl_recvmsgs(socket, callbacks.get());
}

} // namespace

Result<> DefaultRoutes::open()
{
    m_socket.reset(nl_socket_alloc());
    if (!m_socket)
        return Error{Errc::System, ENOMEM, "open a netlink socket"};
    if (const int code = nl_connect(m_socket.get(), NETLINK_ROUTE); code < 0)
        return netlinkError(code, "open a netlink socket");
    const int on = 1; // a kernel that does not know it sends all routes
    static_cast<void>(
        ::setsockopt(nl_socket_get_fd(m_socket.get()), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on));
    return {};
}

Result<std::vector<DefaultRoute>> DefaultRoutes::of(int interfaceIndex)
{
    std::vector<DefaultRoute> routes;
    for (const int family : {AF_INET, AF_INET6}) {
        Wanted wanted;
        int code = -NLE_DUMP_INTR;
        // A dump that a change interrupted is begun again; after the third, what it gave stands: whoever listens for
        // changes hears of that one, too, and asks again.
        for (int tries = 0; code == -NLE_DUMP_INTR && tries < 3; ++tries) {
            wanted = {interfaceIndex, {}};
            code = dump(m_socket.get(), family, wanted);
        }
        if (code < 0 && code != -NLE_DUMP_INTR && !meansNone(code))
            return netlinkError(code, "list default routes");
        routes.insert(routes.end(), wanted.found.begin(), wanted.found.end());
    }
    return routes;
}

} // namespace beacon
