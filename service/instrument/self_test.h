#pragma once

#include "service/instrument/settings.h"

namespace beacon {

/// The known-positive drill: the Beacon of `settings` must escape from a throwaway network to a Home in this process.
/// Prints one JSON object. The exit code: 0, it escaped; 1, it did not, or not by every technique that it tried;
/// another of sysexits.h with one sentence on stderr, the drill is not possible here. Takes less than 20 s.
///
/// Nothing remains of it, also where this process is killed: no process, no namespace, no file.
///
/// Thread:  for a process without other threads; blocks.
[[nodiscard]] int runSelfTest(const Settings& settings);

/// What is tried: a few well-known ports, and as many of `configured` as make it twenty.
[[nodiscard]] std::vector<std::uint16_t> drillPorts(const std::vector<std::uint16_t>& configured);

} // namespace beacon
