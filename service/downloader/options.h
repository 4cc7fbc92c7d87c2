#pragma once

#include "core/instrument/manifest.h"
#include "core/options/options.h"

namespace beacon {

[[nodiscard]] const Program& downloaderProgram();

/// metadata.json with the schema of the options table. On a platform the keys that belong to the command line are not
/// part of it.
[[nodiscard]] Manifest downloaderManifest(bool onPlatform);

} // namespace beacon
