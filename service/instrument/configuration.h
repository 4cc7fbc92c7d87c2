#pragma once

#include "core/options/options.h"

#include <span>
#include <string>
#include <variant>
#include <vector>

namespace beacon {

/// Reads command line and configuration file anew. `arguments` are those that the program was started with, without its
/// name; a file that is there by default only may be missing.
/// The document that the two make together, as JSON text.
[[nodiscard]] std::variant<std::string, std::vector<Complaint>> readConfiguration(std::span<char* const> arguments);

} // namespace beacon
