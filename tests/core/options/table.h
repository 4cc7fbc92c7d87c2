#pragma once

#include "core/options/options.h"

#include <array>

/// A program that has one option of every kind.
namespace beacon::test {

inline constexpr auto kOptions = std::to_array<Option>({
    {.name = "identity", .value = "FILE", .help = "Who this Beacon is and where its Home is"},
    {.name = "rate",
        .kind = OptionKind::Number,
        .value = "PPS",
        .fallback = "1",
        .help = "Frames a second",
        .low = 0.01,
        .high = 100'000},
    {.name = "techniques",
        .kind = OptionKind::TextList,
        .value = "A,B",
        .help = "Techniques to use",
        .choices = "DnsQuery|IcmpEcho"},
    {.name = "ports",
        .kind = OptionKind::PortList,
        .value = "LIST",
        .fallback = "53,8000-8002",
        .help = "Destination ports"},
    {.name = "format",
        .where = Where::CommandLine,
        .value = "NAME",
        .fallback = "json",
        .help = "Output format",
        .choices = "json|text"},
    {.name = "byte-budget",
        .kind = OptionKind::Number,
        .where = Where::File,
        .value = "BYTES",
        .help = "Bytes an hour at most"},
    {.name = "share",
        .kind = OptionKind::Flag,
        .where = Where::File,
        .help = "Share the interface with other programs of this host"},
    {.name = "once", .kind = OptionKind::Flag, .help = "One pass, then exit"},
});

inline constexpr Program kProgram{.name = "beacon",
    .summary = "Tries every way out of the segment",
    .usage = "INTERFACE",
    .options = kOptions,
    .maxOperands = 1,
    .notes = "Example: beacon eth0",
    .fileVariable = "BEACON_OPTIONS_TEST_FILE"};

} // namespace beacon::test
