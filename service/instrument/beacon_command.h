#pragma once

#include "core/base/result.h"
#include "core/supervision/process.h"
#include "service/instrument/settings.h"

#include <string>

namespace beacon {

/// How the Beacon is to be started on `interface`, with all that it needs in place: the file that BEACON_CONFIG names
/// and, where it runs as somebody who may not read the identity, or where the configuration holds that itself, a copy
/// of it; both 0600 and its own.
///
/// Errors: of the files; the Beacon can be started nevertheless, and will complain itself.
struct BeaconCommand {
    Command command;
    Result<> prepared;
};
[[nodiscard]] BeaconCommand prepareBeacon(const Settings& settings, const std::string& interface);

/// In a Sensor's room /run is 0700: lets the Beacon's user, and nobody else, pass through to its files, by its group.
/// Elsewhere, and where everybody may pass, nothing is changed.
[[nodiscard]] Result<> letBeaconPass(const Settings& settings);

/// Removes what prepareBeacon() laid down and is secret.
void forgetBeaconFiles(const Settings& settings);

/// The user named in the settings; nullopt: there is none of that name, or this program may not become anybody else.
[[nodiscard]] std::optional<UserIds> beaconUser(const Settings& settings);

} // namespace beacon
