#pragma once

#include "core/base/user_ids.h"
#include "service/sensor/settings.h"

#include <QString>

namespace beacon {

inline constexpr std::uint32_t kIdsPerInstrument = 65'536;

/// Where the things of one Instrument are, on the host and as it sees them itself.
struct InstrumentPaths {
    InstrumentPaths(const SensorSettings& settings, QString name, int slot);

    QString run; ///< its /run
    QString socketDir, socket; ///< of the platform; within `run`
    QString state; ///< holds persistent, transient, incoming
    QString persistent, transient, incoming;
    QString resolvers; ///< its resolv.conf
    QString log;
    QString manifest; ///< as it said it last
    QString networkNamespace, userNamespace; ///< pins
    UserIds ids; ///< its root's, on the host

    static constexpr auto kRunInside = QLatin1StringView("/run");
    static constexpr auto kSocketInside = QLatin1StringView("/run/sensor/platform.sock");
    static constexpr auto kStorageInside = QLatin1StringView("/run/sensor/"); ///< and the storage's name
    static constexpr auto kResolversInside = QLatin1StringView("/etc/resolv.conf");
};

/// Makes the directories of an Instrument, its own and 0700; empties what is transient. Blocks on the disk.
[[nodiscard]] Result<> makeInstrumentPlace(const InstrumentPaths& paths);
/// Removes what is transient; what is persistent only where it is purged.
[[nodiscard]] Result<> removeInstrumentPlace(const InstrumentPaths& paths, bool purge);

} // namespace beacon
