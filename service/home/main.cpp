#include "core/base/log.h"
#include "core/supervision/unix_signals.h"
#include "service/home/cli.h"
#include "service/home/home.h"
#include "service/home/line_output.h"

#include <QCoreApplication>
#include <QSysInfo>

#include <cstdio>
#include <sodium.h>
#include <sysexits.h>
#include <unistd.h>

using namespace beacon;

namespace {

int usage(const std::string& sentence)
{
    std::fprintf(stderr, "beacon-home: %s.\n", sentence.c_str());
    return EX_USAGE;
}

int serve(const Values& values, int argc, char** argv)
{
    if (values.text("interface").empty())
        return usage("name the interface with Home's addresses, as in --interface eth1");
    const auto addresses = addressesOf(values, "address");
    if (!addresses)
        return usage(describe(addresses.error()));
    QCoreApplication application{argc, argv};
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken) {
        log::error("cannot start", {{"error", describe(taken.error())}});
        return exitCode(taken.error());
    }
    const SystemClock clock;
    LineOutput output{STDOUT_FILENO};
    Home home{{.interface = values.text("interface"),
                  .addresses = *addresses,
                  .zone = values.text("zone"),
                  .database = values.text("database"),
                  .host = QSysInfo::machineHostName()},
        clock, [&output](const QByteArray& line) { output.put(line); }};
    QObject::connect(&signals, &UnixSignals::terminate, &application, &QCoreApplication::quit);
    if (const auto started = home.start(); !started) {
        log::error("cannot start; Home needs CAP_NET_RAW and CAP_NET_ADMIN", {{"error", describe(started.error())}});
        return exitCode(started.error());
    }
    const int code = QCoreApplication::exec();
    home.stop();
    return code;
}

} // namespace

int main(int argc, char** argv)
{
    const Started started = startProgram(homeProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    if (sodium_init() < 0)
        return EX_SOFTWARE;
    const Values& values = *started.values;
    const std::vector<std::string>& operands = values.operands();
    if (operands.empty())
        return serve(values, argc, argv);
    const std::string& verb = operands.front();
    if (verb == "issue" && operands.size() == 2)
        return issueIdentity(values, operands[1]);
    if (verb == "issue")
        return usage("name the Beacon whose identity is wanted, as in: beacon-home issue plant7 --home 192.0.2.10");
    if (operands.size() > 1)
        return usage("\"" + operands[1].substr(0, 64) + "\" is one word too many behind " + verb.substr(0, 64));
    if (verb == "findings")
        return printFindings(values);
    if (verb == "observations")
        return printObservations(values);
    return usage("\"" + verb.substr(0, 64) + "\" is not something that it does; see --help");
}
