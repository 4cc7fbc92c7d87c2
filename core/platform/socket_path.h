#pragma once

#include <QString>

#include <optional>

namespace beacon::platform {

/// Where the platform's socket is: $SENSOR_SOCKET, which is waited for where it is not there yet, else
/// /run/sensor/platform.sock where that is a socket. Nothing: the Instrument is stand-alone.
[[nodiscard]] std::optional<QString> platformSocket();

} // namespace beacon::platform
