#pragma once

#include <string>

namespace beacon {

/// `program` --health: asks the Instrument at `socketPath`, prints status and reasons; `program` begins a complaint.
/// 0: OK, WARNING or PENDING; 1: ERROR; 69 (EX_UNAVAILABLE): nobody answers within 2 s.
[[nodiscard]] int probeHealth(const std::string& program, const std::string& socketPath);

} // namespace beacon
