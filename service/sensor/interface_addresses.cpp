#include "service/sensor/interface_addresses.h"

#include "core/netlink/netlink_error.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace beacon {

namespace {

using Message = std::unique_ptr<nl_msg, FreeWith<nlmsg_free>>;
using Callbacks = std::unique_ptr<nl_cb, FreeWith<nl_cb_put>>;
using LinkHandle = std::unique_ptr<rtnl_link, FreeWith<rtnl_link_put>>;
using Handle = std::function<void(nlmsghdr*)>;

int onMessage(nl_msg* message, void* handle)
{
    (*static_cast<Handle*>(handle))(nlmsg_hdr(message));
    return NL_OK;
}

template <class Header> Message request(int type, int flags, Header header)
{
    Message message{nlmsg_alloc_simple(type, flags)};
    if (message && nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) != 0)
        message.reset();
    return message;
}

bool putAddress(nl_msg* message, int attribute, const IpAddress& address)
{
    const ByteView bytes = address.bytes();
    return nla_put(message, attribute, static_cast<int>(bytes.size()), bytes.data()) == 0;
}

int familyOf(const IpAddress& address)
{
    return address.family() == Family::Ipv4 ? AF_INET : AF_INET6;
}

/// Sends what was built, and gives the kernel's answer as libnl has it.
int exchange(nl_sock* socket, Message message)
{
    if (!message)
        return -NLE_NOMEM;
    return nl_send_sync(socket, message.release()); // which frees it
}

/// A dump; one that a change interrupted is begun again, and after the third what it gave stands.
int dump(nl_sock* socket, const std::function<Message()>& build, const std::function<void()>& begin, Handle handle)
{
    int code = -NLE_DUMP_INTR;
    for (int tries = 0; code == -NLE_DUMP_INTR && tries < 3; ++tries) {
        begin();
        const Message message = build();
        const Callbacks callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
        if (!message || !callbacks)
            return -NLE_NOMEM;
        if (code = nl_send_auto(socket, message.get()); code < 0)
            return code;
        nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, onMessage, &handle);
        code = nl_recvmsgs(socket, callbacks.get());
    }
    return code == -NLE_DUMP_INTR ? 0 : code;
}

/// A family may be switched off, or have no table yet.
bool meansNone(int code)
{
    return code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV || code == -NLE_AF_NOSUPPORT || code == -NLE_OPNOTSUPP;
}

std::optional<IpAddress> addressIn(const nlattr* attribute)
{
    const int size = attribute != nullptr ? nla_len(attribute) : 0;
    if (size != 4 && size != 16)
        return std::nullopt;
    return IpAddress{ByteView{static_cast<const Byte*>(nla_data(attribute)), static_cast<std::size_t>(size)}};
}

std::vector<Byte> wordsOf(const nlmsghdr* header)
{
    const auto* const first = reinterpret_cast<const Byte*>(header);
    return {first, first + header->nlmsg_len};
}

std::optional<InterfaceAddress> readAddress(nlmsghdr* header, int index)
{
    std::array<nlattr*, IFA_MAX + 1> attributes{};
    if (header->nlmsg_type != RTM_NEWADDR
        || nlmsg_parse(header, sizeof(ifaddrmsg), attributes.data(), IFA_MAX, nullptr) < 0)
        return std::nullopt;
    const auto* const about = static_cast<const ifaddrmsg*>(nlmsg_data(header));
    // Of a pair of points IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL otherwise.
    auto address = addressIn(attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS]);
    if (static_cast<int>(about->ifa_index) != index || !address)
        return std::nullopt;
    const std::uint32_t flags =
        attributes[IFA_FLAGS] != nullptr ? nla_get_u32(attributes[IFA_FLAGS]) : std::uint32_t{about->ifa_flags};
    return InterfaceAddress{.address = *address,
        .prefixLength = about->ifa_prefixlen,
        .permanent = (flags & IFA_F_PERMANENT) != 0,
        .tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_DADFAILED) == 0,
        .duplicate = (flags & IFA_F_DADFAILED) != 0,
        .message = wordsOf(header)};
}

/// The gateway of a route; of several next hops, that of the first by the interface.
std::optional<IpAddress> gatewayIn(const std::array<nlattr*, RTA_MAX + 1>& attributes, int index, bool& ours)
{
    if (nlattr* const hops = attributes[RTA_MULTIPATH]; hops != nullptr) {
        auto* hop = static_cast<rtnexthop*>(nla_data(hops));
        int left = nla_len(hops);
        for (; RTNH_OK(hop, left); left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len)), hop = RTNH_NEXT(hop)) {
            if (hop->rtnh_ifindex != index)
                continue;
            ours = true;
            auto* const first = reinterpret_cast<nlattr*>(RTNH_DATA(hop));
            return addressIn(nla_find(first, hop->rtnh_len - static_cast<int>(sizeof *hop), RTA_GATEWAY));
        }
        return std::nullopt;
    }
    ours = attributes[RTA_OIF] != nullptr && nla_get_u32(attributes[RTA_OIF]) == static_cast<std::uint32_t>(index);
    return addressIn(attributes[RTA_GATEWAY]);
}

std::optional<InterfaceRoute> readRoute(nlmsghdr* header, int index)
{
    std::array<nlattr*, RTA_MAX + 1> attributes{};
    if (header->nlmsg_type != RTM_NEWROUTE
        || nlmsg_parse(header, sizeof(rtmsg), attributes.data(), RTA_MAX, nullptr) < 0)
        return std::nullopt;
    const auto* const about = static_cast<const rtmsg*>(nlmsg_data(header));
    const std::uint32_t table =
        attributes[RTA_TABLE] != nullptr ? nla_get_u32(attributes[RTA_TABLE]) : std::uint32_t{about->rtm_table};
    if (table != RT_TABLE_MAIN || about->rtm_type != RTN_UNICAST || (about->rtm_flags & RTM_F_CLONED) != 0)
        return std::nullopt;
    bool ours = false;
    const auto gateway = gatewayIn(attributes, index, ours);
    if (!ours)
        return std::nullopt;
    return InterfaceRoute{.family = about->rtm_family == AF_INET ? Family::Ipv4 : Family::Ipv6,
        .isDefault = about->rtm_dst_len == 0,
        .gateway = gateway,
        .metric = attributes[RTA_PRIORITY] != nullptr ? nla_get_u32(attributes[RTA_PRIORITY]) : 0,
        .protocol = about->rtm_protocol,
        .message = wordsOf(header)};
}

/// By its index; by its name where that is 0.
Result<LinkHandle> askLink(nl_sock* socket, int index, const std::string& name)
{
    rtnl_link* raw = nullptr; // libnl returns ownership by parameter; adopt it at once
    const int code = rtnl_link_get_kernel(socket, index, index == 0 ? name.c_str() : nullptr, &raw);
    LinkHandle link{raw};
    if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV)
        return Error{Errc::NotFound, ENODEV, "interface " + name};
    if (code < 0)
        return netlinkError(code, "look at interface " + name);
    return link;
}

} // namespace

InterfaceAddresses::InterfaceAddresses(std::string interface, int index, Socket socket)
    : m_interface(std::move(interface))
    , m_index(index)
    , m_socket(std::move(socket))
{
}

Result<InterfaceAddresses> InterfaceAddresses::open(const std::string& interface)
{
    Socket socket{nl_socket_alloc()};
    if (!socket)
        return Error{Errc::System, ENOMEM, "open a netlink socket"};
    if (const int failed = nl_connect(socket.get(), NETLINK_ROUTE); failed < 0)
        return netlinkError(failed, "open a netlink socket");
    const auto found = askLink(socket.get(), 0, interface);
    if (!found)
        return found.error();
    const int on = 1; // a kernel that does not know it sends the rows of all interfaces, which are left out here
    static_cast<void>(
        ::setsockopt(nl_socket_get_fd(socket.get()), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on));
    return InterfaceAddresses{interface, rtnl_link_get_ifindex(found->get()), std::move(socket)};
}

Result<InterfaceAddresses::Link> InterfaceAddresses::link()
{
    const auto asked = askLink(m_socket.get(), m_index, m_interface);
    if (!asked)
        return asked.error();
    rtnl_link* const raw = asked->get();
    Link link;
    const unsigned flags = rtnl_link_get_flags(raw);
    const int state = rtnl_link_get_operstate(raw);
    link.up = (flags & IFF_UP) != 0;
    link.carrier = (flags & IFF_LOWER_UP) != 0 && (state == IF_OPER_UP || state == IF_OPER_UNKNOWN);
    const nl_addr* const mac = rtnl_link_get_addr(raw);
    if (mac != nullptr && nl_addr_get_len(mac) == link.mac.bytes.size())
        std::copy_n(
            static_cast<const Byte*>(nl_addr_get_binary_addr(mac)), link.mac.bytes.size(), link.mac.bytes.begin());
    return link;
}

Result<> InterfaceAddresses::switchOn()
{
    ifinfomsg header{};
    header.ifi_index = m_index;
    header.ifi_flags = header.ifi_change = IFF_UP;
    if (const int code = exchange(m_socket.get(), request(RTM_NEWLINK, 0, header)); code < 0)
        return netlinkError(code, "switch on interface " + m_interface);
    return {};
}

Result<std::vector<InterfaceAddress>> InterfaceAddresses::addresses()
{
    std::vector<InterfaceAddress> rows;
    for (const int family : {AF_INET, AF_INET6}) {
        ifaddrmsg header{};
        header.ifa_family = static_cast<unsigned char>(family);
        header.ifa_index = static_cast<unsigned>(m_index);
        const std::size_t before = rows.size();
        const auto read = [&](nlmsghdr* answer) {
            auto row = readAddress(answer, m_index);
            if (row && rows.size() < kMostRows)
                rows.push_back(std::move(*row));
        };
        const int code = dump(
            m_socket.get(), [&] { return request(RTM_GETADDR, NLM_F_DUMP, header); }, [&] { rows.resize(before); },
            read);
        if (code < 0 && !meansNone(code))
            return netlinkError(code, "list addresses of " + m_interface);
    }
    return rows;
}

Result<std::vector<InterfaceRoute>> InterfaceAddresses::routes()
{
    std::vector<InterfaceRoute> rows;
    for (const int family : {AF_INET, AF_INET6}) {
        const auto build = [&] {
            rtmsg header{};
            header.rtm_family = static_cast<unsigned char>(family);
            header.rtm_table = RT_TABLE_MAIN;
            Message message = request(RTM_GETROUTE, NLM_F_DUMP, header);
            if (message && nla_put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(m_index)) != 0)
                message.reset();
            return message;
        };
        const std::size_t before = rows.size();
        const auto read = [&](nlmsghdr* answer) {
            auto row = readRoute(answer, m_index);
            if (row && rows.size() < kMostRows)
                rows.push_back(std::move(*row));
        };
        const int code = dump(
            m_socket.get(), build, [&] { rows.resize(before); }, read);
        if (code < 0 && !meansNone(code))
            return netlinkError(code, "list routes of " + m_interface);
    }
    return rows;
}

Result<> InterfaceAddresses::add(const NewAddress& address)
{
    ifaddrmsg header{};
    header.ifa_family = static_cast<unsigned char>(familyOf(address.address));
    header.ifa_prefixlen = static_cast<unsigned char>(address.prefixLength);
    header.ifa_index = static_cast<unsigned>(m_index);
    Message message = request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header);
    bool built = message && putAddress(message.get(), IFA_LOCAL, address.address)
        && putAddress(message.get(), IFA_ADDRESS, address.address);
    if (built && address.address.family() == Family::Ipv4 && address.prefixLength <= 30) {
        std::array<Byte, 4> broadcast{};
        for (std::size_t i = 0; i < broadcast.size(); ++i) {
            const int hostBits = std::clamp(static_cast<int>(i + 1) * 8 - address.prefixLength, 0, 8);
            broadcast.at(i) = static_cast<Byte>(address.address.bytes()[i] | ((1U << hostBits) - 1));
        }
        built = putAddress(message.get(), IFA_BROADCAST, IpAddress{ByteView{broadcast}});
    }
    if (built && address.lifetime) {
        ifa_cacheinfo lifetime{};
        lifetime.ifa_valid = lifetime.ifa_prefered = static_cast<std::uint32_t>(address.lifetime->count());
        built = nla_put(message.get(), IFA_CACHEINFO, sizeof lifetime, &lifetime) == 0;
    }
    const int code = built ? exchange(m_socket.get(), std::move(message)) : -NLE_NOMEM;
    if (code < 0)
        return netlinkError(code, "give " + m_interface + " the address " + address.address.text());
    return {};
}

Result<> InterfaceAddresses::add(const NewDefaultRoute& route)
{
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(familyOf(route.gateway));
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = route.protocol;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    header.rtm_flags = route.onLink ? unsigned{RTNH_F_ONLINK} : 0U;
    Message message = request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
    const bool built = message && putAddress(message.get(), RTA_GATEWAY, route.gateway)
        && nla_put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(m_index)) == 0
        && nla_put_u32(message.get(), RTA_PRIORITY, route.metric) == 0
        && (!route.source || putAddress(message.get(), RTA_PREFSRC, *route.source));
    const int code = built ? exchange(m_socket.get(), std::move(message)) : -NLE_NOMEM;
    if (code < 0)
        return netlinkError(code, "give " + m_interface + " the gateway " + route.gateway.text());
    return {};
}

Result<> InterfaceAddresses::removeBy(const std::vector<Byte>& words, int type, const std::string& attempt)
{
    std::vector<Byte> copy = words;
    Message message{nlmsg_convert(reinterpret_cast<nlmsghdr*>(copy.data()))};
    if (message) {
        nlmsghdr* const header = nlmsg_hdr(message.get());
        header->nlmsg_type = static_cast<std::uint16_t>(type);
        header->nlmsg_flags = 0;
        header->nlmsg_seq = header->nlmsg_pid = 0; // libnl's to fill in
    }
    const int code = exchange(m_socket.get(), std::move(message));
    // EADDRNOTAVAIL and ESRCH: it went by itself, or with another that was removed.
    if (code < 0 && code != -NLE_NOADDR && code != -NLE_OBJ_NOTFOUND && code != -NLE_NODEV)
        return netlinkError(code, attempt);
    return {};
}

Result<> InterfaceAddresses::remove(const InterfaceAddress& address)
{
    return removeBy(address.message, RTM_DELADDR, "take the address " + address.text() + " from " + m_interface);
}

Result<> InterfaceAddresses::remove(const InterfaceRoute& route)
{
    return removeBy(route.message, RTM_DELROUTE,
        "take the route by " + (route.gateway ? route.gateway->text() : "the link itself") + " from " + m_interface);
}

} // namespace beacon
