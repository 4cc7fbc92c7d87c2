#pragma once

#include <QLatin1StringView>

/// What sensorctl and sensord say to each other: JSON-RPC 2.0 (core/rpc) over a local socket. Who asks is known by
/// SO_PEERCRED; the socket's mode and group decide who may. service/sensor/README.md describes parameters and answers.
namespace beacon::control {

inline constexpr auto kDefaultSocket = QLatin1StringView("/run/sensor/control.sock");
inline constexpr auto kGroup = QLatin1StringView("sensor-admin"); ///< besides root
inline constexpr auto kMask = QLatin1StringView("********"); ///< stands for a secret; sent back: "as it is"
inline constexpr auto kSensorTarget = QLatin1StringView("sensor"); ///< whose document is the Sensor's own

namespace method {
inline constexpr auto kStatus = QLatin1StringView("control.status");
inline constexpr auto kAdd = QLatin1StringView("control.add");
inline constexpr auto kRemove = QLatin1StringView("control.remove");
inline constexpr auto kStart = QLatin1StringView("control.start");
inline constexpr auto kStop = QLatin1StringView("control.stop");
inline constexpr auto kRestart = QLatin1StringView("control.restart");
inline constexpr auto kInterfaces = QLatin1StringView("control.interfaces");
inline constexpr auto kInterfaceAdd = QLatin1StringView("control.interface.add");
inline constexpr auto kInterfaceRemove = QLatin1StringView("control.interface.remove");
inline constexpr auto kInterfaceGive = QLatin1StringView("control.interface.give");
inline constexpr auto kInterfaceTake = QLatin1StringView("control.interface.take");
inline constexpr auto kConfigGet = QLatin1StringView("config.get");
inline constexpr auto kConfigApply = QLatin1StringView("config.apply");
inline constexpr auto kConfigHistory = QLatin1StringView("config.history");
inline constexpr auto kConfigRollback = QLatin1StringView("config.rollback");
inline constexpr auto kConfigDiff = QLatin1StringView("config.diff");
inline constexpr auto kConfigSchema = QLatin1StringView("config.schema");
inline constexpr auto kHealth = QLatin1StringView("health.get");
inline constexpr auto kEventsRead = QLatin1StringView("events.read");
inline constexpr auto kEventsFollow = QLatin1StringView("events.follow");
inline constexpr auto kEventDeliver = QLatin1StringView("event.deliver"); ///< notification
inline constexpr auto kLogsRead = QLatin1StringView("logs.read");
inline constexpr auto kLogLines = QLatin1StringView("log.lines"); ///< notification
inline constexpr auto kSelfTest = QLatin1StringView("selftest.run");
} // namespace method

} // namespace beacon::control
