#include "service/sensor/whole_device.h"

#include "service/sensor/quiet_namespace.h"

namespace beacon {

WholeDevice::WholeDevice(const WiringHost& host, const SegmentSpec& spec)
    : m_host(host)
    , m_spec(spec)
    , m_record(host.records.find(spec.name))
{
    if (m_record && m_record->spec != spec)
        m_record.reset();
}

Result<WholeDevice::Whereabouts> WholeDevice::find() const
{
    Whereabouts at;
    if (!m_record || m_record->inside.empty())
        return at;
    auto network = NetworkNamespace::open(m_record->inside);
    if (!network)
        return network.error().code == Errc::NotFound ? Result<Whereabouts>{std::move(at)} : network.error();
    auto links = Links::in(*network);
    if (!links)
        return links.error();
    auto all = links->all();
    if (!all)
        return all.error();
    // The Instrument may have given it any name and address, and its index to a device that it made itself, which must
    // not get to the host.
    for (Link& each : *all) {
        const bool isIt = m_record->index != 0 ? each.index == m_record->index : each.mac == m_record->mac;
        if (isIt && m_record->fits(each))
            at.device = std::move(each);
    }
    at.network = std::move(*network);
    return at;
}

Result<> WholeDevice::keepIt()
{
    if (auto made = m_host.records.makeDirectory(); !made)
        return made;
    return m_host.records.keep(*m_record);
}

Result<> WholeDevice::open()
{
    const auto at = find();
    if (!at)
        return at.error();
    if (at->device)
        return {};
    const auto devices = HostDevices::look(m_host.network);
    if (!devices)
        return devices.error();
    const auto device = deviceToGive(m_host, *devices, m_spec);
    if (!device)
        return device.error();
    if (m_record)
        return {};
    m_record.emplace();
    m_record->spec = m_spec;
    m_record->cameAs(*device);
    return keepIt();
}

Result<> WholeDevice::close()
{
    if (m_record && !m_record->inside.empty()) {
        if (auto unplugged = unplug(m_record->inside); !unplugged)
            return unplugged;
    }
    return m_host.records.forget(m_spec.name);
}

Result<> WholeDevice::plug(const PlugSpec& plug, const NetworkNamespace& inside, const std::string& pin)
{
    if (!plug.send)
        return Error{Errc::BadInput, 0,
            m_spec.device + " is given whole, and whoever has it can send; use type mirror to receive only"};
    if (!m_record)
        return Error{Errc::NotFound, 0, "interface " + m_spec.name + " is not open"};
    const auto at = find();
    if (!at)
        return at.error();
    if (at->device && !at->network->isSameAs(inside))
        return Error{Errc::Busy, 0, m_spec.device + " is given to " + m_record->instrument + " already"};
    return at->device ? mend(plug, *at) : move(plug, inside, pin);
}

Result<> WholeDevice::mend(const PlugSpec& plug, const Whereabouts& at)
{
    if (at.device->name != plug.name) {
        auto links = Links::in(*at.network);
        if (!links)
            return links.error();
        const LinkChange steps[] = {{.up = false}, {.name = plug.name}};
        for (const LinkChange& step : steps) {
            if (auto changed = links->change(at.device->index, step); !changed)
                return changed;
        }
    }
    m_record->index = at.device->index;
    if (auto none = quiet::forwardNothing(*at.network); !none)
        return none;
    if (auto quiet = quietDevice(m_host, *m_record, *at.network, plug.name); !quiet)
        return quiet;
    return keepIt();
}

Result<> WholeDevice::move(const PlugSpec& plug, const NetworkNamespace& inside, const std::string& pin)
{
    const auto devices = HostDevices::look(m_host.network);
    if (!devices)
        return devices.error();
    const auto device = deviceToGive(m_host, *devices, m_spec);
    if (!device)
        return device.error();
    auto links = Links::in(inside);
    if (!links)
        return links.error();
    if (const auto other = links->find(plug.name); !other || *other)
        return other ? Error{Errc::Busy, 0, plug.instrument + " has another interface " + plug.name + " already"}
                     : other.error();
    if (auto none = quiet::forwardNothing(inside); !none)
        return none;
    m_record->instrument = plug.instrument;
    m_record->inside = pin;
    m_record->index = 0;
    const auto taken = takeDevice(m_host, *m_record, *device, inside, plug.name);
    Result<> done = taken ? Result<>{} : Result<>{taken.error()};
    if (taken) {
        m_record->index = taken->index;
        done = quietDevice(m_host, *m_record, inside, plug.name);
        if (done)
            done = keepIt();
    }
    if (!done)
        static_cast<void>(unplug(pin)); // the first failure is the one to be told
    return done;
}

Result<> WholeDevice::nameAgain()
{
    const auto devices = HostDevices::look(m_host.network);
    if (!devices)
        return devices.error();
    const Link* const device = devices->find(m_spec.device) == nullptr ? devices->withMac(m_record->mac) : nullptr;
    return device != nullptr ? giveDeviceBack(m_host, *m_record, m_host.network, *device) : Result<>{};
}

Result<> WholeDevice::unplug(const std::string& pin)
{
    if (!m_record || m_record->inside != pin)
        return {};
    const auto at = find();
    if (!at)
        return at.error();
    auto back = at->device ? giveDeviceBack(m_host, *m_record, *at->network, *at->device) : nameAgain();
    if (!back && back.error().code != Errc::NotFound) // which it is where it vanished meanwhile
        return back;
    m_record->inside.clear();
    m_record->instrument.clear();
    m_record->index = 0;
    m_record->offloads.clear();
    return keepIt();
}

Result<SegmentFacts> WholeDevice::look()
{
    const auto at = find();
    if (!at)
        return at.error();
    SegmentFacts facts;
    std::optional<Link> device = at->device;
    if (!device) {
        const auto devices = HostDevices::look(m_host.network);
        if (!devices)
            return devices.error();
        const auto found = deviceToGive(m_host, *devices, m_spec);
        if (!found)
            facts.problem = found.error().context;
        if (const Link* const there = devices->find(m_spec.device))
            device = *there;
    }
    facts.present = device.has_value();
    if (device) {
        facts.carrier = device->carrier;
        facts.mac = device->mac.text();
    }
    return facts;
}

Result<bool> WholeDevice::isPlugged(const PlugSpec& plug, const std::string& pin)
{
    const auto at = find();
    if (!at)
        return at.error();
    return at->device && m_record->inside == pin && at->device->name == plug.name;
}

} // namespace beacon
