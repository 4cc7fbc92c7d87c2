#include "core/netlink/netlink_link_monitor.h"

#include "core/netlink/netlink_error.h"

#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>

namespace beacon {

namespace {

using Link = std::unique_ptr<rtnl_link, FreeWith<rtnl_link_put>>;
using Cache = std::unique_ptr<nl_cache, FreeWith<nl_cache_free>>;

/// Whatever else a hint says does not matter; but a router's table may change a thousand times a second.
bool isWorthALook(const nlmsghdr* hint)
{
    if (hint->nlmsg_type != RTM_NEWROUTE && hint->nlmsg_type != RTM_DELROUTE)
        return true;
    return nlmsg_valid_hdr(hint, sizeof(rtmsg)) == 0 || static_cast<const rtmsg*>(nlmsg_data(hint))->rtm_dst_len == 0;
}

LinkState fromLink(rtnl_link* link)
{
    LinkState state;
    state.present = true;
    state.index = rtnl_link_get_ifindex(link);
    state.name = rtnl_link_get_name(link);
    const unsigned flags = rtnl_link_get_flags(link);
    const int operState = rtnl_link_get_operstate(link);
    state.up = (flags & IFF_UP) != 0;
    state.carrier = (flags & IFF_LOWER_UP) != 0 && (operState == IF_OPER_UP || operState == IF_OPER_UNKNOWN);
    state.ethernet = rtnl_link_get_arptype(link) == ARPHRD_ETHER;
    const char* type = rtnl_link_get_type(link);
    state.kind = type != nullptr ? type : rtnl_link_get_arptype(link) == ARPHRD_LOOPBACK ? "loopback" : "phy";
    if (const nl_addr* mac = rtnl_link_get_addr(link); mac != nullptr && nl_addr_get_len(mac) == state.mac.bytes.size())
        std::copy_n(
            static_cast<const Byte*>(nl_addr_get_binary_addr(mac)), state.mac.bytes.size(), state.mac.bytes.begin());
    return state;
}

} // namespace

NetlinkLinkMonitor::NetlinkLinkMonitor(const Clock& clock, const Policy& policy)
    : m_clock(clock)
    , m_policy(policy)
    , m_settling(policy.settle, policy.patience)
{
    m_lookSoon.setSingleShot(true);
    m_lookSoon.setInterval(m_policy.coalesce);
    m_reconcile.setInterval(m_policy.reconcile);
    connect(&m_lookSoon, &QTimer::timeout, this, &NetlinkLinkMonitor::look);
    connect(&m_reconcile, &QTimer::timeout, this, &NetlinkLinkMonitor::look);
}

NetlinkLinkMonitor::~NetlinkLinkMonitor() = default;

Result<> NetlinkLinkMonitor::start(const std::string& interface)
{
    m_name = interface;
    m_index = 0;
    m_queries.reset(nl_socket_alloc());
    if (!m_queries)
        return Error{Errc::System, ENOMEM, "open a netlink socket"};
    if (const int code = nl_connect(m_queries.get(), NETLINK_ROUTE); code < 0)
        return netlinkError(code, "open a netlink socket");
    if (auto opened = m_routes.open(); !opened)
        return opened;
    if (auto opened = openHints(); !opened)
        return opened;
    auto first = ask(); // after the hints are open, so that nothing falls between
    if (!first)
        return first.error();
    m_settling.reset(std::move(*first));
    m_reconcile.start();
    return {};
}

Result<> NetlinkLinkMonitor::openHints()
{
    m_hints.reset(nl_socket_alloc());
    if (!m_hints)
        return Error{Errc::System, ENOMEM, "open a netlink socket"};
    nl_sock* socket = m_hints.get();
    nl_socket_disable_seq_check(socket);
    // libnl would stop at messages that it cannot parse.
    const auto onMessage = [](nl_msg* message, void* worthALook) {
        *static_cast<bool*>(worthALook) |= isWorthALook(nlmsg_hdr(message));
        return static_cast<int>(NL_OK);
    };
    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, onMessage, &m_worthALook);
    int code = nl_connect(socket, NETLINK_ROUTE);
    if (code >= 0)
        code = nl_socket_add_memberships(
            socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
    if (code >= 0)
        code = nl_socket_set_nonblocking(socket);
    if (code >= 0 && m_policy.receiveBufferBytes > 0)
        code = nl_socket_set_buffer_size(socket, m_policy.receiveBufferBytes, 0);
    if (code < 0)
        return netlinkError(code, "listen for network interface changes");
    m_notifier = std::make_unique<QSocketNotifier>(nl_socket_get_fd(socket), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &NetlinkLinkMonitor::onHint);
    return {};
}

Result<> NetlinkLinkMonitor::bringUp()
{
    const std::string attempt = "switch on interface " + m_name;
    if (m_index == 0)
        return Error{Errc::NotFound, ENODEV, attempt};
    const Link followed{rtnl_link_alloc()}, change{rtnl_link_alloc()};
    if (!followed || !change)
        return Error{Errc::System, ENOMEM, attempt};
    rtnl_link_set_ifindex(followed.get(), m_index);
    rtnl_link_set_flags(change.get(), IFF_UP);
    if (const int code = rtnl_link_change(m_queries.get(), followed.get(), change.get(), 0); code < 0)
        return netlinkError(code, attempt);
    return {};
}

void NetlinkLinkMonitor::onHint()
{
    m_worthALook = false;
    constexpr int kMostReads = 64; // then the event loop has its turn
    for (int i = 0; i < kMostReads; ++i) {
        const int code = nl_recvmsgs_default(m_hints.get());
        if (code == -NLE_AGAIN)
            break;
        if (code
            == -NLE_NOMEM) { // so libnl spells ENOBUFS: hints were lost, and the look that follows makes up for them
            ++m_overflows;
            m_worthALook = true;
        } else if (code < 0) {
            Q_EMIT failed(netlinkError(code, "read network interface changes"));
            break;
        }
    }
    if (m_worthALook && !m_lookSoon.isActive())
        m_lookSoon.start();
}

void NetlinkLinkMonitor::look()
{
    ++m_looks;
    auto seen = ask();
    if (!seen) {
        Q_EMIT failed(seen.error());
        return; // the reconcile timer tries again
    }
    const LinkState before = m_settling.accepted();
    if (m_settling.sample(*seen, m_clock.now()))
        Q_EMIT changed(m_settling.accepted(), before);
    if (!m_settling.settled())
        m_lookSoon.start();
}

Result<LinkState> NetlinkLinkMonitor::ask()
{
    rtnl_link* raw = nullptr; // libnl returns ownership by parameter; adopt it at once
    int code = -NLE_OBJ_NOTFOUND;
    if (m_index != 0)
        code = rtnl_link_get_kernel(m_queries.get(), m_index, nullptr, &raw);
    if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV)
        code = rtnl_link_get_kernel(m_queries.get(), 0, m_name.c_str(), &raw);
    const Link link{raw};
    if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV) {
        m_index = 0;
        LinkState absent;
        absent.name = m_name;
        return absent;
    }
    if (code < 0)
        return netlinkError(code, "look at interface " + m_name);
    LinkState state = fromLink(link.get());
    m_index = state.index;
    if (auto asked = askAddresses(state); !asked)
        return asked.error();
    auto routes = m_routes.of(state.index);
    if (!routes)
        return routes.error();
    state.defaultRoutes = std::move(*routes);
    return state;
}

Result<> NetlinkLinkMonitor::askAddresses(LinkState& state)
{
    nl_cache* raw = nullptr;
    if (const int code = rtnl_addr_alloc_cache(m_queries.get(), &raw); code < 0)
        return netlinkError(code, "list addresses");
    const Cache cache{raw};
    for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
        auto* address = reinterpret_cast<rtnl_addr*>(object); // libnl's own idiom for typed cache entries
        const nl_addr* local = rtnl_addr_get_local(address);
        if (rtnl_addr_get_ifindex(address) != state.index || local == nullptr)
            continue;
        const std::size_t size = nl_addr_get_len(local);
        if (size == 4 || size == 16)
            state.addresses.emplace_back(ByteView{static_cast<const Byte*>(nl_addr_get_binary_addr(local)), size});
    }
    std::sort(state.addresses.begin(), state.addresses.end());
    return {};
}

} // namespace beacon
