#pragma once

#include "core/options/options.h"

namespace beacon {

/// A completion script for bash, from the table alone: commands, options, values with choices, files. Other values are
/// asked of the program itself, as `PROGRAM --complete KIND` (with the --socket that was typed, where it has one): a
/// hidden option that prints names, one a line, quickly and silently.
///
/// Source: "Programmable Completion" in bash(1). Needs bash 4.4, and nothing of the package bash-completion.
[[nodiscard]] std::string bashCompletion(const Program& program);

} // namespace beacon
