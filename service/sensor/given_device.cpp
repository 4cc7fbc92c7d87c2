#include "service/sensor/given_device.h"

#include "core/netlink/offloads.h"

#include <algorithm>

namespace beacon {

namespace {

const Link* among(const WiringHost& host, const HostDevices& devices, const SegmentSpec& segment)
{
    if (const Link* const named = devices.find(segment.device))
        return named;
    const auto record = host.records.find(segment.name);
    return record && record->spec.device == segment.device ? devices.withMac(record->mac) : nullptr;
}

/// As it came, but for where it is.
Result<> restoreThere(const SegmentRecord& record, const NetworkNamespace& where, const Link& device)
{
    auto links = Links::in(where);
    if (!links)
        return links.error();
    LinkChange change{.up = false, .promiscuous = record.promiscuous};
    if (device.master != 0)
        change.master = 0;
    if (auto changed = links->change(device.index, change); !changed)
        return changed;
    return switchOffloadsOn(where, device.name, record.offloads);
}

Result<> restoreHere(const WiringHost& host, const SegmentRecord& record)
{
    auto links = Links::in(host.network);
    if (!links)
        return links.error();
    const auto device = links->find(record.spec.device);
    if (!device || !*device)
        return device ? Error{Errc::NotFound, 0, "find " + record.spec.device + " at the host again"} : device.error();
    LinkChange change;
    if (record.mtu > 0 && (*device)->mtu != record.mtu)
        change.mtu = record.mtu;
    if (record.mac != MacAddress{} && (*device)->mac != record.mac)
        change.mac = record.mac;
    if (record.up)
        change.up = true;
    return links->change((*device)->index, change);
}

} // namespace

Result<Link> deviceToGive(const WiringHost& host, const HostDevices& devices, const SegmentSpec& segment)
{
    if (const auto other = host.records.otherOf(segment))
        return Error{Errc::Busy, 0, segment.device + " is given already, as " + other->spec.name};
    const Link* const device = among(host, devices, segment);
    if (device == nullptr)
        return Error{Errc::NotFound, 0, "there is no device " + segment.device + " on this host"};
    if (auto refused = devices.refusal(*device, segment.type))
        return *refused;
    return *device;
}

Result<Link> takeDevice(const WiringHost& host, SegmentRecord& record, const Link& device, const NetworkNamespace& to,
    const std::string& name)
{
    record.cameAs(device);
    record.offloads.clear();
    if (auto kept = host.records.keep(record); !kept)
        return kept.error();
    auto here = Links::in(host.network);
    if (!here)
        return here.error();
    auto there = Links::in(to);
    if (!there)
        return there.error();
    LinkChange move{.to = &to};
    if (device.name != name)
        move.name = name;
    if (auto moved = here->change(device.index, move); !moved)
        return Error{moved.error().code, 0, device.name + " cannot leave the host's network: " + moved.error().context};
    const auto found = there->find(name);
    if (!found)
        return found.error();
    if (!*found)
        return Error{Errc::NotFound, 0, device.name + " vanished on its way"};
    return **found;
}

Result<> giveDeviceBack(
    const WiringHost& host, const SegmentRecord& record, const NetworkNamespace& from, const Link& device)
{
    if (auto restored = restoreThere(record, from, device); !restored)
        return restored;
    auto there = Links::in(from);
    if (!there)
        return there.error();
    const LinkChange move{.name = record.spec.device, .to = &host.network};
    if (auto moved = there->change(device.index, move); !moved) {
        if (moved.error().code == Errc::Busy)
            return Error{
                Errc::Busy, 0, record.spec.device + " cannot be given back: the host has another device of this name"};
        return moved;
    }
    return restoreHere(host, record);
}

Result<> quietDevice(
    const WiringHost& host, SegmentRecord& record, const NetworkNamespace& where, const std::string& name)
{
    const auto off = switchOffloadsOff(where, name);
    if (!off)
        return off.error();
    if (off->empty())
        return {};
    record.offloads.insert(record.offloads.end(), off->begin(), off->end());
    std::sort(record.offloads.begin(), record.offloads.end());
    record.offloads.erase(std::unique(record.offloads.begin(), record.offloads.end()), record.offloads.end());
    return host.records.keep(record);
}

} // namespace beacon
