#pragma once

#include <sys/capability.h>
#include <vector>

namespace beacon {

/// Those of `wanted` that this process has, capabilities(7).
[[nodiscard]] std::vector<cap_value_t> permitted(const std::vector<cap_value_t>& wanted);

/// Permitted and effective, and inheritable where that is asked for; false where it is refused.
[[nodiscard]] bool keepOnly(const std::vector<cap_value_t>& values, bool inheritable);

/// Keeps the capability to signal processes of other users, where it was there, and nothing else.
void keepOnlyKill();
void keepNothing();

} // namespace beacon
