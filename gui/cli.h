#pragma once

#include "core/options/options.h"

#include <string>

namespace beacon {

/// beacon-admin's command line.
[[nodiscard]] const Program& adminProgram() noexcept;

/// BadInput: --command does not fit what else was given.
[[nodiscard]] Result<> checkOperands(const Values& values);

/// The admin socket that was asked for: --socket, or that of --name. Where neither was given, NotFound: there is no
/// Instrument on this host; BadInput: there are several.
[[nodiscard]] Result<std::string> socketPath(const Values& values);

} // namespace beacon
