#pragma once

#include <QJsonArray>
#include <QJsonObject>

namespace beacon {

class InstrumentRun;
class Sensor;

/// What control.status and its parts answer; service/sensor/README.md has the shapes.
[[nodiscard]] QJsonObject statusOf(Sensor& sensor);
[[nodiscard]] QJsonObject statusOf(Sensor& sensor, InstrumentRun& run);
[[nodiscard]] QJsonArray interfacesOf(Sensor& sensor);
[[nodiscard]] QJsonObject wholeHealth(Sensor& sensor); ///< sources by name

} // namespace beacon
