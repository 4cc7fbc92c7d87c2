#include "service/sensor/own_segment.h"

#include "core/netlink/netfilter.h"
#include "core/netlink/offloads.h"
#include "service/sensor/quiet_namespace.h"
#include "service/sensor/short_command.h"
#include "service/sensor/wiring_names.h"

#include <algorithm>
#include <linux/netfilter.h>

namespace beacon {

OwnSegment::OwnSegment(const WiringHost& host, const SegmentSpec& spec)
    : m_host(host)
    , m_spec(spec)
    , m_pin(host.records.pin(spec.name))
    , m_bridgeName(spec.device == "br0" ? "br1" : "br0")
{
    m_record = host.records.find(spec.name).value_or(SegmentRecord{});
    if (m_record.spec.device != spec.device)
        m_record = {};
    m_record.spec = spec;
    m_record.foreign = false;
}

Error OwnSegment::notOpen() const
{
    return Error{Errc::NotFound, 0, "interface " + m_spec.name + " is not open"};
}

Result<> OwnSegment::enter()
{
    auto network = NetworkNamespace::open(m_pin);
    if (!network)
        return network.error();
    auto links = Links::in(*network);
    if (!links)
        return links.error();
    m_network = std::move(*network);
    m_links = std::move(*links);
    return survey();
}

Result<> OwnSegment::survey()
{
    auto all = m_links->all();
    if (!all)
        return all.error();
    m_uplink.reset();
    m_bridge.reset();
    m_ports.clear();
    for (Link& link : *all) {
        if (link.name == m_bridgeName)
            m_bridge = link; // of another kind only where somebody made it
        else if (isPort(link.name))
            m_ports.push_back(link);
        else if (link.ethernet && link.kind != "bridge" && (!m_uplink || link.name == m_spec.device))
            m_uplink = link; // under another name only where somebody renamed it: there is but one
    }
    return {};
}

Result<> OwnSegment::makeNamespace()
{
    if (auto made = m_host.records.makeDirectory(); !made)
        return made;
    return runShortCommand({.program = m_host.room, .arguments = {"make", "--network-namespace", m_pin}, .input = {}});
}

Result<> OwnSegment::dropNamespace()
{
    m_links.reset();
    m_network.reset();
    return runShortCommand({.program = m_host.room, .arguments = {"drop", m_pin}, .input = {}});
}

/// No address, no IPv6, no forwarding, and no look into bridged frames.
Result<> OwnSegment::quieten()
{
    if (auto quiet = quiet::beOnlyABridge(*m_network); !quiet)
        return quiet;
    const auto guarded = rules::isSegmentGuarded(*m_network, m_bridgeName);
    if (guarded && *guarded)
        return {};
    return rules::load(*m_network, rules::guardOfSegment(m_bridgeName));
}

Result<> OwnSegment::take()
{
    const auto devices = HostDevices::look(m_host.network);
    if (!devices)
        return devices.error();
    const auto device = deviceToGive(m_host, *devices, m_spec);
    if (!device)
        return device.error();
    const auto taken = takeDevice(m_host, m_record, *device, *m_network, m_spec.device);
    return taken ? survey() : Result<>{taken.error()};
}

Result<> OwnSegment::open()
{
    auto entered = enter();
    if (!entered && entered.error().code != Errc::NotFound)
        return entered;
    const bool isNew = !entered;
    const bool wasUnknown = !m_host.records.find(m_spec.name);
    const bool isAway = !entered || !m_uplink;
    if (!isAway && drift().empty())
        return quietDevice(m_host, m_record, *m_network, m_spec.device);
    if (isAway) { // refused before anything is made
        const auto devices = HostDevices::look(m_host.network);
        if (!devices)
            return devices.error();
        if (const auto device = deviceToGive(m_host, *devices, m_spec); !device)
            return device.error();
    }
    auto done = isNew ? makeNamespace() : Result<>{};
    if (done && isNew)
        done = enter();
    if (done)
        done = quieten();
    if (done && isAway)
        done = take();
    if (done)
        done = settle();
    if (done)
        return done;
    const bool isBack = isAway && (!m_uplink || giveBack()); // the first failure is the one to be told
    if (isNew && isBack)
        static_cast<void>(dropNamespace());
    if (wasUnknown && isBack)
        static_cast<void>(m_host.records.forget(m_spec.name));
    return done;
}

/// The uplink as it should be, wherever it comes from.
Result<> OwnSegment::settle()
{
    if (m_uplink->name != m_spec.device) {
        const LinkChange rename{.name = m_spec.device};
        auto changed = m_links->change(m_uplink->index, LinkChange{.up = false});
        if (changed)
            changed = m_links->change(m_uplink->index, rename);
        if (!changed)
            return changed;
        m_uplink->name = m_spec.device;
    }
    if (!m_host.records.find(m_spec.name)) { // the record is lost: it came up, as most do
        m_record.cameAs(*m_uplink);
        m_record.up = true;
        m_record.promiscuous = false;
        if (auto kept = m_host.records.keep(m_record); !kept)
            return kept;
    }
    if (auto quiet = quietDevice(m_host, m_record, *m_network, m_spec.device); !quiet)
        return quiet;
    if (!isMirror())
        return settleBridge();
    if (auto loaded = rules::load(*m_network, mirrorRules(m_ports)); !loaded)
        return loaded;
    LinkChange change{.up = true, .promiscuous = true};
    if (m_uplink->master != 0)
        change.master = 0;
    return m_links->change(m_uplink->index, change);
}

Result<> OwnSegment::settleBridge()
{
    if (auto made = m_links->setTransparentBridge(m_bridgeName, m_uplink->mac); !made)
        return made;
    const auto bridge = m_links->find(m_bridgeName);
    if (!bridge)
        return bridge.error();
    if (!*bridge || (*bridge)->kind != "bridge")
        return Error{Errc::Busy, 0, "make the bridge of " + m_spec.name + ": another device has its name"};
    if (m_uplink->master != (*bridge)->index) {
        const LinkChange enslave{.master = (*bridge)->index};
        if (auto changed = m_links->change(m_uplink->index, enslave); !changed)
            return changed;
    }
    if (auto set = m_links->setPort(m_uplink->index, false, true); !set)
        return set;
    if (auto up = m_links->change((*bridge)->index, LinkChange{.up = true}); !up)
        return up;
    for (const Link& port : m_ports) {
        if (auto back = takePortBack(port, (*bridge)->index); !back)
            return back;
    }
    return m_links->change(m_uplink->index, LinkChange{.up = true});
}

/// One that lost its bridge, which somebody removed.
Result<> OwnSegment::takePortBack(const Link& port, int bridge)
{
    if (port.master == bridge)
        return {};
    const LinkChange steps[] = {{.up = false}, {.master = bridge}};
    for (const LinkChange& step : steps) {
        if (auto changed = m_links->change(port.index, step); !changed)
            return changed;
    }
    if (auto set = m_links->setPort(port.index, true, true); !set)
        return set;
    return m_links->change(port.index, LinkChange{.up = true});
}

Result<> OwnSegment::giveBack()
{
    if (auto seen = survey(); !seen)
        return seen;
    if (!m_uplink)
        return {};
    auto given = giveDeviceBack(m_host, m_record, *m_network, *m_uplink);
    return !given && given.error().code == Errc::NotFound ? Result<>{} : given; // it vanished meanwhile
}

Result<> OwnSegment::close()
{
    if (auto entered = enter(); entered) {
        if (auto given = giveBack(); !given)
            return given;
        for (const Link& port : m_ports) { // one by one, and now: the end of a namespace comes when it comes
            if (auto removed = m_links->remove(port.index); !removed)
                return removed;
        }
    } else if (entered.error().code != Errc::NotFound) {
        return entered;
    }
    if (auto dropped = dropNamespace(); !dropped)
        return dropped;
    return m_host.records.forget(m_spec.name);
}

std::vector<rules::Reader> OwnSegment::readers(const std::vector<Link>& ports)
{
    std::vector<rules::Reader> found;
    found.reserve(ports.size());
    for (const Link& port : ports)
        found.push_back({port.name, port.index});
    return found;
}

std::string OwnSegment::mirrorRules(const std::vector<Link>& ports) const
{
    return m_uplink ? rules::mirror(m_spec.device, readers(ports)) : std::string{};
}

Result<InstrumentPort::Wanted> OwnSegment::wanted(const PlugSpec& plug)
{
    if (!isMirror() && (!m_bridge || m_bridge->kind != "bridge"))
        return notOpen();
    const auto mac = insideMac(m_spec, plug, m_record.permanentMac);
    if (!mac)
        return mac.error();
    InstrumentPort::Wanted wanted;
    wanted.alias = portAlias(m_spec, plug);
    wanted.mac = *mac;
    wanted.master = isMirror() ? 0 : m_bridge->index;
    if (m_uplink)
        wanted.mtu = m_uplink->mtu;
    wanted.transparent = !isMirror();
    wanted.silent = isMirror() || !plug.send;
    if (isMirror()) {
        wanted.rules = [this](const Link& port) {
            auto ports = m_ports;
            const auto isThis = [&port](const Link& each) { return each.name == port.name; };
            ports.erase(std::remove_if(ports.begin(), ports.end(), isThis), ports.end());
            ports.push_back(port);
            return mirrorRules(ports);
        };
    }
    return wanted;
}

Result<> OwnSegment::plug(const PlugSpec& plug, const NetworkNamespace& inside)
{
    if (auto entered = enter(); !entered)
        return entered.error().code == Errc::NotFound ? Result<>{notOpen()} : entered;
    const auto wants = wanted(plug);
    if (!wants)
        return wants.error();
    auto port = InstrumentPort::of({*m_network, inside}, plug);
    return port ? port->set(*wants) : Result<>{port.error()};
}

Result<> OwnSegment::unplug(const PlugSpec& plug, const NetworkNamespace* inside)
{
    if (auto entered = enter(); !entered)
        return entered.error().code == Errc::NotFound ? Result<>{} : entered;
    if (isMirror()) { // first: a rule that names a device which is gone would be left
        m_ports.erase(std::remove_if(m_ports.begin(), m_ports.end(),
                          [name = portName(plug)](const Link& each) { return each.name == name; }),
            m_ports.end());
        const std::string text = mirrorRules(m_ports);
        if (auto loaded = text.empty() ? Result<>{} : rules::load(*m_network, text); !loaded)
            return loaded;
    }
    if (inside == nullptr)
        return removePort(*m_network, portName(plug));
    auto port = InstrumentPort::of({*m_network, *inside}, plug);
    return port ? port->remove() : Result<>{port.error()};
}

Result<bool> OwnSegment::isPlugged(const PlugSpec& plug, const NetworkNamespace& inside)
{
    if (auto entered = enter(); !entered)
        return entered.error().code == Errc::NotFound ? Result<bool>{false} : Result<bool>{entered.error()};
    const auto wants = wanted(plug);
    if (!wants)
        return wants.error().code == Errc::NotFound ? Result<bool>{false} : Result<bool>{wants.error()};
    const auto port = InstrumentPort::of({*m_network, inside}, plug);
    if (!port)
        return port.error();
    const auto netdev = nftChains(*m_network, NFPROTO_NETDEV);
    if (!netdev)
        return netdev.error();
    return port->stands(*wants, *netdev)
        && (!isMirror() || !m_uplink || rules::isMirrored(*netdev, m_spec.device, readers(m_ports)));
}

/// What is not as open() leaves it; empty: nothing.
std::string OwnSegment::drift()
{
    if (m_uplink->name != m_spec.device)
        return m_spec.device + " was renamed to " + m_uplink->name;
    if (!m_uplink->up)
        return m_spec.device + " was switched off";
    if (!m_host.records.find(m_spec.name))
        return "the record of " + m_spec.name + " is missing";
    if (const auto quiet = quiet::isOnlyABridge(*m_network); !quiet || !*quiet)
        return m_spec.name + " forwards, has IPv6, or hands frames to iptables";
    const auto guarded = rules::isSegmentGuarded(*m_network, m_bridgeName);
    if (!guarded || !*guarded)
        return "the rules that keep " + m_spec.name + " to itself are missing";
    if (!isMirror()) {
        if (!m_bridge || !m_bridge->up || !m_bridge->transparent)
            return "the bridge of " + m_spec.name + " is missing, off, or alters frames";
        if (m_uplink->master != m_bridge->index || m_uplink->isolated || !m_uplink->transparent)
            return m_spec.device + " is no port of the bridge of " + m_spec.name + " as it should be";
        const bool all = std::all_of(
            m_ports.begin(), m_ports.end(), [this](const Link& each) { return each.master == m_bridge->index; });
        return all ? "" : "an Instrument's port is not on the bridge of " + m_spec.name;
    }
    if (!m_uplink->promiscuous)
        return m_spec.device + " does not take what is for others";
    const auto netdev = nftChains(*m_network, NFPROTO_NETDEV);
    if (!netdev || !rules::isMirrored(*netdev, m_spec.device, readers(m_ports)))
        return "the rules that mirror " + m_spec.device + " are missing";
    return {};
}

Result<SegmentFacts> OwnSegment::look()
{
    SegmentFacts facts;
    auto entered = enter();
    if (!entered && entered.error().code != Errc::NotFound)
        return entered.error();
    facts.owned = bool(entered) && m_uplink.has_value();
    std::optional<Link> device = m_uplink;
    if (facts.owned) {
        facts.problem = drift();
    } else {
        const auto devices = HostDevices::look(m_host.network);
        if (!devices)
            return devices.error();
        auto found = deviceToGive(m_host, *devices, m_spec);
        if (found) {
            device = std::move(*found);
            facts.problem = m_spec.device + " is with the host, and not yet part of " + m_spec.name;
        } else {
            facts.problem = found.error().context;
            if (const Link* const refused = devices->find(m_spec.device))
                device = *refused;
        }
    }
    facts.present = device.has_value();
    if (device) {
        facts.carrier = device->carrier;
        facts.mac = device->mac.text();
    }
    return facts;
}

} // namespace beacon
