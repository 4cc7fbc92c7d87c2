#include "service/instrument/metadata.h"

#include "core/base/log.h"
#include "service/instrument/settings.h"

#include <QJsonDocument>

#include <cstdlib>

namespace beacon {

namespace {
constexpr char kMetadata[] =
#include "service_instrument_metadata.inc"
    ;
} // namespace

Manifest beaconManifest(bool onPlatform)
{
    QJsonObject document = QJsonDocument::fromJson(kMetadata).object();
    const std::string schema =
        jsonSchema(instrumentProgram(), onPlatform ? fixedKeys() : std::span<const std::string_view>{});
    document.insert(
        QStringLiteral("configuration"), QJsonDocument::fromJson(QByteArray::fromStdString(schema)).object());
    auto manifest = manifestFromJson(QJsonDocument{document}.toJson());
    if (!manifest) { // a test reads it
        log::error("the built-in manifest is broken", {{"error", describe(manifest.error())}});
        std::abort();
    }
    return *std::move(manifest);
}

} // namespace beacon
