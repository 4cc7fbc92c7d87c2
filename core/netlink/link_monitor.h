#pragma once

#include "core/base/address.h"
#include "core/base/result.h"

#include <QObject>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// One way out by an interface. Ordered by family, then best first.
struct DefaultRoute {
    Family family = Family::Ipv4;
    std::uint32_t metric = 0; ///< the smaller the better
    std::optional<IpAddress> gateway; ///< none: everything is on the link; may be of the other family (RTA_VIA)

    auto operator<=>(const DefaultRoute&) const = default; // NOLINT(modernize-use-nullptr): it rewrites to < 0
};

/// What is known of one network interface.
struct LinkState {
    bool present = false;
    int index = 0;
    std::string name; ///< as it is now; the one that was asked for where it is absent
    std::string kind; ///< "veth", "bridge", …; "phy" where the kernel names none, "loopback" for lo
    bool ethernet = false; ///< ARPHRD_ETHER: frames as on a cable; neither loopback nor tun
    MacAddress mac;
    bool up = false; ///< IFF_UP: switched on
    bool carrier = false; ///< IFF_LOWER_UP, and operstate is UP or UNKNOWN (RFC 2863)
    std::vector<IpAddress> addresses; ///< sorted; an interface without one is usable
    std::vector<DefaultRoute> defaultRoutes; ///< of the main table, by this interface; sorted, at most 64

    [[nodiscard]] bool usable() const noexcept { return present && up && carrier; }
    bool operator==(const LinkState&) const = default;
};

/// Follows one network interface.
///
/// Thread:  used only from the thread that created it.
/// Errors:  start() reports what is knowable at once; the rest arrives by failed().
class LinkMonitor : public QObject {
    Q_OBJECT
public:
    /// Emits nothing; state() is valid from then on.
    virtual Result<> start(const std::string& interface) = 0;
    [[nodiscard]] virtual const LinkState& state() const = 0;
    /// Switches on the interface that is followed; that it is up arrives by changed().
    /// Denied: CAP_NET_ADMIN is missing. NotFound: it is not there.
    virtual Result<> bringUp() = 0;

Q_SIGNALS:
    void changed(const beacon::LinkState& now, const beacon::LinkState& before);
    void failed(const beacon::Error& error); ///< a look at the interface failed; it is tried again
};

} // namespace beacon
