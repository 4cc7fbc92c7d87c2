#pragma once

#include "core/options/options.h"

namespace beacon::sensorctl {

/// The one table of sensorctl's commands: parsing, --help, the manual page and the completion come from it.
[[nodiscard]] const Program& program();

/// What `--complete KIND` lists, for the shell.
inline constexpr std::string_view kInstruments = "instrument", kInterfaces = "interface", kDevices = "device",
                                  kTargets = "target", kInside = "inside", kTypes = "type";

/// Exit codes: sysexits.h, and 1 for a bad finding.
inline constexpr int kBadFinding = 1;

} // namespace beacon::sensorctl
