#pragma once

#include "core/netlink/links.h"
#include "service/sensor/host_devices.h"
#include "service/sensor/wiring_record.h"

#include <string>

namespace beacon {

/// What every kind of segment needs of the host.
struct WiringHost {
    NetworkNamespace network;
    WiringRecords records;
    std::string room; ///< sensor-room
};

/// The device of a segment among the host's: by its name, or, where it was renamed, by the address on record.
/// NotFound: it is absent. BadInput, Busy: it is refused, or another segment has it.
[[nodiscard]] Result<Link> deviceToGive(const WiringHost& host, const HostDevices& devices, const SegmentSpec& segment);

/// Records how the device came, and moves it; gives what it is over there. Undone where it fails.
[[nodiscard]] Result<Link> takeDevice(const WiringHost& host, SegmentRecord& record, const Link& device,
    const NetworkNamespace& to, const std::string& name);
/// The reverse, whatever happened to it meanwhile. Busy: its name at the host is another device's.
Result<> giveDeviceBack(
    const WiringHost& host, const SegmentRecord& record, const NetworkNamespace& from, const Link& device);

/// Switches off what alters frames, and records what that was.
Result<> quietDevice(
    const WiringHost& host, SegmentRecord& record, const NetworkNamespace& where, const std::string& name);

} // namespace beacon
