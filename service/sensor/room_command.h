#pragma once

#include "service/sensor/instrument_paths.h"

#include <QByteArray>

#include <chrono>
#include <string>
#include <vector>

/// The command lines of sensor-room, in one place.
namespace beacon {

struct RoomLimits {
    QString program; ///< to be seen there, wherever it is
    std::string hostname;
    std::string cgroup; ///< its directory; empty: none
    int processes = 0; ///< 0: sensor-room's own bound
};
/// What comes before `-- PROGRAM` for an Instrument.
[[nodiscard]] std::vector<std::string> roomForInstrument(
    const SensorSettings& settings, const InstrumentPaths& paths, const RoomLimits& limits);
/// The same for a program that has the Instrument's network and nothing else of it: a DHCP client, --manifest.
/// `program`: to be seen there.
[[nodiscard]] std::vector<std::string> roomForGuest(
    const SensorSettings& settings, const InstrumentPaths& paths, const QString& program);

/// Makes the namespaces and pins them. Blocks for some ms, at most kRoomWithin.
[[nodiscard]] Result<> makeRoom(const SensorSettings& settings, const InstrumentPaths& paths);
[[nodiscard]] Result<> dropRoom(const SensorSettings& settings, const InstrumentPaths& paths);
[[nodiscard]] Result<> dropPins(const SensorSettings& settings, const QStringList& pins);

/// What `program --manifest` prints, at most kMaxManifestBytes. Blocks for at most kRoomWithin.
[[nodiscard]] Result<QByteArray> askManifest(
    const SensorSettings& settings, const InstrumentPaths& paths, const QString& program);

inline constexpr std::chrono::seconds kRoomWithin{10};
inline constexpr qsizetype kMaxManifestBytes = 256 * 1024;

} // namespace beacon
