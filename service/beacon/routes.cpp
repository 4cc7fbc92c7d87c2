#include "service/beacon/routes.h"

#include <cerrno>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <sys/socket.h>

namespace beacon {

namespace {

using Link = std::unique_ptr<rtnl_link, FreeWith<rtnl_link_put>>;
using Message = std::unique_ptr<nl_msg, FreeWith<nlmsg_free>>;

Error nlError(int code, std::string context)
{
    switch (-code) {
    case NLE_NODEV:
    case NLE_OBJ_NOTFOUND:
        return Error{Errc::NotFound, ENODEV, std::move(context)};
    case NLE_PERM:
    case NLE_NOACCESS:
        return Error{Errc::Denied, EPERM, std::move(context)};
    default:
        return Error{Errc::System, 0, context + ": " + nl_geterror(code)};
    }
}

/// The answer to RTM_GETROUTE, or the errno of the kernel's refusal.
struct Answer {
    std::optional<IpAddress> gateway, source;
    bool seen = false;
    int refusal = 0;
};

std::optional<IpAddress> addressOf(const nlattr* attribute)
{
    if (attribute == nullptr || (nla_len(attribute) != 4 && nla_len(attribute) != 16))
        return std::nullopt;
    return IpAddress{
        ByteView{static_cast<const Byte*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))}};
}

int onRoute(nl_msg* message, void* argument)
{
    auto& answer = *static_cast<Answer*>(argument);
    nlattr* attributes[RTA_MAX + 1]{};
    if (nlmsg_parse(nlmsg_hdr(message), sizeof(rtmsg), attributes, RTA_MAX, nullptr) < 0)
        return NL_SKIP;
    answer.seen = true;
    answer.gateway = addressOf(attributes[RTA_GATEWAY]);
    answer.source = addressOf(attributes[RTA_PREFSRC]);
    if (const nlattr* const via = attributes[RTA_VIA];
        via != nullptr && nla_len(via) == 18) { // an IPv4 route by an IPv6 gateway
        const auto* const raw = static_cast<const Byte*>(nla_data(via));
        answer.gateway = IpAddress{ByteView{raw + 2, 16}};
    }
    return NL_STOP;
}

int onRefusal(sockaddr_nl*, nlmsgerr* error, void* argument)
{
    static_cast<Answer*>(argument)->refusal = -error->error;
    return NL_STOP;
}

Message routeRequest(const IpAddress& destination, int interfaceIndex)
{
    Message message{nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST)};
    if (!message)
        return nullptr;
    rtmsg header{};
    header.rtm_family = destination.family() == Family::Ipv4 ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(destination.bytes().size() * 8);
    const bool built = nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0
        && nla_put(message.get(), RTA_DST, static_cast<int>(destination.bytes().size()), destination.bytes().data())
            == 0
        && nla_put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(interfaceIndex)) == 0;
    return built ? std::move(message) : nullptr;
}

} // namespace

Routes::Routes(std::string interface, Socket questions, Socket changes)
    : m_interface(std::move(interface))
    , m_questions(std::move(questions))
    , m_changes(std::move(changes))
{
}

Result<Routes> Routes::open(const std::string& interface)
{
    Socket questions{nl_socket_alloc()};
    Socket changes{nl_socket_alloc()};
    if (!questions || !changes)
        return Error{Errc::System, ENOMEM, "netlink socket"};
    if (const int failed = nl_connect(questions.get(), NETLINK_ROUTE); failed < 0)
        return nlError(failed, "netlink socket");
    nl_socket_disable_auto_ack(questions.get());
    nl_socket_disable_seq_check(changes.get());
    if (const int failed = nl_connect(changes.get(), NETLINK_ROUTE); failed < 0)
        return nlError(failed, "netlink socket");
    const int joined = nl_socket_add_memberships(changes.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
        RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
    if (joined < 0)
        return nlError(joined, "listen for changes of links and routes");
    nl_socket_set_nonblocking(changes.get());
    return Routes{interface, std::move(questions), std::move(changes)};
}

Result<LinkFacts> Routes::link()
{
    rtnl_link* raw = nullptr;
    const int failed = rtnl_link_get_kernel(m_questions.get(), 0, m_interface.c_str(), &raw);
    const Link link{raw};
    if (failed < 0)
        return nlError(failed, "interface " + m_interface);
    LinkFacts facts;
    facts.index = m_index = rtnl_link_get_ifindex(raw);
    const unsigned flags = rtnl_link_get_flags(raw);
    facts.up = (flags & IFF_UP) != 0 && (flags & IFF_LOWER_UP) != 0;
    facts.ethernet = rtnl_link_get_arptype(raw) == ARPHRD_ETHER;
    const nl_addr* const mac = rtnl_link_get_addr(raw);
    if (mac != nullptr && nl_addr_get_len(mac) == facts.mac.bytes.size())
        std::memcpy(facts.mac.bytes.data(), nl_addr_get_binary_addr(mac), facts.mac.bytes.size());
    return facts;
}

Result<Hop> Routes::lookup(const IpAddress& destination)
{
    const auto known = m_cache.find(destination);
    if (known != m_cache.end())
        return known->second;
    return m_cache.emplace(destination, ask(destination)).first->second;
}

Result<Hop> Routes::ask(const IpAddress& destination)
{
    const Message request = routeRequest(destination, m_index);
    if (!request)
        return Error{Errc::System, ENOMEM, "ask for a route"};
    if (const int failed = nl_send_auto(m_questions.get(), request.get()); failed < 0)
        return nlError(failed, "ask for a route");
    Answer answer;
    const std::unique_ptr<nl_cb, FreeWith<nl_cb_put>> callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, onRoute, &answer);
    nl_cb_err(callbacks.get(), NL_CB_CUSTOM, onRefusal, &answer);
    const int received = nl_recvmsgs(m_questions.get(), callbacks.get());
    if (answer.refusal != 0)
        return Error{Errc::NotFound, answer.refusal, "route to " + destination.text()};
    if (received < 0 || !answer.seen)
        return nlError(received, "route to " + destination.text());
    if (!answer.source || answer.source->isAny() || answer.source->family() != destination.family())
        return Error{Errc::NotFound, EADDRNOTAVAIL, "address for " + destination.text()};
    return Hop{answer.gateway.value_or(destination), *answer.source};
}

int Routes::changeFd() const
{
    return nl_socket_get_fd(m_changes.get());
}

void Routes::onChange()
{
    char discarded[8192]; // what changed does not matter: everything is asked for again
    for (int i = 0; i < 1'000 && ::recv(changeFd(), discarded, sizeof discarded, MSG_DONTWAIT) != 0; ++i) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        errno = 0;
    }
    m_cache.clear();
}

} // namespace beacon
