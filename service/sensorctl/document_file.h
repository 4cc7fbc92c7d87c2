#pragma once

#include "service/sensorctl/failure.h"

#include <QByteArray>

namespace beacon::sensorctl {

/// All bytes of a file, or of stdin for "-"; at most 1 MiB. Failure: 66 it cannot be read, 65 it is larger.
[[nodiscard]] Outcome<QByteArray> readInput(const QString& path);

/// A JSON object. Failure: 65, with line and column, or with the key that an object has twice. `name` says whose text
/// it is.
[[nodiscard]] Outcome<QJsonObject> parseDocument(const QByteArray& text, const QString& name);

} // namespace beacon::sensorctl
