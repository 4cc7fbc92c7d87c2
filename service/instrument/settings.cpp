#include "service/instrument/settings.h"

#include "core/escape/identity.h"
#include "service/instrument/metadata.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace beacon {

namespace {

constexpr auto kOptions = std::to_array<Option>({
    {.name = "interface", .value = "NAME", .help = "Network interface of the segment to test; required"},
    {.name = "name", .value = "NAME", .help = "Name of this Instrument; by default the interface's"},
    {.name = "beacon", .value = "PATH", .help = "Beacon to run; by default the one beside this program"},
    {.name = "launcher",
        .value = "PATH",
        .help = "beacon-launch to start it with; by default the one beside this program"},
    {.name = "identity", .value = "FILE", .help = "Identity file that beacon-home issued"},
    {.name = "identity-text",
        .kind = OptionKind::Document,
        .where = Where::File,
        .value = "JSON",
        .help = "The identity itself, all of the file that beacon-home issued, instead of its name; a secret",
        .secret = true},
    {.name = "user",
        .value = "NAME",
        .fallback = "beacon",
        .help = "User that the Beacon runs as; where there is none of that name, the one of this program"},
    {.name = "net-admin",
        .kind = OptionKind::Flag,
        .help = "Let the Beacon keep CAP_NET_ADMIN; for one that changes its interface"},
    {.name = "rate",
        .kind = OptionKind::Number,
        .value = "PPS",
        .help = "Attempts a second",
        .low = 0.01,
        .high = 100'000},
    {.name = "ports", .kind = OptionKind::PortList, .value = "LIST", .help = "Ports to try"},
    {.name = "techniques", .kind = OptionKind::TextList, .value = "LIST", .help = "Techniques to try"},
    {.name = "runtime-dir",
        .value = "DIR",
        .help = "For socket and lock; by default /run/beacon-instrument, or below $XDG_RUNTIME_DIR where unprivileged"},
    {.name = "state-dir",
        .value = "DIR",
        .help = "For the journal; by default /var/lib/beacon-instrument, or below $XDG_STATE_HOME where unprivileged"},
    {.name = "journal-size",
        .kind = OptionKind::Number,
        .value = "MIB",
        .fallback = "256",
        .help = "Most that the journal of the last 24 hours may take on the disk; without a platform only",
        .low = 1,
        .high = 65'536},
    {.name = "stall",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .help = "Silence after which a Beacon is replaced; by default 30 for ours, learnt for others",
        .low = 1,
        .high = 86'400},
    {.name = "grace",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .fallback = "30",
        .help = "Time that a Beacon has for its first line",
        .low = 1,
        .high = 3'600},
    {.name = "stop",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .fallback = "5",
        .help = "Time that a Beacon has to stop before it is killed",
        .low = 0.1,
        .high = 8},
    {.name = "roll-up",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .fallback = "60",
        .help = "Time between two events that count the attempts",
        .low = 1,
        .high = 3'600},
    {.name = "health",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "Ask the running Instrument how it is: exit 0, or 1 for ERROR, or 69 where nobody answers"},
    {.name = "self-test",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "Let the Beacon escape from a throwaway network and print the figures: exit 0, or 1 where it does not"},
});

std::vector<Complaint> complaintsAbout(const Values& values);

constexpr Program kProgram{
    .name = "beacon-instrument",
    .summary = "Runs a Beacon on a network interface, watches it and tells what it finds",
    .options = kOptions,
    .notes = "SIGHUP reads the configuration again; SIGTERM ends the Beacon, then this program.\n"
             "Exit code 75: another Instrument of this name is running.\n",
    .section = 8,
    .manifest = platformManifestText,
    .check = complaintsAbout,
};

constexpr auto kRestartKeys = std::to_array<std::string_view>({"interface", "beacon", "launcher", "identity",
    "identity_text", "user", "net_admin", "rate", "ports", "techniques"});
constexpr auto kFixedKeys =
    std::to_array<std::string_view>({"name", "launcher", "runtime_dir", "state_dir", "journal_size"});

std::string absolute(const std::string& path)
{
    std::error_code ignored;
    return path.empty() ? path : std::filesystem::absolute(path, ignored).lexically_normal().string();
}

std::string besideUs(const char* program)
{
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::string{"/usr/bin/"} + program : (self.parent_path() / program).string();
}

std::string defaultDir(const char* root, const char* variable, const char* belowHome)
{
    if (::geteuid() == 0)
        return std::string{root} + "/beacon-instrument";
    if (const char* dir = std::getenv(variable); dir != nullptr && *dir == '/')
        return std::string{dir} + "/beacon-instrument";
    const char* home = std::getenv("HOME");
    return std::string{home != nullptr && *home == '/' ? home : "/tmp"} + belowHome + "/beacon-instrument";
}

std::chrono::milliseconds seconds(double number)
{
    return std::chrono::milliseconds{static_cast<std::int64_t>(number * 1'000)};
}

/// Consecutive ports as one "low-high": 65,535 numbers would make a file of 400 kB.
QJsonArray portRanges(const std::vector<std::uint16_t>& ports)
{
    QJsonArray ranges;
    for (std::size_t i = 0; i < ports.size();) {
        std::size_t end = i + 1;
        while (end < ports.size() && ports[end] == ports[end - 1] + 1)
            ++end;
        if (end - i == 1)
            ranges.append(static_cast<int>(ports[i]));
        else
            ranges.append(QStringLiteral("%1-%2").arg(ports[i]).arg(ports[end - 1]));
        i = end;
    }
    return ranges;
}

/// What is wrong with an identity, without a word of it: the sentences of parseIdentity() quote values in "…".
std::string faultOf(const Error& error)
{
    const std::string_view words = error.context;
    const std::string_view key = words.substr(0, words.find_first_of(": "));
    return words.find('"') == std::string_view::npos ? std::string{words} : std::string{key} + " is not usable";
}

std::vector<Complaint> complaintsAbout(const Values& values)
{
    if (!values.given("identity-text"))
        return {};
    const char* const pointer = "/identity_text";
    if (values.given("identity"))
        return {{pointer, "is given, and so is identity; keep one of the two"}};
    std::string text = values.text("identity-text");
    const auto identity = parseIdentity(text);
    explicit_bzero(text.data(), text.size());
    if (identity)
        return {};
    return {{pointer,
        "is no identity: " + faultOf(identity.error()) + "; give all of the file that beacon-home issued, unchanged"}};
}

/// So that spaces and the order of keys make no change.
std::string shortest(const std::string& json)
{
    const auto document = QJsonDocument::fromJson(QByteArray::fromStdString(json));
    return document.isObject() ? document.toJson(QJsonDocument::Compact).toStdString() : json; // nested too deep for it
}

std::string runtimeRoot(const Values& values)
{
    return absolute(
        values.given("runtime-dir") ? values.text("runtime-dir") : defaultDir("/run", "XDG_RUNTIME_DIR", "/.cache"));
}

} // namespace

const Program& instrumentProgram()
{
    return kProgram;
}

std::span<const std::string_view> fixedKeys()
{
    return kFixedKeys;
}

Result<Settings> settingsFrom(const Values& values, const Place& place)
{
    Settings settings;
    settings.interface = values.given("interface") ? values.text("interface") : place.interface;
    constexpr std::size_t kLongestInterface = 15; // IFNAMSIZ less its NUL, net/if.h
    if (settings.interface.empty())
        return Error{Errc::BadInput, 0, "name the interface to test, as in --interface eth0"};
    if (settings.interface.size() > kLongestInterface || settings.interface.find('/') != std::string::npos)
        return Error{Errc::BadInput, 0, "interface must be the name of a network interface, at most 15 bytes"};
    settings.name = values.given("name") ? values.text("name") : settings.interface;
    constexpr std::size_t kLongestName = 64;
    if (settings.name.empty() || settings.name.size() > kLongestName || settings.name.front() == '.'
        || settings.name.find('/') != std::string::npos)
        return Error{Errc::BadInput, 0, "name must be 1 to 64 bytes without a slash, and not begin with a dot"};

    settings.beacon = absolute(values.given("beacon") ? values.text("beacon") : besideUs("beacon"));
    settings.launcher = absolute(values.given("launcher") ? values.text("launcher") : besideUs("beacon-launch"));
    settings.identity = absolute(values.text("identity"));
    settings.identityText = values.given("identity-text") ? shortest(values.text("identity-text")) : std::string{};
    settings.user = values.text("user");
    settings.netAdmin = values.flag("net-admin");
    if (values.given("rate"))
        settings.rate = values.number("rate");
    settings.ports = values.ports("ports");
    settings.techniques = values.list("techniques");
    settings.runtimeDir = runtimeRoot(values) + '/' + settings.name;
    const std::string stateRoot =
        absolute(values.given("state-dir") ? values.text("state-dir")
                                           : defaultDir("/var/lib", "XDG_STATE_HOME", "/.local/state"));
    settings.stateDir = place.stateDir.empty() ? stateRoot + '/' + settings.name : place.stateDir;
    settings.journal = place.journal;
    settings.ownsRuntimeRoot = place.ownsRuntimeRoot;
    settings.journalBytes = static_cast<std::int64_t>(values.number("journal-size")) * 1'024 * 1'024;
    if (values.given("stall"))
        settings.stall = seconds(values.number("stall"));
    settings.grace = seconds(values.number("grace"));
    settings.stop = seconds(values.number("stop"));
    settings.rollUp = seconds(values.number("roll-up"));
    return settings;
}

Result<std::string> adminSocketPath(const Values& values)
{
    const std::string dir = runtimeRoot(values);
    const std::string name = values.given("name") ? values.text("name") : values.text("interface");
    if (!name.empty())
        return dir + '/' + name + "/admin.sock";
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& place : std::filesystem::directory_iterator(dir, error))
        if (const auto socket = place.path() / "admin.sock"; std::filesystem::is_socket(socket, error))
            found.push_back(socket.string());
    if (found.empty())
        return Error{Errc::NotFound, 0, "no Instrument runs here: there is no socket below " + dir};
    if (found.size() > 1)
        return Error{Errc::BadInput, 0, "several Instruments run here; say which, as in --name NAME"};
    return found.front();
}

std::vector<std::string> changedKeys(const Settings& from, const Settings& to)
{
    std::vector<std::string> keys;
    const auto compare = [&](const char* key, const auto& a, const auto& b) {
        if (!(a == b))
            keys.emplace_back(key);
    };
    compare("interface", from.interface, to.interface);
    compare("name", from.name, to.name);
    compare("beacon", from.beacon, to.beacon);
    compare("launcher", from.launcher, to.launcher);
    compare("identity", from.identity, to.identity);
    compare("identity_text", from.identityText, to.identityText);
    compare("user", from.user, to.user);
    compare("net_admin", from.netAdmin, to.netAdmin);
    compare("rate", from.rate, to.rate);
    compare("ports", from.ports, to.ports);
    compare("techniques", from.techniques, to.techniques);
    compare("runtime_dir", from.runtimeDir, to.runtimeDir);
    compare("state_dir", from.stateDir, to.stateDir);
    compare("journal_size", from.journalBytes, to.journalBytes);
    compare("stall", from.stall, to.stall);
    compare("grace", from.grace, to.grace);
    compare("stop", from.stop, to.stop);
    compare("roll_up", from.rollUp, to.rollUp);
    return keys;
}

bool restartsBeacon(const std::string& key)
{
    return std::find(kRestartKeys.begin(), kRestartKeys.end(), key) != kRestartKeys.end();
}

bool fixedForLife(const std::string& key)
{
    return std::find(kFixedKeys.begin(), kFixedKeys.end(), key) != kFixedKeys.end();
}

std::string beaconConfig(const Settings& settings)
{
    QJsonObject object;
    if (!settings.identity.empty())
        object.insert(QStringLiteral("identity"), QString::fromStdString(settings.identity));
    if (settings.rate)
        object.insert(QStringLiteral("rate"), *settings.rate);
    if (!settings.ports.empty())
        object.insert(QStringLiteral("ports"), portRanges(settings.ports));
    if (!settings.techniques.empty()) {
        QJsonArray techniques;
        for (const std::string& technique : settings.techniques)
            techniques.append(QString::fromStdString(technique));
        object.insert(QStringLiteral("techniques"), techniques);
    }
    return QJsonDocument{object}.toJson(QJsonDocument::Compact).toStdString();
}

} // namespace beacon
