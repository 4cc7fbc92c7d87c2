#pragma once

#include "tests/service/sensorctl/scripted_sensor.h"

#include <QByteArray>
#include <QJsonValue>
#include <QMap>
#include <QStringList>

#include <optional>

namespace beacon::test {

/// How a run of the real sensorctl ended.
struct Ran {
    int exitCode = -1; ///< -1: it did not end, or a signal ended it
    QByteArray output, complaints;
    /// What stdout holds, where it is exactly one JSON document.
    [[nodiscard]] std::optional<QJsonValue> document() const;
};

struct Surroundings {
    QMap<QString, QString> environment{};
    QByteArray input{};
};

/// Runs sensorctl with `arguments` against the socket at `socket`; at most 20 s.
[[nodiscard]] Ran runSensorctl(
    const QString& socket, const QStringList& arguments, const Surroundings& surroundings = {});

/// Bytes that a terminal would obey: controls but newline, and C1 controls and marks of direction in UTF-8.
[[nodiscard]] bool hasControls(const QByteArray& text);

} // namespace beacon::test
