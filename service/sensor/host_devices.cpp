#include "service/sensor/host_devices.h"

#include "core/netlink/default_routes.h"
#include "core/netlink/netlink_error.h"
#include "service/sensor/wiring_names.h"

#include <netlink/route/addr.h>

#include <algorithm>
#include <linux/rtnetlink.h>

namespace beacon {

namespace {

using Cache = std::unique_ptr<nl_cache, FreeWith<nl_cache_free>>;

Result<std::set<int>> addressed(const NetworkNamespace& host)
{
    const auto socket = host.netlink(NETLINK_ROUTE);
    if (!socket)
        return socket.error();
    nl_cache* raw = nullptr;
    if (const int failed = rtnl_addr_alloc_cache(socket->get(), &raw); failed < 0)
        return netlinkError(failed, "list addresses");
    const Cache cache{raw};
    std::set<int> found;
    for (nl_object* each = nl_cache_get_first(raw); each != nullptr; each = nl_cache_get_next(each)) {
        auto* const address = reinterpret_cast<rtnl_addr*>(each); // NOLINT: libnl's own idiom for typed cache entries
        if (rtnl_addr_get_scope(address) < RT_SCOPE_LINK)
            found.insert(rtnl_addr_get_ifindex(address));
    }
    return found;
}

/// Asked for those only of which nothing else is known that stands against them: a router has many.
Result<std::set<int>> routed(const NetworkNamespace& host, const std::vector<Link>& links, const std::set<int>& others)
{
    DefaultRoutes routes;
    if (auto opened = host.run([&routes] { return routes.open(); }); !opened)
        return opened.error();
    std::set<int> found;
    for (const Link& link : links) {
        if (!link.ethernet || link.master != 0 || link.kind == "bridge" || others.count(link.index) != 0)
            continue;
        const auto some = routes.of(link.index);
        if (!some)
            return some.error();
        if (!some->empty())
            found.insert(link.index);
    }
    return found;
}

/// A VLAN or macvlan device, …; the other end of a veth pair is not above.
bool isAbove(const Link& link, const Link& below)
{
    return link.lower == below.index && !link.lowerIsElsewhere && link.kind != "veth";
}

} // namespace

Result<HostDevices> HostDevices::look(const NetworkNamespace& host)
{
    auto links = Links::in(host);
    if (!links)
        return links.error();
    auto all = links->all();
    if (!all)
        return all.error();
    auto some = addressed(host);
    if (!some)
        return some.error();
    auto ways = routed(host, *all, *some);
    if (!ways)
        return ways.error();
    HostDevices devices;
    devices.m_links = std::move(*all);
    devices.m_addressed = std::move(*some);
    devices.m_routed = std::move(*ways);
    return devices;
}

const Link* HostDevices::find(const std::string& name) const
{
    const auto found =
        std::find_if(m_links.begin(), m_links.end(), [&name](const Link& each) { return each.name == name; });
    return found == m_links.end() ? nullptr : &*found;
}

const Link* HostDevices::withMac(const MacAddress& mac) const
{
    const auto has = [&mac](const Link& each) {
        return each.ethernet && each.mac == mac && (each.lower == 0 || each.kind == "veth") && each.kind != "bridge";
    };
    const auto found = std::find_if(m_links.begin(), m_links.end(), has);
    if (mac == MacAddress{} || found == m_links.end() || std::count_if(m_links.begin(), m_links.end(), has) != 1)
        return nullptr;
    return &*found;
}

std::optional<Error> HostDevices::refusal(const Link& device, SegmentSpec::Type type) const
{
    const auto wrong = [&device](const std::string& why) { return Error{Errc::BadInput, 0, device.name + why}; };
    const auto inUse = [&device](const std::string& why) { return Error{Errc::Busy, 0, device.name + why}; };
    if (device.kind == "loopback")
        return wrong(" is the loopback device, by which nothing leaves this host");
    if (!device.ethernet)
        return wrong(" is no Ethernet device");
    if (isPort(device.name))
        return wrong(" is the host end of an Instrument's interface");
    if (device.kind == "bridge") {
        if (type != SegmentSpec::Type::Bridge)
            return wrong(" is a bridge, which can only be given as type bridge");
        return std::nullopt;
    }
    if (device.master != 0) {
        const auto master = std::find_if(
            m_links.begin(), m_links.end(), [&device](const Link& each) { return each.index == device.master; });
        return inUse(" is a port of " + (master != m_links.end() ? master->name : "another device") + " already");
    }
    if (m_routed.count(device.index) != 0)
        return inUse(" carries a default route of this host");
    if (m_addressed.count(device.index) != 0)
        return inUse(" carries an address of this host");
    const auto above =
        std::find_if(m_links.begin(), m_links.end(), [&device](const Link& each) { return isAbove(each, device); });
    if (above != m_links.end())
        return inUse(" carries " + above->name + ", a device of this host");
    return std::nullopt;
}

} // namespace beacon
