#include "core/admin/health_probe.h"
#include "core/admin/observer_socket.h"
#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/netlink/netlink_link_monitor.h"
#include "core/platform/local_socket_link.h"
#include "core/platform/socket_path.h"
#include "core/supervision/unix_signals.h"
#include "service/listener/listener.h"
#include "service/listener/options.h"

#include <QCoreApplication>
#include <QTimer>

#include <sysexits.h>

using namespace beacon;

namespace {

constexpr int kRunAgain = -1;

int fail(const Error& error)
{
    log::error("cannot start", {{"error", describe(error)}});
    return exitCode(error);
}

admin::Hello helloOf(Skeleton& skeleton)
{
    admin::Hello hello;
    hello.instrument = skeleton.events().identity().instrument;
    hello.version = QStringLiteral(BEACON_VERSION);
    hello.run = skeleton.events().takeUuid();
    return hello;
}

int run(const Values& values, std::span<char* const> arguments)
{
    const std::string runtimeDir = values.text("runtime-dir") + '/' + values.text("name");
    const std::string stateDir = values.text("state-dir") + '/' + values.text("name");
    const auto socket = platform::platformSocket();
    if (const auto made = makeDirectories(runtimeDir); !made)
        return fail(made.error());
    if (const auto made = socket ? Result<>{} : makeDirectories(stateDir); !made)
        return fail(made.error());
    const auto lock = takeLock(runtimeDir + "/lock");
    if (!lock)
        return fail(lock.error());
    const SystemClock clock;
    UnixSignals signals;
    if (const auto taken = signals.start(); !taken)
        return fail(taken.error());

    Listener listener{socket ? std::make_unique<platform::LocalSocketLink>(*socket) : nullptr,
        {values.text("interface"), QString::fromStdString(stateDir)},
        [&clock] { return std::make_unique<NetlinkLinkMonitor>(clock, NetlinkLinkMonitor::Policy{}); }, clock};
    Skeleton& skeleton = listener.skeleton();
    admin::ObserverSocket admin{helloOf(skeleton), clock};
    admin.setHealth(skeleton.healthJson());
    QObject::connect(&skeleton, &Skeleton::published, &admin, [&admin](const Event& event) { admin.publish(event); });
    QObject::connect(
        &skeleton, &Skeleton::healthChanged, &admin, [&admin, &skeleton] { admin.setHealth(skeleton.healthJson()); });
    if (const auto listening = admin.listen(runtimeDir + "/admin.sock"); !listening)
        return fail(listening.error());
    QObject::connect(&signals, &UnixSignals::terminate, &skeleton, [&skeleton] { skeleton.stop(); });
    const auto readFile = [&] {
        if (skeleton.standAlone())
            skeleton.applyFile(effectiveDocument(listenerProgram(), arguments));
    };
    QObject::connect(&signals, &UnixSignals::hangUp, &skeleton, readFile);
    QObject::connect(
        &skeleton, &Skeleton::stopped, qApp, [](bool again) { QCoreApplication::exit(again ? kRunAgain : EX_OK); });
    QTimer::singleShot(0, &skeleton, [&] {
        skeleton.start();
        readFile();
    });
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char** argv)
{
    const OwnCommand own{argc, argv}; // QCoreApplication takes some out of argv
    Started started = startProgram(
        listenerProgram(), argc, argv, platform::platformSocket() ? DefaultFile::PassedOver : DefaultFile::Read);
    if (!started.values)
        return started.exitCode;
    const Values& values = *started.values;
    int code = EX_OK;
    {
        QCoreApplication application(argc, argv);
        QCoreApplication::setApplicationName(QStringLiteral("beacon-listener"));
        if (values.flag("health"))
            return probeHealth(
                "beacon-listener", values.text("runtime-dir") + '/' + values.text("name") + "/admin.sock");
        code = run(values, own.arguments());
    }
    if (code != kRunAgain)
        return code;
    return fail(own.startAgain()); // the platform asked for a restart; the new life says hello again
}
