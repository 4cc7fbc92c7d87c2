#include "service/downloader/options.h"

#include <array>

namespace beacon {

namespace {

constexpr char kMetadata[] =
#include "service_downloader_metadata.inc"
    ;

constexpr auto kOptions = std::to_array<Option>({
    {.name = "name", .value = "NAME", .fallback = "downloader", .help = "Name of this Instrument"},
    {.name = "runtime-dir", .value = "DIR", .fallback = "/run/beacon-downloader", .help = "For socket and lock"},
    {.name = "state-dir",
        .value = "DIR",
        .fallback = "/var/lib/beacon-downloader",
        .help = "For the requests that it was given"},
    {.name = "health",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "Ask the running Instrument how it is: exit 0, or 1 for ERROR, or 69 where nobody answers"},
});

constexpr auto kOfTheCommandLine = std::to_array<std::string_view>({"name", "runtime_dir", "state_dir"});

std::string platformManifestText()
{
    return manifestText(downloaderManifest(true));
}

} // namespace

const Program& downloaderProgram()
{
    static constexpr Program program{
        .name = "beacon-downloader",
        .summary = "Keeps what other Instruments want fetched; this version fetches nothing yet",
        .options = kOptions,
        .notes = "Requests come from a platform only: on the bench nobody asks for anything.\n"
                 "Exit code 75: another one of this name is running.\n",
        .manifest = platformManifestText,
    };
    return program;
}

Manifest downloaderManifest(bool onPlatform)
{
    return builtInManifest(kMetadata,
        jsonSchema(downloaderProgram(),
            onPlatform ? std::span<const std::string_view>{kOfTheCommandLine} : std::span<const std::string_view>{}));
}

} // namespace beacon
