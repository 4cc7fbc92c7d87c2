#pragma once

#include "core/escape/technique.h"

#include <string>
#include <vector>

namespace beacon {

/// A table for people: number, name, what it does, and its source.
[[nodiscard]] std::string listTechniques();

/// A table for people: what one cycle of `chosen` would send while nothing answers, and how long it takes at `rate`.
[[nodiscard]] std::string describePlan(const std::vector<const Technique*>& chosen, const Aim& aim, double rate);

} // namespace beacon
