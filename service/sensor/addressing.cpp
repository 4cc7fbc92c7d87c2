#include "service/sensor/addressing.h"

#include "core/base/unique_fd.h"
#include "core/netlink/network_namespace.h"
#include "service/sensor/interface_addresses.h"
#include "service/sensor/static_addresses.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <linux/rtnetlink.h>
#include <thread>

namespace beacon {

namespace {

using How = Addressing::How;
using std::chrono::milliseconds;

// RFC 4862: one solicitation and a second for answers; more where the kernel is late.
constexpr milliseconds kDuplicatesKnownWithin{3'000};
constexpr milliseconds kDuplicatesPoll{20};

Result<> checkName(const std::string& interface)
{
    const bool good = !interface.empty() && interface.size() < 16 && interface != "." && interface != ".."
        && interface.find_first_of("/ \t\r\n") == std::string::npos; // it becomes a part of a path
    return good ? Result<>{} : Result<>{Error{Errc::BadInput, 0, "an interface has no name like that"}};
}

/// A setting of one family; a family that this kernel does not have needs none.
Result<> set(const std::string& setting, const char* value)
{
    auto done = setSysctl(setting, value);
    return !done && done.error().code == Errc::NotFound ? Result<>{} : done;
}

/// Nothing is forwarded, whatever the host does: a new namespace takes IPv4's settings over from it. And an interface
/// speaks only for its own addresses, or else one segment would hear of another's.
Result<> keepToItself(const std::string& interface)
{
    const std::string ipv4 = "net/ipv4/conf/" + interface;
    const std::pair<std::string, const char*> settings[] = {
        {"net/ipv4/ip_forward", "0"}, {"net/ipv6/conf/all/forwarding", "0"}, {ipv4 + "/forwarding", "0"},
        {"net/ipv6/conf/" + interface + "/forwarding", "0"}, {ipv4 + "/arp_ignore", "1"}, {ipv4 + "/arp_announce", "2"},
        {ipv4 + "/promote_secondaries", "1"}, // or removing one address would take others along
    };
    for (const auto& [setting, value] : settings) {
        if (auto done = set(setting, value); !done)
            return done;
    }
    return {};
}

std::string readSetting(const std::string& setting)
{
    const UniqueFd fd{::open(("/proc/sys/" + setting).c_str(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 32> text{};
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
    std::string_view value{text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    return std::string{value.substr(0, value.find('\n'))};
}

Result<> configureIpv6(const std::string& interface, How how, bool needed)
{
    const std::string ipv6 = "net/ipv6/conf/" + interface;
    if (how == How::None)
        return set(ipv6 + "/disable_ipv6", "1");
    const char* const byRouters = how == How::Slaac ? "1" : "0";
    // The kernel asks for routers when it makes the link-local address: one that was not to listen makes it anew.
    const std::string accepts = readSetting(ipv6 + "/accept_ra");
    if (accepts.empty() && needed)
        return Error{Errc::Unsupported, 0, "IPv6 on " + interface + ": this host's kernel has none"};
    if (how == How::Slaac && accepts != byRouters) {
        if (auto done = set(ipv6 + "/disable_ipv6", "1"); !done)
            return done;
    }
    const std::pair<const char*, const char*> settings[] = {
        {"/accept_ra", byRouters},
        {"/accept_ra_defrtr", byRouters},
        {"/accept_ra_pinfo", byRouters},
        {"/autoconf", byRouters},
        {"/use_tempaddr", "0"}, // an Instrument is to be known by its address
        {"/router_solicitation_delay", "0"}, // nor are duplicates looked for a random second later
        {"/disable_ipv6", "0"},
    };
    for (const auto& [setting, value] : settings) {
        if (auto done = set(ipv6 + setting, value); !done)
            return done;
    }
    return {};
}

/// Whether nobody has to say that he wants it: the kernel, a router or a DHCP server gave it in this way of addressing.
bool mayStay(const InterfaceAddress& address, How how)
{
    if (address.address.family() == Family::Ipv6)
        return how != How::None
            && (address.address.isLinkLocal() ? address.prefixLength == 64 : how == How::Slaac && !address.permanent);
    return how == How::Dhcp && !address.permanent;
}

bool mayStay(const InterfaceRoute& route, How how)
{
    if (route.protocol == RTPROT_KERNEL && !route.isDefault)
        return true; // it belongs to an address, and goes with it
    if (route.family == Family::Ipv6)
        return how == How::Slaac && (route.protocol == RTPROT_RA || route.protocol == RTPROT_KERNEL);
    return how == How::Dhcp && route.protocol == RTPROT_DHCP;
}

bool isSame(const InterfaceAddress& there, const NewAddress& wanted)
{
    return there.address == wanted.address && there.prefixLength == wanted.prefixLength
        && there.permanent == !wanted.lifetime && !there.duplicate;
}

/// One that differs only in its time is given another, and not removed.
bool isSameBut(const InterfaceAddress& there, const NewAddress& wanted)
{
    return there.address == wanted.address && there.prefixLength == wanted.prefixLength && !there.duplicate;
}

bool isSame(const InterfaceRoute& there, const NewDefaultRoute& wanted)
{
    return there.isDefault && there.gateway == wanted.gateway && there.metric == wanted.metric
        && there.protocol == wanted.protocol;
}

using Keep = std::function<bool(const InterfaceAddress&)>;
using KeepRoute = std::function<bool(const InterfaceRoute&)>;

Result<> settleAddresses(InterfaceAddresses& interface, const std::vector<NewAddress>& wanted, const Keep& keep)
{
    auto there = interface.addresses();
    if (!there)
        return there.error();
    for (const InterfaceAddress& address : *there) {
        const auto same = [&](const NewAddress& want) { return isSameBut(address, want); };
        if (keep(address) || std::any_of(wanted.begin(), wanted.end(), same))
            continue;
        if (auto removed = interface.remove(address); !removed)
            return removed;
    }
    there = interface.addresses(); // some may have gone with others
    if (!there)
        return there.error();
    for (const NewAddress& address : wanted) {
        const auto same = [&](const InterfaceAddress& row) { return isSame(row, address); };
        if (!address.lifetime && std::any_of(there->begin(), there->end(), same))
            continue;
        if (auto added = interface.add(address); !added)
            return added;
    }
    return {};
}

Result<> settleRoutes(InterfaceAddresses& interface, const std::vector<NewDefaultRoute>& wanted, const KeepRoute& keep)
{
    const auto there = interface.routes();
    if (!there)
        return there.error();
    for (const InterfaceRoute& route : *there) {
        const auto same = [&](const NewDefaultRoute& want) { return isSame(route, want); };
        if (keep(route) || std::any_of(wanted.begin(), wanted.end(), same))
            continue;
        if (auto removed = interface.remove(route); !removed)
            return removed;
    }
    for (const NewDefaultRoute& route : wanted) {
        const auto same = [&](const InterfaceRoute& row) { return isSame(row, route); };
        if (std::any_of(there->begin(), there->end(), same))
            continue;
        if (auto added = interface.add(route); !added)
            return added;
    }
    return {};
}

/// One metric for each, of which no other interface of the namespace has any: or else one would replace another.
std::vector<NewDefaultRoute> defaultRoutes(const std::vector<IpAddress>& gateways,
    const std::vector<NewAddress>& addresses, std::uint8_t protocol, int interfaceIndex)
{
    constexpr std::uint32_t kBehindRouters = 1'024; // IP6_RT_PRIO_USER, which routers' own have
    std::vector<NewDefaultRoute> routes;
    routes.reserve(gateways.size());
    for (const IpAddress& gateway : gateways) {
        const bool near = (gateway.family() == Family::Ipv6 && gateway.isLinkLocal())
            || std::any_of(addresses.begin(), addresses.end(),
                [&](const NewAddress& a) { return isInPrefix(gateway, a.address, a.prefixLength); });
        routes.push_back(NewDefaultRoute{.gateway = gateway,
            .metric = kBehindRouters
                + static_cast<std::uint32_t>(
                    static_cast<std::size_t>(interfaceIndex) * Lease::kMostGateways + routes.size()),
            .protocol = protocol,
            .onLink = !near,
            .source = {}});
    }
    return routes;
}

/// Until then the kernel uses an address for nothing. Without carrier nobody can be asked.
Result<> awaitDuplicates(InterfaceAddresses& interface, const StaticAddresses& wanted, const std::string& name)
{
    const auto isOurs = [&](const InterfaceAddress& row) {
        return std::any_of(wanted.addresses.begin(), wanted.addresses.end(),
            [&](const NewAddress& a) { return a.address == row.address; });
    };
    for (milliseconds waited{0}; waited < kDuplicatesKnownWithin; waited += kDuplicatesPoll) {
        const auto rows = interface.addresses();
        if (!rows)
            return rows.error();
        bool tentative = false;
        for (const InterfaceAddress& row : *rows) {
            if (isOurs(row) && row.duplicate)
                return Error{Errc::Busy, 0, "address " + row.text() + " on " + name + " is another host's already"};
            tentative = tentative || (isOurs(row) && row.tentative);
        }
        if (!tentative)
            return {};
        const auto link = interface.link();
        if (!link || !link->carrier)
            return link ? Result<>{} : Result<>{link.error()};
        std::this_thread::sleep_for(kDuplicatesPoll);
    }
    return {};
}

Result<> configure(const std::string& name, How how, const StaticAddresses& wanted)
{
    auto interface = InterfaceAddresses::open(name);
    if (!interface)
        return interface.error();
    if (auto kept = keepToItself(name); !kept)
        return kept;
    const bool ipv6 = std::any_of(wanted.addresses.begin(), wanted.addresses.end(),
        [](const NewAddress& a) { return a.address.family() == Family::Ipv6; });
    // Before it is switched on: one that is to be silent says nothing in between, either.
    if (auto configured = configureIpv6(name, how, ipv6 || how == How::Slaac); !configured)
        return configured;
    const auto keep = [&](const InterfaceAddress& address) { return mayStay(address, how); };
    if (auto settled = settleAddresses(*interface, wanted.addresses, keep); !settled)
        return settled;
    if (auto on = interface->switchOn(); !on)
        return on;
    const auto routes = defaultRoutes(wanted.gateways, wanted.addresses, RTPROT_STATIC, interface->index());
    const auto keepRoute = [&](const InterfaceRoute& route) { return mayStay(route, how); };
    if (auto settled = settleRoutes(*interface, routes, keepRoute); !settled)
        return settled;
    return ipv6 ? awaitDuplicates(*interface, wanted, name) : Result<>{};
}

/// In the namespace; the name is checked.
Result<> inside(
    const std::string& networkNamespace, const std::string& interface, const std::function<Result<>()>& work)
{
    if (auto good = checkName(interface); !good)
        return good;
    const auto entered = NetworkNamespace::open(networkNamespace);
    return entered ? entered->run(work) : Result<>{entered.error()};
}

} // namespace

Result<> configureAddresses(
    const std::string& networkNamespace, const std::string& interface, const Addressing& addressing)
{
    StaticAddresses wanted;
    if (addressing.how == How::Static) {
        auto read = staticAddressesFrom(addressing);
        if (!read)
            return read.error();
        wanted = std::move(*read);
    }
    return inside(networkNamespace, interface, [&] { return configure(interface, addressing.how, wanted); });
}

Result<> applyLease(const std::string& networkNamespace, const std::string& interface, const Lease& lease)
{
    return inside(networkNamespace, interface, [&]() -> Result<> {
        auto opened = InterfaceAddresses::open(interface);
        if (!opened)
            return opened.error();
        const std::vector<NewAddress> addresses{{lease.address, lease.prefixLength, lease.seconds}};
        auto settled = settleAddresses(
            *opened, addresses, [](const InterfaceAddress& row) { return row.address.family() == Family::Ipv6; });
        if (!settled)
            return settled;
        std::vector<NewDefaultRoute> routes = defaultRoutes(lease.gateways, addresses, RTPROT_DHCP, opened->index());
        for (NewDefaultRoute& route : routes)
            route.source = lease.address;
        return settleRoutes(*opened, routes, [](const InterfaceRoute& row) {
            return row.family == Family::Ipv6 || (row.protocol == RTPROT_KERNEL && !row.isDefault);
        });
    });
}

Result<> dropLease(const std::string& networkNamespace, const std::string& interface)
{
    return inside(networkNamespace, interface, [&]() -> Result<> {
        auto opened = InterfaceAddresses::open(interface);
        if (!opened)
            return opened.error();
        auto settled = settleRoutes(*opened, {},
            [](const InterfaceRoute& row) { return row.family == Family::Ipv6 || row.protocol != RTPROT_DHCP; });
        if (!settled)
            return settled;
        return settleAddresses(*opened, {},
            [](const InterfaceAddress& row) { return row.address.family() == Family::Ipv6 || row.permanent; });
    });
}

Result<AddressFacts> lookAddresses(const std::string& networkNamespace, const std::string& interface)
{
    AddressFacts facts;
    auto looked = inside(networkNamespace, interface, [&]() -> Result<> {
        auto opened = InterfaceAddresses::open(interface);
        if (!opened)
            return opened.error();
        const auto link = opened->link();
        if (!link)
            return link.error();
        facts.mac = link->mac;
        facts.up = link->up;
        facts.carrier = link->carrier;
        auto addresses = opened->addresses();
        if (!addresses)
            return addresses.error();
        std::sort(addresses->begin(), addresses->end(),
            [](const InterfaceAddress& a, const InterfaceAddress& b) { return a.address < b.address; });
        for (const InterfaceAddress& address : *addresses) {
            facts.addresses.push_back(address.text());
            facts.tentative = facts.tentative || address.tentative;
        }
        auto routes = opened->routes();
        if (!routes)
            return routes.error();
        std::stable_sort(routes->begin(), routes->end(), [](const InterfaceRoute& a, const InterfaceRoute& b) {
            return std::pair{a.family, a.metric} < std::pair{b.family, b.metric};
        });
        for (const InterfaceRoute& route : *routes) {
            if (route.isDefault && route.gateway)
                facts.gateways.push_back(route.gateway->text());
        }
        return {};
    });
    if (!looked)
        return looked.error();
    return facts;
}

} // namespace beacon
