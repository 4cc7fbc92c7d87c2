#pragma once

#include "core/options/options.h"

/// A program that has commands.
namespace beacon::test {

inline constexpr Option kGeneral[] = {
    {.name = "json", .kind = OptionKind::Flag, .where = Where::CommandLine, .help = "As JSON"},
    {.name = "socket", .where = Where::CommandLine, .value = "PATH", .help = "Where", .completes = kCompletesFile},
    {.name = "ask", .where = Where::CommandLine, .value = "KIND", .help = "For a shell", .hidden = true},
};
inline constexpr Option kFetch[] = {
    {.name = "from",
        .kind = OptionKind::TextList,
        .where = Where::CommandLine,
        .value = "A,B",
        .help = "Sources",
        .repeats = true,
        .completes = "source"},
    {.name = "kind", .where = Where::CommandLine, .value = "KIND", .help = "What", .choices = "red|green"},
};
inline constexpr Operand kNames[] = {{.name = "NAME", .completes = "source", .repeats = true}};
inline constexpr Operand kRange[] = {
    {.name = "WHAT", .choices = "left|right"}, {.name = "FROM", .optional = true}, {.name = "TO", .optional = true}};
inline constexpr Operand kWords[] = {{.name = "COMMAND", .optional = true, .repeats = true}};
inline constexpr Subcommand kRows[] = {
    {.path = "list", .help = "List all"},
    {.path = "list more", .operands = kNames, .help = "List more"},
    {.path = "store fetch", .operands = kNames, .help = "Fetch into the store", .options = kFetch, .notes = "A note"},
    {.path = "store compare", .operands = kRange, .help = "Compare what is in the store"},
    {.path = "help", .operands = kWords, .help = "Explain a command"},
};
inline constexpr ExitCode kCodes[] = {{0, "Done"}, {64, "Not understood"}};
inline constexpr Program kTool{.name = "tool",
    .summary = "Does several things",
    .options = kGeneral,
    .notes = "Example: tool list",
    .commands = kRows,
    .exits = kCodes};

} // namespace beacon::test
