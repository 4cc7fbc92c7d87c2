#include "service/instrument/metadata.h"

#include "service/instrument/settings.h"

namespace beacon {

namespace {
constexpr char kMetadata[] =
#include "service_instrument_metadata.inc"
    ;
} // namespace

Manifest beaconManifest(bool onPlatform)
{
    return builtInManifest(
        kMetadata, jsonSchema(instrumentProgram(), onPlatform ? fixedKeys() : std::span<const std::string_view>{}));
}

std::string platformManifestText()
{
    return manifestText(beaconManifest(true));
}

} // namespace beacon
