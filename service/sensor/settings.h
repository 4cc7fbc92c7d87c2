#pragma once

#include "core/base/result.h"
#include "core/options/options.h"

#include <QString>

#include <cstdint>

namespace beacon {

/// The one table of sensord's options.
[[nodiscard]] const Program& sensorProgram();

/// What sensord was started with; the rest is the Sensor's versioned document (sensor_document.h).
struct SensorSettings {
    QString name; ///< second part of every address: "plant7"
    QString runtimeDir, stateDir; ///< absolute
    QString room; ///< sensor-room
    QString programs; ///< folder in which Instruments are looked for
    QString dhcpClient; ///< udhcpc
    std::uint32_t idBase = 0; ///< first id of the Instruments' ranges, 65,536 each

    [[nodiscard]] QString leaseEvent() const; ///< sensor-lease, beside sensor-room
    [[nodiscard]] QString controlSocket() const { return runtimeDir + QStringLiteral("/control.sock"); }
    [[nodiscard]] QString lock() const { return runtimeDir + QStringLiteral("/lock"); }
    [[nodiscard]] QString documents() const { return stateDir + QStringLiteral("/sensor.db"); }
    [[nodiscard]] QString events() const { return stateDir + QStringLiteral("/events.db"); }
};

/// BadInput: one sentence for a person.
[[nodiscard]] Result<SensorSettings> sensorSettingsFrom(const Values& values);

} // namespace beacon
