#include "service/listener/options.h"

#include <array>
namespace beacon {

namespace {

constexpr char kMetadata[] =
#include "service_listener_metadata.inc"
    ;

constexpr auto kOptions = std::to_array<Option>({
    {.name = "interface",
        .value = "NAME",
        .help = "Network interface to listen on; on a platform by default the first that it gives"},
    {.name = "name", .value = "NAME", .fallback = "listener", .help = "Name of this Instrument"},
    {.name = "runtime-dir", .value = "DIR", .fallback = "/run/beacon-listener", .help = "For socket and lock"},
    {.name = "state-dir",
        .value = "DIR",
        .fallback = "/var/lib/beacon-listener",
        .help = "For the hosts that it heard"},
    {.name = "active-within",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .fallback = "300",
        .help = "A host counts as active for this long after it was heard",
        .low = 1,
        .high = 86'400},
    {.name = "report-hosts",
        .kind = OptionKind::Number,
        .value = "COUNT",
        .fallback = "100",
        .help = "Hosts that one event names at most",
        .low = 1,
        .high = 1'000},
    {.name = "health",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "Ask the running Instrument how it is: exit 0, or 1 for ERROR, or 69 where nobody answers"},
});

constexpr auto kOfTheCommandLine = std::to_array<std::string_view>({"name", "runtime_dir", "state_dir"});

std::string platformManifestText()
{
    return manifestText(listenerManifest(true));
}

} // namespace

const Program& listenerProgram()
{
    static constexpr Program program{
        .name = "beacon-listener",
        .summary = "Counts the hosts that it hears, and says which were active when something leaked",
        .options = kOptions,
        .notes = "An example of an Instrument: see core/instrument/README.md. It never sends.\n"
                 "SIGHUP reads the configuration again. Exit code 75: another one of this name is running.\n",
        .section = 8,
        .manifest = platformManifestText,
    };
    return program;
}

Manifest listenerManifest(bool onPlatform)
{
    return builtInManifest(kMetadata,
        jsonSchema(listenerProgram(),
            onPlatform ? std::span<const std::string_view>{kOfTheCommandLine} : std::span<const std::string_view>{}));
}

} // namespace beacon
