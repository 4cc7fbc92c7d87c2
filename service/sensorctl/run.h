#pragma once

#include "service/sensorctl/session.h"

namespace beacon::sensorctl {

/// Does what the command line says; the exit code.
[[nodiscard]] int run(const Values& values);

/// 'config edit'.
[[nodiscard]] int editConfig(Session& session);

/// 'events --follow' and 'logs --follow', until SIGINT, SIGTERM or until nobody reads stdout.
[[nodiscard]] int follow(Session& session);

/// --complete KIND: names, one a line; within 300 ms and silent, whatever happens.
[[nodiscard]] int listNames(const Values& values);

} // namespace beacon::sensorctl
