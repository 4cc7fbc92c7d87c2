#include "service/sensorctl/table.h"

#include <array>

namespace beacon::sensorctl {

namespace {

constexpr Option line(Option option)
{
    option.where = Where::CommandLine;
    return option;
}

constexpr Option wholeNumber(std::string_view name, std::string_view help, double low, double high, std::string_view by)
{
    return {.name = name,
        .kind = OptionKind::Number,
        .where = Where::CommandLine,
        .value = "N",
        .fallback = by,
        .help = help,
        .low = low,
        .high = high};
}

constexpr Option kFollow{.name = "follow",
    .kind = OptionKind::Flag,
    .where = Where::CommandLine,
    .help = "Go on with what comes, until it is interrupted"};
constexpr Option kBase = wholeNumber("base", "Refuse it where another version than this is current: exit 75", 0, 0, "");

constexpr auto kAddressOptions = std::to_array<Option>({
    line({.name = "address",
        .kind = OptionKind::TextList,
        .value = "HOW",
        .help = "dhcp, slaac, none, or addresses with their prefix length, as in 192.0.2.7/24",
        .repeats = true,
        .completes = "=dhcp slaac none"}),
    line({.name = "gateway",
        .kind = OptionKind::TextList,
        .value = "ADDRESS",
        .help = "Default gateway, for static addresses",
        .repeats = true}),
    line({.name = "resolver",
        .kind = OptionKind::TextList,
        .value = "ADDRESS",
        .help = "Name server; with dhcp in place of the lease's",
        .repeats = true}),
    line({.name = "receive-only",
        .kind = OptionKind::Flag,
        .help = "It may not send, which the Sensor enforces; always so on a mirror"}),
});

constexpr auto kAddOptions = std::to_array<Option>({
    line({.name = "program",
        .value = "PATH",
        .help = "What to run; by default what belongs to the type",
        .completes = kCompletesFile}),
    line({.name = "interface",
        .kind = OptionKind::TextList,
        .value = "IF[:INSIDE]",
        .help = "An interface of the Sensor to give it, and its name inside, by default eth0, eth1 and so on",
        .repeats = true,
        .completes = kInterfaces}),
    kAddressOptions[0],
    kAddressOptions[1],
    kAddressOptions[2],
    kAddressOptions[3],
    line({.name = "config",
        .value = "FILE",
        .help = "Its configuration, JSON; - is stdin",
        .completes = kCompletesFile}),
    line({.name = "stopped", .kind = OptionKind::Flag, .help = "Do not start it yet"}),
});

constexpr Option kRemoveOptions[] = {
    line({.name = "purge", .kind = OptionKind::Flag, .help = "Delete its storage, configuration and logs as well"}),
};

constexpr Option kInterfaceOptions[] = {
    line({.name = "type", .value = "TYPE", .help = "How it is given", .choices = "phy|bridge|mirror"}),
    line({.name = "device", .value = "DEVICE", .help = "The device of this host that it is", .completes = kDevices}),
};

constexpr Option kApplyOptions[] = {
    kBase,
    line({.name = "check", .kind = OptionKind::Flag, .help = "Only say whether it would be accepted"}),
};
constexpr Option kBaseOptions[] = {kBase};
constexpr Option kHistoryOptions[] = {wholeNumber("limit", "How many at most", 1, 10'000, "100")};

constexpr Option kEventOptions[] = {
    kFollow,
    line({.name = "match", .value = "TYPE", .fallback = "*", .help = "Only this type, or with * those that begin so"}),
    wholeNumber("severity", "Only of this severity and worse", 1, 5, "1"),
    wholeNumber("limit", "How many at most; with --follow, of those that were before", 0, 10'000, "100"),
    wholeNumber("after", "Only those behind the one of this number", 0, 0, ""),
};

constexpr Option kLogOptions[] = {
    wholeNumber("lines", "How many of the last ones", 0, 10'000, "100"),
    kFollow,
};

constexpr Operand kOneInstrument[] = {{.name = "NAME", .completes = kInstruments}};
constexpr Operand kMaybeInstrument[] = {{.name = "NAME", .completes = kInstruments, .optional = true}};
constexpr Operand kInstrumentList[] = {{.name = "NAME", .completes = kInstruments, .repeats = true}};
constexpr Operand kTypeOrName[] = {{.name = "TYPE|NAME", .completes = kTypes}};
constexpr Operand kNewName[] = {{.name = "NAME"}};
constexpr Operand kInterface[] = {{.name = "NAME", .completes = kInterfaces}};
constexpr Operand kGive[] = {
    {.name = "INSTRUMENT", .completes = kInstruments}, {.name = "IF[:INSIDE]", .completes = kInterfaces}};
constexpr Operand kTake[] = {
    {.name = "INSTRUMENT", .completes = kInstruments}, {.name = "INSIDE", .completes = kInside}};
constexpr Operand kTarget[] = {{.name = "TARGET", .completes = kTargets}};
constexpr Operand kTargetVersion[] = {{.name = "TARGET", .completes = kTargets}, {.name = "VERSION", .optional = true}};
constexpr Operand kTargetFile[] = {
    {.name = "TARGET", .completes = kTargets}, {.name = "FILE", .completes = kCompletesFile}};
constexpr Operand kTargetKeys[] = {{.name = "TARGET", .completes = kTargets}, {.name = "KEY=VALUE", .repeats = true}};
constexpr Operand kDiff[] = {{.name = "TARGET", .completes = kTargets},
    {.name = "FROM", .completes = "=current reported", .optional = true},
    {.name = "TO", .completes = "=current reported", .optional = true}};
constexpr Operand kShell[] = {{.name = "SHELL", .choices = "bash"}};
constexpr Operand kCommandWords[] = {
    {.name = "COMMAND", .completes = kCompletesCommand, .optional = true, .repeats = true}};

constexpr auto kCommands = std::to_array<Subcommand>({
    {.path = "status",
        .operands = kMaybeInstrument,
        .help = "Show the Sensor, its Instruments and interfaces, worst first"},
    {.path = "add",
        .operands = kTypeOrName,
        .help = "Add an Instrument and start it; a TYPE such as beacon gets the next free number",
        .options = kAddOptions,
        .notes = "--address and the like are about the one --interface. Of several, give each its\n"
                 "own with 'interfaces give'; only dhcp, slaac and none may be said of all.\n"},
    {.path = "remove",
        .operands = kOneInstrument,
        .help = "Stop an Instrument and forget it; its storage is kept",
        .options = kRemoveOptions},
    {.path = "start", .operands = kInstrumentList, .help = "Start Instruments, and keep them running from now on"},
    {.path = "stop", .operands = kInstrumentList, .help = "Stop Instruments, and leave them stopped from now on"},
    {.path = "restart", .operands = kInstrumentList, .help = "Stop Instruments and start them again"},
    {.path = "interfaces", .help = "Show the Sensor's interfaces, and the devices that could become one"},
    {.path = "interfaces add",
        .operands = kNewName,
        .help = "Make a device of this host an interface of the Sensor; needs --type and --device",
        .options = kInterfaceOptions},
    {.path = "interfaces remove", .operands = kInterface, .help = "Give a device back to the host"},
    {.path = "interfaces give",
        .operands = kGive,
        .help = "Give an Instrument one more interface",
        .options = kAddressOptions},
    {.path = "interfaces take", .operands = kTake, .help = "Take an interface away, by its name inside the Instrument"},
    {.path = "config get",
        .operands = kTargetVersion,
        .help = "Print a configuration as JSON, the current one or an earlier version; secrets are masked"},
    {.path = "config edit", .operands = kTarget, .help = "Change a configuration in $VISUAL or $EDITOR"},
    {.path = "config set",
        .operands = kTargetKeys,
        .help = "Change single keys of a configuration",
        .options = kBaseOptions,
        .notes = "KEY=VALUE  VALUE as JSON where it is JSON, else as text: rate=5, name=north\n"
                 "KEY=@FILE  the text of a file, for secrets; its last newline is left out; - is stdin\n"
                 "KEY=       takes the key away\n"
                 "A KEY that begins with / is a JSON pointer: /interfaces/0/device=eth2\n"},
    {.path = "config diff",
        .operands = kDiff,
        .help =
            "Show what differs between two versions, by default what the Instrument reports and what it should have",
        .notes = "FROM and TO: a version's number, current or reported.\n"
                 "Exit code 1 where something differs.\n"},
    {.path = "config apply",
        .operands = kTargetFile,
        .help = "Make a file the configuration; - is stdin; a masked secret stays as it is",
        .options = kApplyOptions},
    {.path = "config history",
        .operands = kTarget,
        .help = "Show who changed a configuration when and why, newest first",
        .options = kHistoryOptions},
    {.path = "config rollback",
        .operands = kTargetVersion,
        .help = "Go back to an earlier version, by default the one before the current",
        .options = kBaseOptions},
    {.path = "config schema", .operands = kTarget, .help = "Print the JSON Schema that a configuration must satisfy"},
    {.path = "health",
        .operands = kMaybeInstrument,
        .help = "Show the health of the Sensor or of an Instrument, with all reasons; exit code 1 for ERROR"},
    {.path = "events", .help = "Show events, oldest first", .options = kEventOptions},
    {.path = "logs",
        .operands = kOneInstrument,
        .help = "Show what an Instrument wrote to its log",
        .options = kLogOptions},
    {.path = "selftest",
        .operands = kMaybeInstrument,
        .help = "Let the Sensor or one Instrument test itself; exit code 1 where a test failed"},
    {.path = "completion", .operands = kShell, .help = "Print the completion script for a shell"},
    {.path = "help", .operands = kCommandWords, .help = "Explain a command"},
});

constexpr Option kGlobalOptions[] = {
    line({.name = "socket",
        .value = "PATH",
        .help = "The Sensor's control socket; by default $SENSOR_CONTROL, else /run/sensor/control.sock",
        .completes = kCompletesFile}),
    line({.name = "json",
        .kind = OptionKind::Flag,
        .help = "Print answers as JSON, one document; with --follow one object a line"}),
    line({.name = "why", .value = "TEXT", .help = "The reason of a change, for the history"}),
    line({.name = "timeout",
        .kind = OptionKind::Number,
        .value = "SECONDS",
        .help = "How long to wait for an answer; by default 10 s, 60 s for a change, 300 s for a self-test",
        .low = 0.1,
        .high = 3'600}),
    line({.name = "complete",
        .value = "KIND",
        .help = "List names for a shell's completion",
        .choices = "instrument|interface|device|target|inside|type",
        .hidden = true}),
};

constexpr ExitCode kExits[] = {
    {0, "Done; an interrupted --follow too"},
    {1, "What was asked about is bad: health is ERROR, the configuration differs, a self-test failed"},
    {64, "The command line is wrong"},
    {65, "Refused: a configuration with faults, a name that is not there, a file that is not JSON"},
    {66, "A file cannot be read"},
    {69, "No Sensor answers, or not within --timeout"},
    {70, "The Sensor failed at it"},
    {73, "A file cannot be written"},
    {74, "stdout cannot be written"},
    {75,
        "Not now, try again: another version is current, the Sensor is busy, or an Instrument did not answer it in "
        "time"},
    {76, "What answers does not speak as a Sensor does, or is of another version"},
    {77, "Not allowed: be root or a member of the group sensor-admin"},
    {78, "The editor that $VISUAL or $EDITOR names cannot be run"},
};

constexpr Program kProgram{
    .name = "sensorctl",
    .summary = "Runs and watches the Instruments of a Sensor",
    .options = kGlobalOptions,
    .notes = "A TARGET is an Instrument, or sensor: the Sensor's own document.\n"
             "Times are this host's, with their offset; in JSON they are Unix seconds.\n"
             "Colours only on a terminal, and not where $NO_COLOR is set.\n",
    .commands = kCommands,
    .exits = kExits,
};

} // namespace

const Program& program()
{
    return kProgram;
}

} // namespace beacon::sensorctl
