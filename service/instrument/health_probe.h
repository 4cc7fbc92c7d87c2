#pragma once

#include <string>

namespace beacon {

/// beacon-instrument --health: asks the Instrument at `socketPath`, prints status and reasons.
/// 0: OK, WARNING or PENDING; 1: ERROR; 69 (EX_UNAVAILABLE): nobody answers within 2 s.
[[nodiscard]] int probeHealth(const std::string& socketPath);

} // namespace beacon
