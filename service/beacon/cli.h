#pragma once

#include "core/options/options.h"

namespace beacon {

/// The Beacon's command line and the keys of the file that BEACON_CONFIG names.
[[nodiscard]] const Program& beaconProgram() noexcept;

/// main(). The exit code is one of sysexits.h.
int runBeacon(int argc, char** argv);

} // namespace beacon
