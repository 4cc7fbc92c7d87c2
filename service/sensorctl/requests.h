#pragma once

#include "core/options/options.h"
#include "service/sensorctl/failure.h"

#include <chrono>
#include <map>

namespace beacon::sensorctl {

/// What a command asks a Sensor for: one request, or one for each of its names.
struct Asking {
    QLatin1StringView method;
    std::vector<QJsonObject> params;
};

/// The requests of a command that needs nothing but its words; of 'add', 'config apply' and the like without the
/// documents. Failure: 64, in one sentence.
[[nodiscard]] Outcome<Asking> askingOf(const Values& values);

/// A whole number that is given, else nullopt where it has no default. Failure: 64.
[[nodiscard]] Outcome<std::optional<qint64>> wholeNumber(const Values& values, const char* option);

/// What --timeout says, else what `method` may take.
[[nodiscard]] std::chrono::milliseconds patience(const Values& values, QLatin1StringView method);

/// --socket, else $SENSOR_CONTROL, else the default.
[[nodiscard]] QString socketPath(const Values& values);

} // namespace beacon::sensorctl
