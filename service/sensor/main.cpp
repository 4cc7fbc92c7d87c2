#include "core/admin/health_probe.h"
#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/supervision/unix_signals.h"
#include "service/sensor/control.h"
#include "service/sensor/sensor.h"

#include <QCoreApplication>
#include <QTimer>

#include <cstdio>
#include <sysexits.h>
#include <unistd.h>

using namespace beacon;

namespace {

int fail(const Error& error)
{
    log::error("cannot start", {{"error", describe(error)}});
    return exitCode(error);
}

int run(const SensorSettings& settings)
{
    if (auto made = makeDirectories(settings.runtimeDir.toStdString()); !made)
        return fail(made.error());
    const auto lock = takeLock(settings.lock().toStdString());
    if (!lock)
        return fail(lock.error());
    const SystemClock clock;
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken)
        return fail(taken.error());
    Sensor sensor{settings, clock};
    Control control{sensor};
    QObject::connect(&signals, &UnixSignals::terminate, &sensor, &Sensor::stop);
    QObject::connect(&signals, &UnixSignals::hangUp, qApp,
        [] { log::info("configuration comes from sensorctl; SIGHUP changes nothing"); });
    QObject::connect(&sensor, &Sensor::finished, qApp, [](int code) { QCoreApplication::exit(code); });
    if (const auto started = sensor.start(); !started)
        return fail(started.error());
    if (const auto listening = control.listen(); !listening)
        return fail(listening.error());
    log::notice(
        "the Sensor runs", {{"name", settings.name.toStdString()}, {"socket", settings.controlSocket().toStdString()}});
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char** argv)
{
    Started started = startProgram(sensorProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    const auto settings = sensorSettingsFrom(*started.values);
    if (!settings) {
        std::fprintf(stderr, "sensord: %s\n", describe(settings.error()).c_str());
        return EX_USAGE;
    }
    qputenv("QT_NO_GLIB", "1"); // its event loop wakes twice for each timer
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("sensord"));
    if (started.values->flag("health"))
        return probeHealth("sensord", settings->controlSocket().toStdString());
    if (::geteuid() != 0) {
        std::fprintf(stderr, "sensord: run it as root: it makes namespaces and moves network interfaces\n");
        return EX_NOPERM;
    }
    return run(*settings);
}
