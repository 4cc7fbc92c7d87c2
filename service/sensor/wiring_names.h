#pragma once

#include "core/base/address.h"
#include "core/base/result.h"
#include "service/sensor/wiring.h"

#include <optional>
#include <string>
#include <string_view>

namespace beacon {

/// All host ends of Instruments' veth pairs begin like this, and nothing else does.
inline constexpr std::string_view kPortPrefix = "sns-";

[[nodiscard]] bool isPort(const std::string& device);

/// BadInput: a name that is no name of a file or of a network device, or that nft would read as something else.
[[nodiscard]] Result<> checkNames(const SegmentSpec& segment);
[[nodiscard]] Result<> checkNames(const PlugSpec& plug);

/// The host end, 15 bytes: one for an Instrument's interface, wherever it is plugged.
[[nodiscard]] std::string portName(const PlugSpec& plug);
/// What `ip link` shows of it: "plant-a beacon_0/eth0"; ports of a segment begin with portAlias(segment).
[[nodiscard]] std::string portAlias(const SegmentSpec& segment);
[[nodiscard]] std::string portAlias(const SegmentSpec& segment, const PlugSpec& plug);

/// Locally administered, and the highest there are: a bridge takes its own address from its lowest port.
[[nodiscard]] MacAddress portMac(const std::string& port);
/// As given; or 02:…, the same as long as host, device, Instrument and name are. BadInput: no address of one station.
[[nodiscard]] Result<MacAddress> insideMac(
    const SegmentSpec& segment, const PlugSpec& plug, const std::optional<MacAddress>& permanentMac);

} // namespace beacon
