#include "service/beacon/cli.h"

#include "core/base/resolvers.h"
#include "service/beacon/plan.h"
#include "service/beacon/prober.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <sysexits.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr Option kOptions[] = {
    {.name = "identity",
        .value = "FILE",
        .fallback = "/etc/beacon/identity.json",
        .help = "who this Beacon is and where its Home is; made by beacon-home issue"},
    {.name = "rate",
        .kind = OptionKind::Number,
        .value = "PPS",
        .fallback = "1",
        .help = "frames per second, every frame counted",
        .low = 0.001,
        .high = 100'000},
    {.name = "techniques",
        .kind = OptionKind::TextList,
        .value = "A,B",
        .help = "only these ways of escaping; by default all (see --list)"},
    {.name = "ports",
        .kind = OptionKind::PortList,
        .value = "LIST",
        .fallback = "1-65535",
        .help = "destination ports of TCP and UDP attempts: 53,443,8000-8010"},
    {.name = "stop-file", .value = "FILE", .help = "send nothing while this file exists"},
    {.name = "format",
        .where = Where::CommandLine,
        .value = "json|text",
        .fallback = "json",
        .help = "lines for programs or for people",
        .choices = "json|text"},
    {.name = "once", .kind = OptionKind::Flag, .where = Where::CommandLine, .help = "try every probe once, and end"},
    {.name = "plan",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "print what would be sent, and send nothing"},
    {.name = "list",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "print the ways of escaping that this build knows"},
};

constexpr Program kProgram{
    .name = "beacon",
    .summary = "Tries, without end, to reach Home from the segment behind INTERFACE, and prints a line per attempt.",
    .usage = "INTERFACE",
    .options = kOptions,
    .maxOperands = 1,
    .notes = "Needs CAP_NET_RAW. Run it only on a network that you own.\n"
             "Ends with 0 on SIGTERM, SIGINT or after --once; 64 usage, 66 no identity, 69 no such\n"
             "interface, 77 not permitted, 78 configuration.",
    .fileVariable = "BEACON_CONFIG",
    .section = 8,
};

/// One sentence on stderr.
int fail(int code, const std::string& sentence)
{
    std::fprintf(stderr, "beacon: %s.\n", sentence.c_str());
    return code;
}

Result<std::vector<const Technique*>> chosenTechniques(const Values& values)
{
    const std::vector<std::string> names = values.list("techniques");
    if (names.empty())
        return std::vector<const Technique*>{techniques().begin(), techniques().end()};
    std::vector<const Technique*> chosen;
    for (const std::string& name : names) {
        const Technique* const technique = findTechnique(name);
        if (technique == nullptr)
            return Error{Errc::BadInput, 0,
                "\"" + name.substr(0, 64) + "\" is no technique of this build; beacon --list names them"};
        if (std::find(chosen.begin(), chosen.end(), technique) == chosen.end())
            chosen.push_back(technique);
    }
    return chosen;
}

/// Whole lines, in one write where they are many. false: nobody reads any more.
bool writeOut(const std::vector<Line>& lines, bool forPeople)
{
    std::string text;
    for (const Line& line : lines)
        (text += forPeople ? describeLine(line) : writeLine(line)) += '\n';
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
        if (written > 0) {
            left.remove_prefix(static_cast<std::size_t>(written));
        } else if (written < 0 && errno == EAGAIN) {
            pollfd writable{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
            ::poll(&writable, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            return false;
        }
    }
    return true;
}

std::string withRemedy(const Error& error, const std::string& interface)
{
    if (error.code == Errc::Denied)
        return describe(error) + "; the Beacon needs CAP_NET_RAW, which beacon-instrument gives it and root has";
    if (error.code == Errc::NotFound && error.sys == ENODEV)
        return "there is no interface " + interface + "; ip -br link lists those of this host";
    return describe(error);
}

int runProber(const Values& values, Identity identity, std::vector<const Technique*> chosen)
{
    const std::string interface = values.operands().front();
    Prober::Setup setup{.interface = interface,
        .identity = std::move(identity),
        .ports = PortSet{values.ports("ports")},
        .techniques = std::move(chosen),
        .rate = values.number("rate"),
        .once = values.flag("once"),
        .stopFile = values.text("stop-file")};
    const bool forPeople = values.text("format") == "text";
    std::signal(SIGPIPE, SIG_IGN);
    auto prober = Prober::open(
        std::move(setup), [forPeople](const std::vector<Line>& lines) { return writeOut(lines, forPeople); });
    const Result<> ended = prober ? (*prober)->run() : Result<>{prober.error()};
    if (ended)
        return EX_OK;
    const int code = ended.error().code == Errc::NotFound ? EX_UNAVAILABLE : exitCode(ended.error());
    return fail(code, withRemedy(ended.error(), interface));
}

} // namespace

const Program& beaconProgram() noexcept
{
    return kProgram;
}

int runBeacon(int argc, char** argv)
{
    const Started started = startProgram(kProgram, argc, argv);
    if (!started.values)
        return started.exitCode;
    const Values& values = *started.values;
    if (values.flag("list")) {
        std::fputs(listTechniques().c_str(), stdout);
        return EX_OK;
    }
    if (values.operands().empty() && !values.flag("plan"))
        return fail(EX_USAGE, "name the interface whose segment is to be tested, as in: beacon eth0");
    auto chosen = chosenTechniques(values);
    if (!chosen)
        return fail(EX_CONFIG, describe(chosen.error()));
    auto identity = loadIdentity(values.text("identity"));
    if (!identity) {
        const std::string remedy = identity.error().sys == ENOENT ? "; make one with: beacon-home issue NAME" : "";
        return fail(exitCode(identity.error()), describe(identity.error()) + remedy);
    }
    if (values.flag("plan")) {
        const Aim aim{.home = identity->home,
            .resolvers = readResolvers(),
            .ports = PortSet{values.ports("ports")},
            .zone = identity->zone};
        std::fputs(describePlan(*chosen, aim, values.number("rate")).c_str(), stdout);
        return EX_OK;
    }
    return runProber(values, std::move(*identity), std::move(*chosen));
}

} // namespace beacon
