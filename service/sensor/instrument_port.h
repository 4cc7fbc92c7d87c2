#pragma once

#include "core/netlink/links.h"
#include "core/netlink/netfilter.h"
#include "service/sensor/wiring.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// A veth pair: one end, the port, beside a segment's uplink or bridge, the other inside an Instrument's namespace.
/// The port is switched on, the end inside is left to whoever gives it addresses.
///
/// Thread:  any one at a time.
/// Errors:  Busy: the Instrument has another interface of this name. What a call began and could not end is undone.
class InstrumentPort {
public:
    struct Place {
        const NetworkNamespace& outside;
        const NetworkNamespace& inside;
    };
    struct Wanted {
        std::string alias;
        MacAddress mac; ///< inside
        int master = 0, mtu = 1500;
        bool transparent = false; ///< our bridge, which lets pass what a bridge keeps on a link otherwise
        bool silent = false; ///< nothing that it sends goes anywhere
        bool amongOthers = false; ///< the host's own devices: nothing else keeps IPv6 off the port
        std::function<std::string(const Link& port)> rules; ///< that belong to it besides; none where empty
    };

    [[nodiscard]] static Result<InstrumentPort> of(const Place& place, const PlugSpec& plug);

    Result<> set(const Wanted& wanted);
    Result<> remove(); ///< both ends and their rules; one that is gone already is no error
    /// Whether it stands as set() would leave it; `netdev` are the rules around it.
    [[nodiscard]] bool stands(const Wanted& wanted, const std::vector<NftChain>& netdev) const;

    [[nodiscard]] const std::optional<Link>& port() const { return m_port; }
    [[nodiscard]] const std::string& name() const { return m_name; }
    [[nodiscard]] bool isTaken() const { return m_inside && !isPair(); } ///< by another device of this name

private:
    InstrumentPort(const Place& place, const PlugSpec& plug, Links outside, Links inside);
    Result<> look();
    [[nodiscard]] bool isPair() const;
    Result<> make(const Wanted& wanted);
    Result<> mend(const Wanted& wanted);
    Result<> finish(const Wanted& wanted);
    Result<> silenceInside(bool silent);

    Place m_place;
    PlugSpec m_plug;
    std::string m_name;
    Links m_outsideLinks, m_insideLinks;
    std::optional<Link> m_port, m_inside;
};

/// The end outside alone, and its rules: the other one is gone with it. One that is gone already is no error.
Result<> removePort(const NetworkNamespace& outside, const std::string& name);

} // namespace beacon
