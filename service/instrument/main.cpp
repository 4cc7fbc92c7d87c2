#include "core/admin/health_probe.h"
#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/netlink/netlink_link_monitor.h"
#include "core/options/options.h"
#include "core/supervision/qt_process.h"
#include "core/supervision/unix_signals.h"
#include "service/instrument/configuration.h"
#include "service/instrument/instrument.h"
#include "service/instrument/settings.h"

#include <QCoreApplication>

#include <cstdio>
#include <sysexits.h>

using namespace beacon;

namespace {

int fail(const Error& error)
{
    log::error("cannot start", {{"error", describe(error)}});
    return exitCode(error);
}

Instrument::Parts realParts(const Clock& clock)
{
    return {
        .makeLinkMonitor =
            [&clock] { return std::make_unique<NetlinkLinkMonitor>(clock, NetlinkLinkMonitor::Policy{}); },
        .makeSupervisor =
            [&clock](const Settings& settings) {
                Supervisor::Policy policy;
                policy.stopGrace = settings.stop;
                return std::make_unique<Supervisor>(
                    std::make_unique<QtProcess>(settings.launcher), std::make_unique<QtAlarm>(), clock, policy);
            },
    };
}

int run(const Settings& settings, std::span<char* const> arguments)
{
    for (const std::string& dir : {settings.runtimeDir, settings.stateDir})
        if (const auto made = makeDirectories(dir); !made) {
            if (dir == settings.runtimeDir)
                return fail(made.error());
            log::warning("events are not kept", {{"error", describe(made.error())}}); // health tells it, too
        }
    const auto lock = takeLock(settings.lockPath());
    if (!lock)
        return fail(lock.error());

    const SystemClock clock;
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken)
        return fail(taken.error());
    Instrument instrument{settings, clock, realParts(clock)};
    QObject::connect(&signals, &UnixSignals::terminate, &instrument, &Instrument::stop);
    QObject::connect(&signals, &UnixSignals::hangUp, &instrument, [&] {
        const auto read = readConfiguration(arguments);
        if (const auto* usable = std::get_if<Settings>(&read))
            instrument.reload(*usable);
        else
            instrument.rejectConfiguration(std::get<std::vector<Complaint>>(read));
    });
    QObject::connect(&instrument, &Instrument::stopped, qApp, [] { QCoreApplication::exit(EX_OK); });
    if (const auto started = instrument.start(); !started)
        return fail(started.error());
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<char*> arguments{
        argv + (argc > 0 ? 1 : 0), argv + argc}; // QCoreApplication takes some out of argv
    Started started = startProgram(instrumentProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    const auto settings = settingsFrom(*started.values);
    if (!settings) {
        std::fprintf(stderr, "beacon-instrument: %s\n", describe(settings.error()).c_str());
        return EX_USAGE;
    }
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("beacon-instrument"));
    if (started.values->flag("health"))
        return probeHealth("beacon-instrument", settings->socketPath());
    return run(*settings, arguments);
}
