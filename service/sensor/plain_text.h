#pragma once

#include "core/base/clock.h"

#include <QString>

namespace beacon {

/// Somebody else's words, fit for one line of a terminal: without control characters, at most `most` UTF-16 units,
/// trimmed.
[[nodiscard]] QString oneLine(const QString& text, qsizetype most);

/// "2026-11-24 19:20:33 UTC"
[[nodiscard]] QString shortTime(WallTime at);

} // namespace beacon
