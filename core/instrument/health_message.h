#pragma once

#include "core/instrument/health.h"

#include <QJsonObject>
#include <QString>

namespace beacon {

/// The answer to health.get and the params of health.changed, `facts` aside.
[[nodiscard]] QJsonObject healthMessage(const HealthSnapshot& snapshot);
/// The data of instruments.<type>.health.
[[nodiscard]] QJsonObject healthEventData(HealthStatus from, const HealthSnapshot& to);
/// "ERROR: The network interface eth0 is not there; …"
[[nodiscard]] QString healthSentence(const HealthSnapshot& snapshot);

} // namespace beacon
