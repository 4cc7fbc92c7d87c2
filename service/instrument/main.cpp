#include "core/admin/health_probe.h"
#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/netlink/netlink_link_monitor.h"
#include "core/options/options.h"
#include "core/platform/socket_path.h"
#include "core/supervision/qt_process.h"
#include "core/supervision/unix_signals.h"
#include "service/instrument/service.h"
#include "service/instrument/settings.h"

#include <QCoreApplication>
#include <QTimer>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sysexits.h>
#include <unistd.h>

using namespace beacon;

namespace {

constexpr int kRunAgain = -1;

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

int run(std::vector<char*> arguments)
{
    const SystemClock clock;
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken) {
        log::error("cannot start", {{"error", describe(taken.error())}});
        return exitCode(taken.error());
    }
    Service service{std::move(arguments), clock, realParts(clock)};
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
    const std::vector<char*> arguments{
        argv + (argc > 0 ? 1 : 0), argv + argc}; // QCoreApplication takes some out of argv
    const std::string program = ownProgram();
    std::vector<char*> original{argv, argv + argc};
    original.push_back(nullptr);
    Started started = startProgram(instrumentProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    const bool onPlatform = platform::platformSocket().has_value();
    const auto settings = settingsFrom(*started.values);
    if (!settings && (!onPlatform || started.values->flag("health"))) {
        std::fprintf(stderr, "beacon-instrument: %s\n", describe(settings.error()).c_str());
        return EX_USAGE;
    }
    int code = EX_OK;
    {
        QCoreApplication application(argc, argv);
        QCoreApplication::setApplicationName(QStringLiteral("beacon-instrument"));
        if (started.values->flag("health"))
            return probeHealth("beacon-instrument", settings->socketPath());
        code = run(arguments);
    }
    if (code != kRunAgain)
        return code;
    ::execv(program.c_str(), original.data()); // the platform asked for a restart; the new life says hello again
    log::error("cannot start again", {{"error", std::strerror(errno)}});
    return EX_OSERR;
}
