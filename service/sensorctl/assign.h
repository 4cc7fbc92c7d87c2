#pragma once

#include "service/sensorctl/failure.h"

#include <string>
#include <vector>

namespace beacon::sensorctl {

/// Gives `document` what "KEY=VALUE", "KEY=@FILE" and "KEY=" say, from the left to the right. A KEY that begins with /
/// is a JSON pointer (RFC 6901), where "-" appends to an array; every step but the last must be there.
/// Failure: 64 no such form, 65 the pointer leads nowhere, 66 the file cannot be read.
[[nodiscard]] Outcome<QJsonObject> assigned(QJsonObject document, const std::vector<std::string>& assignments);

} // namespace beacon::sensorctl
