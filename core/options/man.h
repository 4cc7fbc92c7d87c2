#pragma once

#include "core/options/options.h"

namespace beacon {

/// The manual page of `program` in roff with the man(7) macros, from its table alone; `--manual` prints it, and
/// resources/man has it checked in.
[[nodiscard]] std::string manualPage(const Program& program);

/// `text` as it stands, whatever is in it: nothing of it is a request, an escape or a ligature (groff_char(7)).
[[nodiscard]] std::string roffText(std::string_view text);

} // namespace beacon
