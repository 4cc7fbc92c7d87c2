#include "core/admin/health_probe.h"
#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/base/user_map.h"
#include "core/netlink/netlink_link_monitor.h"
#include "core/options/options.h"
#include "core/platform/socket_path.h"
#include "core/supervision/qt_process.h"
#include "core/supervision/unix_signals.h"
#include "service/instrument/self_test.h"
#include "service/instrument/service.h"
#include "service/instrument/settings.h"

#include <QCoreApplication>
#include <QTimer>

#include <cstdio>
#include <sysexits.h>

using namespace beacon;

namespace {

constexpr int kRunAgain = -1;

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

int run(std::span<char* const> arguments)
{
    const SystemClock clock;
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken)
        return fail(taken.error());
    Service service{arguments, clock, realParts(clock)};
    QObject::connect(&signals, &UnixSignals::terminate, &service, &Service::stop);
    QObject::connect(&signals, &UnixSignals::hangUp, &service, &Service::reload);
    bool again = false;
    QObject::connect(&service, &Service::finished, qApp, [&again](int code, bool restart) {
        again = restart;
        QCoreApplication::exit(code);
    });
    QTimer::singleShot(0, &service, &Service::start);
    const int code = QCoreApplication::exec();
    return again ? kRunAgain : code;
}

} // namespace

int main(int argc, char** argv)
{
    const OwnCommand own{argc, argv}; // QCoreApplication takes some out of argv
    const bool onPlatform = platform::platformSocket().has_value();
    Started started =
        startProgram(instrumentProgram(), argc, argv, onPlatform ? DefaultFile::PassedOver : DefaultFile::Read);
    if (!started.values)
        return started.exitCode;
    Place place;
    place.ownsRuntimeRoot = onPlatform && !hasAllIds();
    const bool asks = started.values->flag("health");
    const auto socket = asks ? adminSocketPath(*started.values) : std::string{};
    const auto settings = settingsFrom(*started.values, place);
    const bool drills = started.values->flag("self-test");
    const bool placed = !drills && onPlatform; // a platform gives the interface
    if (asks ? !socket : !settings && !placed) {
        const Error& error = asks ? socket.error() : settings.error();
        std::fprintf(stderr, "beacon-instrument: %s\n", describe(error).c_str());
        return error.code == Errc::NotFound ? EX_UNAVAILABLE : EX_USAGE;
    }
    if (drills) // before Qt: a drill leaves the host's network, which a process with threads cannot
        return runSelfTest(*settings);
    int code = EX_OK;
    {
        qputenv("QT_NO_GLIB", "1"); // its event loop wakes twice for each timer
        QCoreApplication application(argc, argv);
        QCoreApplication::setApplicationName(QStringLiteral("beacon-instrument"));
        if (asks)
            return probeHealth("beacon-instrument", *socket);
        code = run(own.arguments());
    }
    if (code != kRunAgain)
        return code;
    return fail(own.startAgain()); // the platform asked for a restart; the new life says hello again
}
