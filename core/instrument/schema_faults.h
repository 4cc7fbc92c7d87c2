#pragma once

#include "core/instrument/schema.h"

#include <QJsonObject>

namespace beacon {

/// Says in sentences what keeps `value` from fitting `schema` (draft-07), as far as the words for people go: type,
/// enum, const, bounds, lengths, pattern, items, properties, required, additionalProperties, anyOf, oneOf, allOf, and
/// $ref inside `root`. What else there is, the validator itself must find.
///
/// Errors: none; at most Schema::kMaxFaults are told.
[[nodiscard]] std::vector<Fault> faultsOf(const QJsonObject& root, const QJsonValue& value);

/// RFC 6901: "/" and "~" escaped, control characters as \u00XX, bounded.
[[nodiscard]] QString pointerToken(const QString& key);

} // namespace beacon
