#pragma once

#include "core/instrument/manifest.h"

#include <string>

namespace beacon {

/// service/instrument/metadata.json with the schema of the options table. On a platform the keys that belong to the
/// command line are not part of it.
[[nodiscard]] Manifest beaconManifest(bool onPlatform);

/// What --manifest prints: the one of a platform.
[[nodiscard]] std::string platformManifestText();

} // namespace beacon
