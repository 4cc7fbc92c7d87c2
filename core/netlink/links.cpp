#include "core/netlink/links.h"

#include "core/netlink/netlink_error.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if_arp.h>

namespace beacon {

namespace {

// libnl-route knows neither isolated ports nor permanent addresses: its messages are built and read here by libnl.
using Message = std::unique_ptr<nl_msg, FreeWith<nlmsg_free>>;
using Callbacks = std::unique_ptr<nl_cb, FreeWith<nl_cb_put>>;
template <int Last> using Attributes = std::array<nlattr*, Last + 1>;

constexpr std::uint16_t kBridgePasses = 0xfff8; ///< groups 01:80:c2:00:00:03 … 0f; the kernel refuses 0, 1 and 2 here
constexpr std::uint16_t kPortPasses = 0xfffd; ///< and here only 1, pause frames

template <int Last> Attributes<Last> inside(nlattr* nest)
{
    Attributes<Last> found{};
    if (nest == nullptr || nla_parse_nested(found.data(), Last, nest, nullptr) < 0)
        found = {};
    return found;
}

std::uint32_t number(const nlattr* attribute)
{
    return attribute != nullptr && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : 0;
}

std::uint8_t byte(const nlattr* attribute)
{
    return attribute != nullptr && nla_len(attribute) >= 1 ? nla_get_u8(attribute) : std::uint8_t{0};
}

std::string text(const nlattr* attribute)
{
    if (attribute == nullptr)
        return {};
    std::string whole{static_cast<const char*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))};
    return whole.substr(0, whole.find('\0'));
}

std::optional<MacAddress> address(const nlattr* attribute)
{
    MacAddress mac;
    if (attribute == nullptr || static_cast<std::size_t>(nla_len(attribute)) != mac.bytes.size())
        return std::nullopt;
    std::copy_n(static_cast<const Byte*>(nla_data(attribute)), mac.bytes.size(), mac.bytes.begin());
    return mac;
}

std::uint16_t half(const nlattr* attribute)
{
    return attribute != nullptr && nla_len(attribute) >= 2 ? nla_get_u16(attribute) : std::uint16_t{0};
}

bool isTransparentBridge(nlattr* nest)
{
    const auto data = inside<IFLA_BR_MAX>(nest);
    for (const int byteSetting : {IFLA_BR_MCAST_SNOOPING, IFLA_BR_VLAN_FILTERING, IFLA_BR_NF_CALL_IPTABLES,
             IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES}) {
        if (byte(data.at(static_cast<std::size_t>(byteSetting))) != 0)
            return false;
    }
    return number(data[IFLA_BR_STP_STATE]) == 0 && half(data[IFLA_BR_GROUP_FWD_MASK]) == kBridgePasses;
}

void readKind(Link& link, nlattr* nest)
{
    const auto info = inside<IFLA_INFO_MAX>(nest);
    if (info[IFLA_INFO_KIND] != nullptr)
        link.kind = text(info[IFLA_INFO_KIND]);
    if (link.kind == "bridge")
        link.transparent = isTransparentBridge(info[IFLA_INFO_DATA]);
    if (text(info[IFLA_INFO_SLAVE_KIND]) == "bridge") {
        const auto port = inside<IFLA_BRPORT_MAX>(info[IFLA_INFO_SLAVE_DATA]);
        link.isolated = byte(port[IFLA_BRPORT_ISOLATED]) != 0;
        link.transparent = half(port[IFLA_BRPORT_GROUP_FWD_MASK]) == kPortPasses;
    }
}

std::optional<Link> toLink(nlmsghdr* header)
{
    Attributes<IFLA_MAX> found{};
    if (header->nlmsg_type != RTM_NEWLINK
        || nlmsg_parse(header, sizeof(ifinfomsg), found.data(), IFLA_MAX, nullptr) < 0)
        return std::nullopt;
    const auto* about = static_cast<const ifinfomsg*>(nlmsg_data(header));
    Link link;
    link.index = about->ifi_index;
    link.name = text(found[IFLA_IFNAME]);
    link.alias = text(found[IFLA_IFALIAS]);
    link.ethernet = about->ifi_type == ARPHRD_ETHER;
    link.kind = about->ifi_type == ARPHRD_LOOPBACK ? "loopback" : "phy";
    readKind(link, found[IFLA_LINKINFO]);
    link.mac = address(found[IFLA_ADDRESS]).value_or(MacAddress{});
    link.permanentMac = address(found[IFLA_PERM_ADDRESS]);
    const int state = byte(found[IFLA_OPERSTATE]);
    link.up = (about->ifi_flags & IFF_UP) != 0;
    link.carrier = (about->ifi_flags & IFF_LOWER_UP) != 0 && (state == IF_OPER_UP || state == IF_OPER_UNKNOWN);
    link.promiscuous = (about->ifi_flags & IFF_PROMISC) != 0;
    link.mtu = static_cast<int>(number(found[IFLA_MTU]));
    link.master = static_cast<int>(number(found[IFLA_MASTER]));
    link.lower = static_cast<int>(number(found[IFLA_LINK]));
    link.lowerIsElsewhere = found[IFLA_LINK_NETNSID] != nullptr;
    return link;
}

int onLink(nl_msg* message, void* argument)
{
    if (auto link = toLink(nlmsg_hdr(message)))
        static_cast<std::vector<Link>*>(argument)->push_back(std::move(*link));
    return NL_OK;
}

/// Null where memory is out.
Message about(int type, int flags, ifinfomsg header)
{
    Message message{nlmsg_alloc_simple(type, flags)};
    const bool built = message && nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0;
    return built ? std::move(message) : nullptr;
}

/// Appends attributes; that one of them did not fit is told once, at the end.
class Writer {
public:
    explicit Writer(nl_msg* message)
        : m_message(message)
    {
    }
    void number(int type, std::uint32_t value) { keep(m_message ? nla_put_u32(m_message, type, value) : -1); }
    void half(int type, std::uint16_t value) { keep(m_message ? nla_put_u16(m_message, type, value) : -1); }
    void byte(int type, std::uint8_t value) { keep(m_message ? nla_put_u8(m_message, type, value) : -1); }
    void text(int type, const std::string& value)
    {
        keep(m_message ? nla_put_string(m_message, type, value.c_str()) : -1);
    }
    void mac(int type, const MacAddress& value)
    {
        keep(m_message ? nla_put(m_message, type, static_cast<int>(value.bytes.size()), value.bytes.data()) : -1);
    }
    void raw(const void* data, std::size_t size)
    {
        keep(m_message ? nlmsg_append(m_message, const_cast<void*>(data), size, NLMSG_ALIGNTO)
                       : -1); // NOLINT: read only
    }
    template <class Fill> void nest(int type, Fill fill)
    {
        nlattr* const start = m_message != nullptr ? nla_nest_start(m_message, type) : nullptr;
        keep(start != nullptr ? 0 : -1);
        if (start != nullptr) {
            fill();
            keep(nla_nest_end_keep_empty(m_message, start));
        }
    }
    [[nodiscard]] nl_msg* whole() const { return m_good ? m_message : nullptr; }

private:
    void keep(int code) { m_good = m_good && code >= 0; }

    nl_msg* m_message;
    bool m_good = true;
};

Error linkError(int code, const std::string& attempt)
{
    Error error = netlinkError(code, attempt);
    if (code == -NLE_EXIST || code == -NLE_BUSY)
        error.code = Errc::Busy;
    return error;
}

} // namespace

Result<Links> Links::in(const NetworkNamespace& where)
{
    auto socket = where.netlink(NETLINK_ROUTE);
    if (!socket)
        return socket.error();
    return Links{std::move(*socket)};
}

Result<std::vector<Link>> Links::ask(nl_msg& message, const std::string& attempt)
{
    const bool dump = (nlmsg_hdr(&message)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    const Callbacks callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!callbacks)
        return Error{Errc::System, ENOMEM, attempt};
    std::vector<Link> found;
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, onLink, &found);
    int code = nl_send_auto(m_socket.get(), &message);
    if (code >= 0)
        code = nl_recvmsgs(m_socket.get(), callbacks.get());
    if (code >= 0 && !dump)
        code = nl_wait_for_ack(m_socket.get());
    if (code < 0)
        return linkError(code, attempt);
    return found;
}

Result<> Links::tell(nl_msg* message, const std::string& attempt)
{
    if (message == nullptr)
        return Error{Errc::System, ENOMEM, attempt};
    int code = nl_send_auto(m_socket.get(), message);
    if (code >= 0)
        code = nl_wait_for_ack(m_socket.get());
    return code < 0 ? Result<>{linkError(code, attempt)} : Result<>{};
}

Result<std::vector<Link>> Links::all()
{
    for (int tries = 0;; ++tries) {
        const Message message = about(RTM_GETLINK, NLM_F_DUMP, {});
        Writer writer{message.get()};
        writer.number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        if (writer.whole() == nullptr)
            return Error{Errc::System, ENOMEM, "list network devices"};
        auto links = ask(*message, "list network devices");
        // Interrupted by a change, it is begun again; after the third, nothing stands still long enough to be told.
        if (links || tries == 2)
            return links;
    }
}

Result<std::optional<Link>> Links::askForOne(int index, const std::string& name)
{
    ifinfomsg header{};
    header.ifi_index = index;
    const Message message = about(RTM_GETLINK, 0, header);
    Writer writer{message.get()};
    if (index == 0)
        writer.text(IFLA_IFNAME, name);
    writer.number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (writer.whole() == nullptr)
        return Error{Errc::System, ENOMEM, "find network device " + name};
    auto found = ask(*message, "find network device " + name);
    if (!found && found.error().code == Errc::NotFound)
        return std::optional<Link>{};
    if (!found)
        return found.error();
    return found->empty() ? std::optional<Link>{} : std::optional{std::move(found->front())};
}

Result<std::optional<Link>> Links::find(const std::string& name)
{
    if (name.empty() || name.size() >= IFNAMSIZ)
        return std::optional<Link>{};
    return askForOne(0, name);
}

Result<std::optional<Link>> Links::at(int index)
{
    return index > 0 ? askForOne(index, std::to_string(index)) : std::optional<Link>{};
}

Result<> Links::change(int index, const LinkChange& change)
{
    ifinfomsg header{};
    header.ifi_index = index;
    const auto flag = [&header](std::optional<bool> wanted, unsigned bit) {
        if (wanted) {
            header.ifi_change |= bit;
            header.ifi_flags |= *wanted ? bit : 0;
        }
    };
    flag(change.up, IFF_UP);
    flag(change.promiscuous, IFF_PROMISC);
    const Message message = about(RTM_SETLINK, 0, header);
    Writer writer{message.get()};
    if (change.to != nullptr)
        writer.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(change.to->descriptor()));
    if (change.name)
        writer.text(IFLA_IFNAME, *change.name);
    if (change.alias)
        writer.text(IFLA_IFALIAS, *change.alias);
    if (change.mac)
        writer.mac(IFLA_ADDRESS, *change.mac);
    if (change.mtu)
        writer.number(IFLA_MTU, static_cast<std::uint32_t>(*change.mtu));
    if (change.master)
        writer.number(IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
    return tell(writer.whole(), "change network device " + change.name.value_or(std::to_string(index)));
}

Result<> Links::setTransparentBridge(const std::string& name, const MacAddress& mac)
{
    const Message message = about(RTM_NEWLINK, NLM_F_CREATE, {});
    Writer writer{message.get()};
    writer.text(IFLA_IFNAME, name);
    writer.mac(IFLA_ADDRESS, mac);
    writer.nest(IFLA_LINKINFO, [&] {
        writer.text(IFLA_INFO_KIND, "bridge");
        writer.nest(IFLA_INFO_DATA, [&] {
            writer.number(IFLA_BR_STP_STATE, 0);
            writer.byte(IFLA_BR_MCAST_SNOOPING, 0);
            writer.half(IFLA_BR_GROUP_FWD_MASK, kBridgePasses);
            for (const int call : {IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES})
                writer.byte(call, 0);
        });
    });
    return tell(writer.whole(), "make bridge " + name);
}

Result<> Links::setPort(int index, bool isolated, bool transparent)
{
    ifinfomsg header{};
    header.ifi_index = index;
    const Message message = about(RTM_NEWLINK, 0, header);
    Writer writer{message.get()};
    writer.nest(IFLA_LINKINFO, [&] {
        writer.text(IFLA_INFO_SLAVE_KIND, "bridge");
        writer.nest(IFLA_INFO_SLAVE_DATA, [&] {
            writer.byte(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0);
            if (transparent)
                writer.half(IFLA_BRPORT_GROUP_FWD_MASK, kPortPasses);
        });
    });
    return tell(writer.whole(), "set port " + std::to_string(index) + " of a bridge");
}

Result<> Links::add(const VethPair& pair)
{
    const Message message = about(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, {});
    Writer writer{message.get()};
    writer.text(IFLA_IFNAME, pair.name);
    if (pair.mac != MacAddress{})
        writer.mac(IFLA_ADDRESS, pair.mac);
    writer.number(IFLA_MTU, static_cast<std::uint32_t>(pair.mtu));
    if (pair.master != 0)
        writer.number(IFLA_MASTER, static_cast<std::uint32_t>(pair.master));
    writer.nest(IFLA_LINKINFO, [&] {
        writer.text(IFLA_INFO_KIND, "veth");
        writer.nest(IFLA_INFO_DATA, [&] {
            writer.nest(VETH_INFO_PEER, [&] {
                const ifinfomsg far{};
                writer.raw(&far, sizeof far);
                writer.text(IFLA_IFNAME, pair.farName);
                if (pair.farMac != MacAddress{})
                    writer.mac(IFLA_ADDRESS, pair.farMac);
                writer.number(IFLA_MTU, static_cast<std::uint32_t>(pair.mtu));
                if (pair.farNamespace != nullptr)
                    writer.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.farNamespace->descriptor()));
            });
        });
    });
    return tell(writer.whole(), "make a veth pair whose far end is called " + pair.farName);
}

Result<> Links::remove(int index)
{
    ifinfomsg header{};
    header.ifi_index = index;
    const Message message = about(RTM_DELLINK, 0, header);
    auto removed = tell(message.get(), "remove network device " + std::to_string(index));
    if (!removed && removed.error().code == Errc::NotFound)
        return {};
    return removed;
}

} // namespace beacon
