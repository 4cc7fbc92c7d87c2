#pragma once

#include "core/base/address.h"
#include "core/base/result.h"

#include <QObject>

#include <string>
#include <vector>

namespace beacon {

/// What is known of one network interface.
struct LinkState {
    bool present = false;
    int index = 0;
    std::string name; ///< as it is now; the one that was asked for where it is absent
    std::string kind; ///< "veth", "bridge", …; "phy" where the kernel names none, "loopback" for lo
    MacAddress mac;
    bool up = false; ///< IFF_UP: switched on
    bool carrier = false; ///< IFF_LOWER_UP, and operstate is UP or UNKNOWN (RFC 2863)
    std::vector<IpAddress> addresses; ///< sorted; an interface without one is usable

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

Q_SIGNALS:
    void changed(const beacon::LinkState& now, const beacon::LinkState& before);
    void failed(const beacon::Error& error); ///< a look at the interface failed; it is tried again
};

} // namespace beacon
