#pragma once

#include "service/instrument/settings.h"

#include <span>
#include <variant>
#include <vector>

namespace beacon {

/// Reads command line and configuration file anew. `arguments` are those that the program was started with, without its
/// name; a file that is there by default only may be missing.
[[nodiscard]] std::variant<Settings, std::vector<Complaint>> readConfiguration(std::span<char* const> arguments);

} // namespace beacon
