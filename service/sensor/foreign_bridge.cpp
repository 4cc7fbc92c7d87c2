#include "service/sensor/foreign_bridge.h"

#include "core/netlink/netfilter.h"
#include "service/sensor/wiring_names.h"
#include "service/sensor/wiring_rules.h"

#include <algorithm>
#include <linux/netfilter.h>

namespace beacon {

ForeignBridge::ForeignBridge(const WiringHost& host, const SegmentSpec& spec)
    : m_host(host)
    , m_spec(spec)
{
}

bool ForeignBridge::isOpen() const
{
    const auto record = m_host.records.find(m_spec.name);
    return record && record->foreign && record->spec.device == m_spec.device;
}

std::vector<std::string> ForeignBridge::bridges(bool withThis) const
{
    std::vector<std::string> found;
    for (const SegmentRecord& each : m_host.records.all()) {
        if (each.foreign && each.spec.name != m_spec.name)
            found.push_back(each.spec.device);
    }
    if (withThis)
        found.push_back(m_spec.device);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

Result<std::optional<Link>> ForeignBridge::bridge() const
{
    auto links = Links::in(m_host.network);
    if (!links)
        return links.error();
    auto found = links->find(m_spec.device);
    if (found && *found && (*found)->kind != "bridge")
        return std::optional<Link>{};
    return found;
}

Result<> ForeignBridge::guard(bool withThis)
{
    const auto given = bridges(withThis);
    const auto guarded = rules::isHostGuarded(m_host.network, given);
    if (!guarded)
        return guarded.error();
    return *guarded ? Result<>{} : rules::load(m_host.network, rules::guardOfHost(given));
}

Result<> ForeignBridge::open()
{
    const auto devices = HostDevices::look(m_host.network);
    if (!devices)
        return devices.error();
    const auto device = deviceToGive(m_host, *devices, m_spec);
    if (!device)
        return device.error();
    if (auto made = m_host.records.makeDirectory(); !made)
        return made;
    const bool isNew = !isOpen();
    SegmentRecord record;
    record.spec = m_spec;
    record.foreign = true;
    if (auto kept = isNew ? m_host.records.keep(record) : Result<>{}; !kept)
        return kept;
    auto guarded = guard(true);
    if (!guarded && isNew)
        static_cast<void>(m_host.records.forget(m_spec.name)); // the first failure is the one to be told
    return guarded;
}

Result<> ForeignBridge::close()
{
    auto links = Links::in(m_host.network);
    if (!links)
        return links.error();
    const auto all = links->all();
    if (!all)
        return all.error();
    for (const Link& each : *all) {
        if (!isPort(each.name) || each.alias.compare(0, portAlias(m_spec).size(), portAlias(m_spec)) != 0)
            continue;
        if (auto removed = removePort(m_host.network, each.name); !removed)
            return removed;
    }
    if (auto guarded = guard(false); !guarded) // and no rule is left with the last one
        return guarded;
    return m_host.records.forget(m_spec.name);
}

Result<InstrumentPort::Wanted> ForeignBridge::wanted(const PlugSpec& plug) const
{
    const auto found = bridge();
    if (!found)
        return found.error();
    if (!isOpen())
        return Error{Errc::NotFound, 0, "interface " + m_spec.name + " is not open"};
    if (!*found)
        return Error{Errc::NotFound, 0, "there is no bridge " + m_spec.device + " on this host"};
    const auto mac = insideMac(m_spec, plug, std::nullopt);
    if (!mac)
        return mac.error();
    InstrumentPort::Wanted wanted;
    wanted.alias = portAlias(m_spec, plug);
    wanted.mac = *mac;
    wanted.master = (*found)->index;
    wanted.mtu = (*found)->mtu; // a smaller one would become the bridge's
    wanted.silent = !plug.send;
    wanted.amongOthers = true;
    return wanted;
}

Result<> ForeignBridge::plug(const PlugSpec& plug, const NetworkNamespace& inside)
{
    const auto wants = wanted(plug);
    if (!wants)
        return wants.error();
    if (auto guarded = guard(true); !guarded)
        return guarded;
    auto port = InstrumentPort::of({m_host.network, inside}, plug);
    return port ? port->set(*wants) : Result<>{port.error()};
}

Result<> ForeignBridge::unplug(const PlugSpec& plug, const NetworkNamespace* inside)
{
    if (inside == nullptr)
        return removePort(m_host.network, portName(plug));
    auto port = InstrumentPort::of({m_host.network, *inside}, plug);
    return port ? port->remove() : Result<>{port.error()};
}

Result<bool> ForeignBridge::isPlugged(const PlugSpec& plug, const NetworkNamespace& inside)
{
    const auto wants = wanted(plug);
    if (!wants)
        return wants.error().code == Errc::NotFound ? Result<bool>{false} : Result<bool>{wants.error()};
    auto guarded = rules::isHostGuarded(m_host.network, bridges(true));
    if (!guarded || !*guarded)
        return guarded;
    const auto port = InstrumentPort::of({m_host.network, inside}, plug);
    if (!port)
        return port.error();
    const auto netdev = nftChains(m_host.network, NFPROTO_NETDEV);
    return netdev ? Result<bool>{port->stands(*wants, *netdev)} : Result<bool>{netdev.error()};
}

std::string ForeignBridge::whyNotOpen() const
{
    const auto devices = HostDevices::look(m_host.network);
    const auto device = devices ? deviceToGive(m_host, *devices, m_spec) : Result<Link>{devices.error()};
    return device ? m_spec.device + " is not yet part of " + m_spec.name : device.error().context;
}

Result<SegmentFacts> ForeignBridge::look()
{
    const auto found = bridge();
    if (!found)
        return found.error();
    SegmentFacts facts;
    facts.present = found->has_value();
    if (!facts.present) {
        facts.problem = "there is no bridge " + m_spec.device + " on this host";
        return facts;
    }
    facts.carrier = (*found)->carrier;
    facts.mac = (*found)->mac.text();
    const auto guarded = rules::isHostGuarded(m_host.network, bridges(true));
    if (!isOpen())
        facts.problem = whyNotOpen();
    else if (!guarded || !*guarded)
        facts.problem = "the rules that keep " + m_spec.name + " to itself are missing";
    else if (!(*found)->up)
        facts.problem = m_spec.device + " is switched off";
    return facts;
}

} // namespace beacon
