#include "service/home/cli.h"

#include "core/base/unique_fd.h"
#include "service/home/records.h"

#include <QJsonDocument>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sysexits.h>

namespace beacon {

namespace {

constexpr Option kOptions[] = {
    {.name = "interface", .value = "NAME", .help = "where Home's addresses are, and where it captures"},
    {.name = "address",
        .kind = OptionKind::TextList,
        .value = "A,B",
        .help = "Home's dedicated addresses; by default all global ones of the interface"},
    {.name = "zone", .value = "ZONE", .help = "DNS zone that is delegated to Home, in which tokens are names"},
    {.name = "database",
        .value = "FILE",
        .fallback = "/var/lib/beacon-home/home.db",
        .help = "keys, observations and findings"},
    {.name = "home",
        .kind = OptionKind::TextList,
        .where = Where::CommandLine,
        .value = "A,B",
        .help = "issue: Home's addresses as the segment would reach them; by default those of --address"},
    {.name = "ranges",
        .kind = OptionKind::TextList,
        .where = Where::CommandLine,
        .value = "CIDR,CIDR",
        .help = "issue: where the segment's traffic would come from; others are labelled unknown-egress"},
    {.name = "output",
        .where = Where::CommandLine,
        .value = "FILE",
        .help = "issue: the identity file to make, mode 0600; by default stdout"},
    {.name = "since",
        .kind = OptionKind::Number,
        .where = Where::CommandLine,
        .value = "UNIX",
        .fallback = "0",
        .help = "observations: those at or after this time, seconds since 1970",
        .low = 0,
        .high = 1e11},
};

constexpr Program kProgram{
    .name = "beacon-home",
    .summary = "Receives what escapes from segments that must be isolated, and tells of it at once: one JSON event a "
               "line on stdout.",
    .usage = "[issue NAME | findings | observations]",
    .options = kOptions,
    .maxOperands = 2,
    .notes = "  beacon-home --interface eth1          watch all ports of eth1's addresses\n"
             "  beacon-home issue NAME --home A,B     make an identity file for a Beacon\n"
             "  beacon-home findings                  print the leaks found so far\n"
             "  beacon-home observations              print each token that arrived\n"
             "\n"
             "Watching needs CAP_NET_RAW and CAP_NET_ADMIN, nft, and addresses that serve nothing else.",
    .section = 8,
};

constexpr int kMaxPrinted = 1'000'000;

int fail(int code, const std::string& sentence)
{
    std::fprintf(stderr, "beacon-home: %s.\n", sentence.c_str());
    return code;
}

Result<Records> openRecords(const Values& values, bool readOnly)
{
    return Records::open(values.text("database"), readOnly);
}

/// Never over an existing file, never through a link.
Result<> writeNewFile(const std::string& path, const std::string& contents)
{
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd)
        return systemError("make " + path);
    if (::write(fd.get(), contents.data(), contents.size()) != static_cast<ssize_t>(contents.size())
        || ::fsync(fd.get()) != 0) {
        const Error error = systemError("write " + path);
        ::unlink(path.c_str());
        return error;
    }
    return {};
}

void printLine(const QJsonObject& object)
{
    std::printf("%s\n", QJsonDocument{object}.toJson(QJsonDocument::Compact).constData());
}

/// `key` for a token's identity; the parser is the judge of what was asked for.
Result<Identity> makeIdentity(const Values& values, const std::string& name)
{
    Identity identity;
    identity.name = name;
    identity.keyId = randombytes_random();
    crypto_kdf_keygen(identity.key.data());
    auto home = addressesOf(values, values.given("home") ? "home" : "address");
    if (!home)
        return home.error();
    if (home->empty())
        return Error{Errc::BadInput, 0,
            "say with --home where the segment would reach Home, as in --home 192.0.2.10,2001:db8::10"};
    identity.home = std::move(*home);
    identity.zone = values.text("zone");
    identity.ranges = values.list("ranges");
    return parseIdentity(writeIdentity(identity));
}

} // namespace

const Program& homeProgram() noexcept
{
    return kProgram;
}

Result<std::vector<IpAddress>> addressesOf(const Values& values, std::string_view option)
{
    std::vector<IpAddress> addresses;
    for (const std::string& text : values.list(option)) {
        const auto address = IpAddress::parse(text);
        if (!address)
            return Error{
                Errc::BadInput, 0, "--" + std::string{option} + ": \"" + text.substr(0, 64) + "\" is no IP address"};
        addresses.push_back(*address);
    }
    return addresses;
}

int issueIdentity(const Values& values, const std::string& name)
{
    const auto identity = makeIdentity(values, name);
    if (!identity)
        return fail(EX_USAGE, describe(identity.error()));
    const std::string output = values.text("output");
    struct stat status { };
    if (!output.empty() && ::lstat(output.c_str(), &status) == 0)
        return fail(EX_CANTCREAT,
            output + " exists already; an identity is never overwritten: remove it, or name another file");
    auto records = openRecords(values, false);
    if (!records)
        return fail(exitCode(records.error()), describe(records.error()));
    if (const auto added = records->addKey(*identity); !added)
        return fail(exitCode(added.error()), describe(added.error()));
    if (output.empty()) {
        std::fputs(writeIdentity(*identity).c_str(), stdout);
        return EX_OK;
    }
    if (const auto written = writeNewFile(output, writeIdentity(*identity)); !written)
        return fail(EX_CANTCREAT, describe(written.error()));
    std::fprintf(stderr, "beacon-home: %s is the identity of %s; take it to its Sensor, and keep no copy.\n",
        output.c_str(), name.c_str());
    return EX_OK;
}

int printFindings(const Values& values)
{
    auto records = openRecords(values, true);
    if (!records)
        return fail(exitCode(records.error()), describe(records.error()));
    const auto findings = records->findings();
    if (!findings)
        return fail(exitCode(findings.error()), describe(findings.error()));
    for (const Finding& finding : *findings)
        printLine(toJson(finding));
    return EX_OK;
}

int printObservations(const Values& values)
{
    auto records = openRecords(values, true);
    if (!records)
        return fail(exitCode(records.error()), describe(records.error()));
    const WallTime since{std::chrono::microseconds{static_cast<std::int64_t>(values.number("since") * 1e6)}};
    const auto observations = records->observations(since, kMaxPrinted);
    if (!observations)
        return fail(exitCode(observations.error()), describe(observations.error()));
    for (const Observation& observation : *observations)
        printLine(toJson(observation));
    return EX_OK;
}

} // namespace beacon
