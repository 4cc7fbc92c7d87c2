#include "core/netlink/netfilter.h"

#include "core/netlink/netlink_error.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace beacon {

namespace {

using Message = std::unique_ptr<nl_msg, FreeWith<nlmsg_free>>;
using Callbacks = std::unique_ptr<nl_cb, FreeWith<nl_cb_put>>;
template <int Last> using Attributes = std::array<nlattr*, Last + 1>;

constexpr Byte kComment = 0; ///< NFTNL_UDATA_RULE_COMMENT of libnftnl
constexpr std::size_t kMostChains = 4096, kMostRules = 16'384; ///< others' tables may be long

template <int Last> Attributes<Last> inside(nlattr* nest)
{
    Attributes<Last> found{};
    if (nest == nullptr || nla_parse_nested(found.data(), Last, nest, nullptr) < 0)
        found = {};
    return found;
}

std::string text(const nlattr* attribute)
{
    if (attribute == nullptr)
        return {};
    const std::string whole{
        static_cast<const char*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))};
    return whole.substr(0, whole.find('\0'));
}

std::uint32_t bigEndian(const nlattr* attribute)
{
    return attribute != nullptr && nla_len(attribute) >= 4 ? ntohl(nla_get_u32(attribute)) : 0;
}

template <int Last> Attributes<Last> payload(nlmsghdr* header)
{
    Attributes<Last> found{};
    if (nlmsg_parse(header, sizeof(nfgenmsg), found.data(), Last, nullptr) < 0)
        found = {};
    return found;
}

bool isKind(const nlmsghdr* header, int kind)
{
    return header->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | kind);
}

int onChain(nl_msg* message, void* argument)
{
    auto& chains = *static_cast<std::vector<NftChain>*>(argument);
    if (!isKind(nlmsg_hdr(message), NFT_MSG_NEWCHAIN) || chains.size() >= kMostChains)
        return NL_OK;
    const auto found = payload<NFTA_CHAIN_MAX>(nlmsg_hdr(message));
    NftChain chain;
    chain.table = text(found[NFTA_CHAIN_TABLE]);
    chain.name = text(found[NFTA_CHAIN_NAME]);
    if (found[NFTA_CHAIN_HOOK] != nullptr) {
        const auto hook = inside<NFTA_HOOK_MAX>(found[NFTA_CHAIN_HOOK]);
        chain.hook = static_cast<int>(bigEndian(hook[NFTA_HOOK_HOOKNUM]));
        chain.drops = found[NFTA_CHAIN_POLICY] != nullptr && bigEndian(found[NFTA_CHAIN_POLICY]) == NF_DROP;
        if (hook[NFTA_HOOK_DEV] != nullptr)
            chain.devices.push_back(text(hook[NFTA_HOOK_DEV]));
        nlattr* device = nullptr;
        int rest = 0;
        if (hook[NFTA_HOOK_DEVS] != nullptr) {
            nla_for_each_nested(device, hook[NFTA_HOOK_DEVS], rest) chain.devices.push_back(text(device));
        }
    }
    std::sort(chain.devices.begin(), chain.devices.end());
    chain.devices.erase(std::unique(chain.devices.begin(), chain.devices.end()), chain.devices.end());
    chains.push_back(std::move(chain));
    return NL_OK;
}

std::string commentIn(const nlattr* userData)
{
    if (userData == nullptr)
        return {};
    const auto* data = static_cast<const Byte*>(nla_data(userData));
    std::size_t left = static_cast<std::size_t>(nla_len(userData));
    while (left >= 2 && data[1] <= left - 2) {
        if (data[0] == kComment) {
            const std::string whole{reinterpret_cast<const char*>(data + 2), data[1]}; // NOLINT: bytes are text here
            return whole.substr(0, whole.find('\0'));
        }
        const std::size_t step = std::size_t{2} + data[1];
        data += step;
        left -= step;
    }
    return {};
}

void keepNumber(NftRule& rule, nlattr* element)
{
    const auto expression = inside<NFTA_EXPR_MAX>(element);
    if (text(expression[NFTA_EXPR_NAME]) != "immediate")
        return;
    const auto immediate = inside<NFTA_IMMEDIATE_MAX>(expression[NFTA_EXPR_DATA]);
    const auto data = inside<NFTA_DATA_MAX>(immediate[NFTA_IMMEDIATE_DATA]);
    if (data[NFTA_DATA_VALUE] != nullptr && nla_len(data[NFTA_DATA_VALUE]) == 4)
        rule.numbers.push_back(nla_get_u32(data[NFTA_DATA_VALUE])); // of the host's byte order, as registers are
}

struct Rules {
    std::vector<NftChain>& chains;
    std::size_t count = 0;
};

int onRule(nl_msg* message, void* argument)
{
    auto& rules = *static_cast<Rules*>(argument);
    if (!isKind(nlmsg_hdr(message), NFT_MSG_NEWRULE) || ++rules.count > kMostRules)
        return NL_OK;
    const auto found = payload<NFTA_RULE_MAX>(nlmsg_hdr(message));
    const std::string table = text(found[NFTA_RULE_TABLE]);
    const std::string name = text(found[NFTA_RULE_CHAIN]);
    const auto chain = std::find_if(rules.chains.begin(), rules.chains.end(),
        [&](const NftChain& each) { return each.name == name && each.table == table; });
    if (chain == rules.chains.end())
        return NL_OK;
    NftRule rule;
    rule.comment = commentIn(found[NFTA_RULE_USERDATA]);
    nlattr* element = nullptr;
    int rest = 0;
    if (found[NFTA_RULE_EXPRESSIONS] != nullptr) {
        nla_for_each_nested(element, found[NFTA_RULE_EXPRESSIONS], rest) keepNumber(rule, element);
    }
    chain->rules.push_back(std::move(rule));
    return NL_OK;
}

int dump(nl_sock* socket, int kind, int family, nl_recvmsg_msg_cb_t take, void* argument)
{
    nfgenmsg header{};
    header.nfgen_family = static_cast<std::uint8_t>(family);
    const Message message{nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | kind, NLM_F_DUMP)};
    const Callbacks callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!message || !callbacks || nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) < 0)
        return -NLE_NOMEM;
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, take, argument);
    const int sent = nl_send_auto(socket, message.get());
    return sent < 0 ? sent : nl_recvmsgs(socket, callbacks.get());
}

} // namespace

Result<std::vector<NftChain>> nftChains(const NetworkNamespace& where, int family)
{
    const auto socket = where.netlink(NETLINK_NETFILTER);
    if (!socket)
        return socket.error();
    std::vector<NftChain> chains;
    int code = -NLE_DUMP_INTR;
    for (int tries = 0; code == -NLE_DUMP_INTR && tries < 5; ++tries) { // somebody changed something meanwhile
        chains.clear();
        code = dump(socket->get(), NFT_MSG_GETCHAIN, family, onChain, &chains);
        Rules rules{chains};
        if (code >= 0)
            code = dump(socket->get(), NFT_MSG_GETRULE, family, onRule, &rules);
    }
    if (code == -NLE_OPNOTSUPP || code == -NLE_PROTO_MISMATCH)
        return Error{Errc::Unsupported, 0, "list nftables: this kernel has none"};
    if (code < 0)
        return netlinkError(code, "list nftables");
    return chains;
}

} // namespace beacon
