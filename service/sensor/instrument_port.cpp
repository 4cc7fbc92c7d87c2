#include "service/sensor/instrument_port.h"

#include "core/netlink/offloads.h"
#include "service/sensor/quiet_namespace.h"
#include "service/sensor/wiring_names.h"
#include "service/sensor/wiring_rules.h"

#include <linux/netfilter.h>

namespace beacon {

namespace {

bool areEnds(const Link& one, const Link& other)
{
    return one.kind == "veth" && other.kind == "veth" && one.lower == other.index && other.lower == one.index;
}

Result<> offloadsOff(const NetworkNamespace& where, const std::string& device)
{
    const auto off = switchOffloadsOff(where, device); // for ever: the device ends with the plug
    return off ? Result<>{} : Result<>{off.error()};
}

} // namespace

InstrumentPort::InstrumentPort(const Place& place, const PlugSpec& plug, Links outside, Links inside)
    : m_place(place)
    , m_plug(plug)
    , m_name(portName(plug))
    , m_outsideLinks(std::move(outside))
    , m_insideLinks(std::move(inside))
{
}

Result<InstrumentPort> InstrumentPort::of(const Place& place, const PlugSpec& plug)
{
    auto outside = Links::in(place.outside);
    if (!outside)
        return outside.error();
    auto inside = Links::in(place.inside);
    if (!inside)
        return inside.error();
    InstrumentPort port{place, plug, std::move(*outside), std::move(*inside)};
    if (auto looked = port.look(); !looked)
        return looked.error();
    return port;
}

Result<> InstrumentPort::look()
{
    auto port = m_outsideLinks.find(m_name);
    if (!port)
        return port.error();
    m_port = std::move(*port);
    auto inside = m_insideLinks.find(m_plug.name);
    if (!inside)
        return inside.error();
    m_inside = std::move(*inside);
    if (m_port && !isPair()) { // under another name, perhaps: the Instrument may rename it
        auto renamed = m_insideLinks.at(m_port->lower);
        if (!renamed)
            return renamed.error();
        if (*renamed && !m_inside && areEnds(*m_port, **renamed))
            m_inside = std::move(*renamed);
    }
    return {};
}

bool InstrumentPort::isPair() const
{
    return m_port && m_inside && areEnds(*m_port, *m_inside);
}

Result<> InstrumentPort::set(const Wanted& wanted)
{
    const bool isNew = !isPair();
    if (isNew) {
        if (m_port) { // its other end is lost
            if (auto removed = m_outsideLinks.remove(m_port->index); !removed)
                return removed;
        }
        if (auto made = make(wanted); !made)
            return made;
    }
    auto done = isNew ? Result<>{} : mend(wanted);
    if (done)
        done = finish(wanted);
    if (!done && isNew)
        static_cast<void>(remove()); // the first failure is the one to be told
    return done;
}

Result<> InstrumentPort::make(const Wanted& wanted)
{
    if (m_inside)
        return Error{Errc::Busy, 0, m_plug.instrument + " has another interface " + m_plug.name + " already"};
    const VethPair pair{.name = m_name,
        .mac = portMac(m_name),
        .master = wanted.master,
        .mtu = wanted.mtu,
        .farName = m_plug.name,
        .farMac = wanted.mac,
        .farNamespace = &m_place.inside};
    if (auto added = m_outsideLinks.add(pair); !added)
        return added;
    auto looked = look();
    if (looked && !isPair())
        looked = Error{Errc::System, 0, "find the two ends of " + m_name};
    if (!looked)
        static_cast<void>(remove());
    return looked;
}

/// What the Instrument, or somebody at the host, has changed.
Result<> InstrumentPort::mend(const Wanted& wanted)
{
    if (m_port->master != wanted.master || m_port->isolated != (wanted.master != 0)) {
        // Switched off until all of it is right: a port that has just been given to a bridge is not isolated.
        const LinkChange change{.master = wanted.master};
        if (auto changed = m_outsideLinks.change(m_port->index, LinkChange{.up = false}); !changed)
            return changed;
        if (auto changed = m_outsideLinks.change(m_port->index, change); !changed)
            return changed;
    }
    LinkChange change;
    if (m_inside->name != m_plug.name) {
        change.name = m_plug.name;
        if (auto off = m_insideLinks.change(m_inside->index, LinkChange{.up = false}); !off) // or it keeps its name
            return off;
    }
    if (m_inside->mac != wanted.mac)
        change.mac = wanted.mac;
    return change.name || change.mac ? m_insideLinks.change(m_inside->index, change) : Result<>{};
}

Result<> InstrumentPort::finish(const Wanted& wanted)
{
    if (auto off = offloadsOff(m_place.outside, m_name); !off)
        return off;
    if (auto off = offloadsOff(m_place.inside, m_plug.name); !off)
        return off;
    if (auto none = quiet::forwardNothing(m_place.inside); !none)
        return none;
    if (wanted.amongOthers) {
        auto off = m_place.outside.run([this] { return setSysctl("net/ipv6/conf/" + m_name + "/disable_ipv6", "1"); });
        if (!off && off.error().code != Errc::NotFound) // a kernel without IPv6
            return off;
    }
    if (wanted.master != 0) {
        if (auto set = m_outsideLinks.setPort(m_port->index, true, wanted.transparent); !set)
            return set;
    }
    const auto around = nftChains(m_place.outside, NFPROTO_NETDEV);
    if (!around)
        return around.error();
    std::string text = wanted.rules ? wanted.rules(*m_port) : std::string{};
    if (wanted.silent)
        text += rules::silence(m_name);
    else if (rules::hasTable(*around, m_name))
        text += rules::without("netdev", m_name);
    if (auto loaded = text.empty() ? Result<>{} : rules::load(m_place.outside, text); !loaded)
        return loaded;
    if (auto set = silenceInside(wanted.silent); !set)
        return set;
    const LinkChange last{.alias = wanted.alias, .up = true}; // from here on, frames pass
    return m_outsideLinks.change(m_port->index, last);
}

Result<> InstrumentPort::silenceInside(bool silent)
{
    if (silent)
        return rules::load(m_place.inside, rules::silenceInside(m_name, m_plug.name));
    const auto chains = nftChains(m_place.inside, NFPROTO_NETDEV);
    if (!chains)
        return chains.error();
    return rules::hasTable(*chains, m_name) ? rules::load(m_place.inside, rules::without("netdev", m_name))
                                            : Result<>{};
}

Result<> InstrumentPort::remove()
{
    if (auto removed = removePort(m_place.outside, m_name); !removed)
        return removed;
    return silenceInside(false);
}

bool InstrumentPort::stands(const Wanted& wanted, const std::vector<NftChain>& netdev) const
{
    return isPair() && m_port->up && m_inside->name == m_plug.name && m_inside->mac == wanted.mac
        && m_port->master == wanted.master && m_port->isolated == (wanted.master != 0)
        && (!wanted.transparent || m_port->transparent)
        && (wanted.silent ? rules::isSilent(netdev, m_name) : !rules::hasTable(netdev, m_name));
}

Result<> removePort(const NetworkNamespace& outside, const std::string& name)
{
    auto links = Links::in(outside);
    if (!links)
        return links.error();
    const auto port = links->find(name);
    if (!port)
        return port.error();
    if (*port) {
        if (auto removed = links->remove((*port)->index); !removed)
            return removed;
    }
    const auto around = nftChains(outside, NFPROTO_NETDEV);
    if (!around)
        return around.error();
    return rules::hasTable(*around, name) ? rules::load(outside, rules::without("netdev", name)) : Result<>{};
}

} // namespace beacon
