#pragma once

#include "core/base/result.h"
#include "core/options/options.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// What beacon-instrument was asked to do. Paths are absolute.
struct Settings {
    std::string interface;
    std::string name;
    std::string beacon;
    std::string launcher;
    std::string identity; ///< empty: the Beacon's own default
    std::string identityText; ///< the identity itself, secret, in its shortest form; empty: `identity` counts
    std::string user; ///< that the Beacon runs as, where there is one of that name
    bool netAdmin = false; ///< the Beacon keeps CAP_NET_ADMIN
    std::optional<double> rate;
    std::vector<std::uint16_t> ports;
    std::vector<std::string> techniques;
    std::string runtimeDir; ///< <runtime-dir>/<name>
    std::string stateDir; ///< <state-dir>/<name>
    std::optional<std::chrono::milliseconds> stall;
    std::chrono::milliseconds grace{30'000};
    std::chrono::milliseconds stop{5'000};
    std::chrono::milliseconds rollUp{60'000};
    bool journal = true; ///< on the bench only: a platform keeps the events itself
    bool ownsRuntimeRoot = false; ///< as Place has it
    std::int64_t journalBytes = 256LL * 1024 * 1024;

    [[nodiscard]] std::string socketPath() const { return runtimeDir + "/admin.sock"; }
    [[nodiscard]] std::string lockPath() const { return runtimeDir + "/lock"; }
    /// Home's findings and retest list, as findings.apply brought them.
    [[nodiscard]] std::string findingsPath() const { return runtimeDir + "/findings.json"; }
    [[nodiscard]] std::string beaconConfigPath() const { return runtimeDir + "/beacon.json"; }
    [[nodiscard]] std::string identityCopyPath() const { return runtimeDir + "/identity.json"; }
};

[[nodiscard]] const Program& instrumentProgram();

/// What the place where it runs settles, and nobody configures.
struct Place {
    std::string interface; ///< where none is configured; empty: one must be
    std::string stateDir; ///< instead of <state-dir>/<name>; empty: that one
    bool journal = true;
    /// In a Sensor's room, where /run is this Instrument's alone: the directories above runtimeDir may be opened to the
    /// Beacon's user.
    bool ownsRuntimeRoot = false;
};

/// BadInput: one sentence with the remedy.
[[nodiscard]] Result<Settings> settingsFrom(const Values& values, const Place& place = {});

/// Whom --health asks: by name or interface, else the only one that runs in the runtime directory. NotFound: none does.
/// BadInput: several do.
[[nodiscard]] Result<std::string> adminSocketPath(const Values& values);

/// The keys, as they stand in a file, whose values differ.
[[nodiscard]] std::vector<std::string> changedKeys(const Settings& from, const Settings& to);

/// Whether a running Beacon must be replaced for a change of `key` to take effect.
[[nodiscard]] bool restartsBeacon(const std::string& key);

/// The keys that belong to the command line of a running Instrument; a platform's documents have none of them.
[[nodiscard]] std::span<const std::string_view> fixedKeys();

/// Whether a change of `key` needs a new Instrument.
[[nodiscard]] bool fixedForLife(const std::string& key);

/// The file that BEACON_CONFIG names: a JSON object.
[[nodiscard]] std::string beaconConfig(const Settings& settings);

} // namespace beacon
