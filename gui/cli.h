#pragma once

#include "core/options/options.h"

#include <string>

namespace beacon {

/// beacon-admin's command line.
[[nodiscard]] const Program& adminProgram() noexcept;

/// The admin socket that was asked for: --socket, or that of --name. BadInput: neither was given and there is not
/// exactly one Instrument on this host.
[[nodiscard]] Result<std::string> socketPath(const Values& values);

} // namespace beacon
