#pragma once

#include "core/base/address.h"
#include "core/netlink/network_namespace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct nl_msg;

namespace beacon {

/// What a namespace's kernel says of one network device.
struct Link {
    int index = 0;
    std::string name;
    std::string kind; ///< "veth", "bridge", …; "phy" where the kernel names none, "loopback" for lo
    std::string alias;
    bool ethernet = false; ///< ARPHRD_ETHER
    MacAddress mac;
    std::optional<MacAddress> permanentMac; ///< burnt in
    bool up = false; ///< IFF_UP
    bool carrier = false; ///< IFF_LOWER_UP, and operstate is UP or UNKNOWN (RFC 2863)
    bool promiscuous = false; ///< switched on by somebody, and not only in use
    int mtu = 0;
    int master = 0; ///< index of the bridge or bond that it is a port of; 0: none
    int lower = 0; ///< IFLA_LINK: index of the device below, or of a veth's other end
    bool lowerIsElsewhere = false; ///< in another namespace
    bool isolated = false; ///< a bridge's port that reaches only ports that are not isolated
    bool transparent = false; ///< a bridge, or its port, that alters and keeps nothing: setTransparentBridge()
};

/// What is to become different; what is not named stays.
struct LinkChange {
    std::optional<std::string> name{}, alias{};
    std::optional<MacAddress> mac{};
    std::optional<int> mtu{}, master{}; ///< master 0: a port no longer
    std::optional<bool> up{}, promiscuous{};
    const NetworkNamespace* to = nullptr; ///< moved there; whatever else changes, changes there
};

/// A veth pair of which one end is here; both are switched off.
struct VethPair {
    std::string name{};
    MacAddress mac{}; ///< all zeros: any
    int master = 0; ///< 0: none
    int mtu = 1500; ///< of both
    std::string farName{};
    MacAddress farMac{};
    const NetworkNamespace* farNamespace = nullptr;
};

/// The network devices of one namespace.
///
/// Thread:  any one at a time, in whichever namespace; a call is one exchange with the kernel, below a millisecond.
/// Errors:  NotFound: no such device. Busy: its name is taken. Denied: CAP_NET_ADMIN is missing.
/// Source:  rtnetlink(7), linux/if_link.h
class Links {
public:
    [[nodiscard]] static Result<Links> in(const NetworkNamespace& where);

    [[nodiscard]] Result<std::vector<Link>> all();
    [[nodiscard]] Result<std::optional<Link>> find(const std::string& name); ///< also by an alternative name
    [[nodiscard]] Result<std::optional<Link>> at(int index);

    Result<> change(int index, const LinkChange& change);
    /// A bridge that speaks no protocol of its own and alters no frame: neither STP nor multicast snooping, and what
    /// IEEE 802.1D keeps on a link (LLDP, 802.1X, …) passes, but for pause frames. Made, or changed to be so.
    Result<> setTransparentBridge(const std::string& name, const MacAddress& mac);
    /// As port of a bridge: isolated or not, and passing what setTransparentBridge() says where `transparent`.
    Result<> setPort(int index, bool isolated, bool transparent);
    Result<> add(const VethPair& pair);
    Result<> remove(int index); ///< one that is gone already is no error

private:
    explicit Links(NetworkNamespace::NetlinkSocket socket)
        : m_socket(std::move(socket))
    {
    }
    Result<std::vector<Link>> ask(nl_msg& message, const std::string& attempt);
    Result<std::optional<Link>> askForOne(int index, const std::string& name);
    Result<> tell(nl_msg* message, const std::string& attempt);

    NetworkNamespace::NetlinkSocket m_socket;
};

} // namespace beacon
