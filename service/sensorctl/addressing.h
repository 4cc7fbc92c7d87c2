#pragma once

#include "core/options/options.h"
#include "service/sensorctl/failure.h"

#include <vector>

namespace beacon::sensorctl {

/// What --interface, --address, --gateway, --resolver and --receive-only together say, as the control protocol has it:
/// `{interface, name?, addressing?, addresses?, gateways?, resolvers?, capabilities?}`. Failure: 64.
[[nodiscard]] Outcome<std::vector<QJsonObject>> attachmentsFrom(
    const Values& values, const std::vector<std::string>& interfaces);

} // namespace beacon::sensorctl
