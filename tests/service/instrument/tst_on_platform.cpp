// beacon-instrument with a platform: design sections 3 and 7, and faults 64 to 67 against the real process.

#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"
#include "tests/support/scripted_platform.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QProcess>
#include <QTest>

#include <csignal>
#include <memory>
#include <sys/mount.h>

using namespace beacon::test;

namespace {

const QString kFake = QStringLiteral(TARGETS_DIR "/fake_beacon");
constexpr int kPatienceMs = 20'000;

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

/// A platform, an interface, and an Instrument that finds both.
struct Scene {
    QTemporaryDir dir;
    ScriptedPlatform platform{dir.filePath(QStringLiteral("platform.sock"))};
    RunningProgram instrument{QStringLiteral(BEACON_BIN_DIR "/beacon-instrument")};

    Scene()
    {
        instrument.setEnvironment(QStringLiteral("SENSOR_SOCKET"), platform.path());
        instrument.setArguments({text("--runtime-dir"), dir.filePath(text("run")), text("--name"), text("t")});
    }
    [[nodiscard]] QJsonObject config(QJsonObject more = {}) const
    {
        more.insert(text("beacon"), kFake);
        if (!more.contains(text("stall")))
            more.insert(text("stall"), 5);
        return more;
    }
    bool begin()
    {
        platform.welcome.insert(text("configuration"), platform.envelope(config()));
        return platform.appear() && instrument.start() && platform.waitForHello();
    }
    [[nodiscard]] std::size_t count(const char* type) const
    {
        return platform.eventsOf(QString::fromLatin1(type)).size();
    }
    [[nodiscard]] bool waitForStarts(int times) const
    {
        return ScriptedPlatform::waitFor([&] { return starts() >= times; }, kPatienceMs);
    }
    [[nodiscard]] int starts() const
    {
        return static_cast<int>(platform.eventsOf(text("instruments.beacon.process.started")).size());
    }
};

QJsonObject resultOf(const QJsonObject& answer)
{
    return answer.value(QLatin1StringView("result")).toObject();
}

QString firstPointer(const QJsonObject& answer)
{
    return resultOf(answer)[QLatin1StringView("errors")][0][QLatin1StringView("pointer")].toString();
}

} // namespace

#define NO_COMPLAINTS(scene)                                                                                           \
    QVERIFY2((scene).platform.complaints().isEmpty(), qPrintable((scene).platform.complaints()))

class TstOnPlatform : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup() { ip(QStringLiteral("link del peer0 2>/dev/null || true")); }
    void helloBringsConfigurationStorageAndInterface();
    void healthIsPushedAndAnsweredAndNothingFlashesAtTheStart();
    void aChangedRollUpIntervalRestartsNoBeaconAndARateDoesOnce();
    void aPollForksNoProcess();
    void retentionIsAnsweredWithNothingToDelete();
    void aDownloadIsRefusedWithTheReason();
    void findingsAreKeptForTheBeaconAndShown();
    void stopAndRestart();
    void aMirrorInterfaceNeverStartsABeacon();
    void withoutThePlatformTheBeaconRunsOn();
    void fault64_platformGoneEventsKeptAndDeliveredInOrderOnce();
    void fault65_duplicateReplayedReorderedMessages();
    void fault66_configurations_data();
    void fault66_configurations();
    void fault67_spoolDiskFull();
    void garbageFromThePlatformDoesNotEndIt();
};

void TstOnPlatform::init()
{
    QVERIFY(ip(QStringLiteral("link add seg0 type veth peer name peer0")));
    QVERIFY(ip(QStringLiteral("link set peer0 up")));
    QVERIFY(ip(QStringLiteral("link set seg0 up")));
}

void TstOnPlatform::helloBringsConfigurationStorageAndInterface()
{
    Scene scene;
    QVERIFY(scene.begin());
    const QJsonObject hello = scene.platform.hellos().front().params;
    QCOMPARE(hello.value(text("type")).toString(), text("beacon"));
    const QJsonObject schema = hello.value(text("manifest"))[text("configuration")].toObject();
    QVERIFY(schema.value(text("properties")).toObject().contains(text("roll_up")));
    QVERIFY(!schema.value(text("properties")).toObject().contains(text("state_dir"))); // the platform gives storage
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    const QJsonObject started = scene.platform.waitForEvent(text("instruments.beacon.config.applied"));
    QCOMPARE(started.value(text("source_instrument")).toString(), text("beacon_0@plant7"));
    QCOMPARE(started.value(text("source_sensor")).toString(), text("plant7"));
    QVERIFY(!schema.value(text("properties")).toObject().contains(text("journal_size")));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QDirIterator journals{scene.dir.path(), {text("journal*")}, QDir::AllEntries, QDirIterator::Subdirectories};
    QVERIFY2(!journals.hasNext(), qPrintable(journals.next())); // it is off
    const auto probe = [](const QString& runtimeDir) { // by a container, which knows no interface and no name
        return QProcess::execute(
            text(BEACON_BIN_DIR "/beacon-instrument"), {text("--health"), text("--runtime-dir"), runtimeDir});
    };
    QCOMPARE(probe(scene.dir.filePath(text("run"))), 0);
    QCOMPARE(probe(scene.dir.filePath(text("nowhere"))), 69);
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::healthIsPushedAndAnsweredAndNothingFlashesAtTheStart()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    for (const auto& push : scene.platform.healths()) {
        const QString status = push.params.value(text("status")).toString();
        QVERIFY2(status == text("PENDING") || status == text("OK"), qPrintable(status));
    }
    const qint64 before = scene.platform.nowMs();
    QCOMPARE(resultOf(scene.platform.call(text("health.get"))).value(text("status")).toString(), text("OK"));
    QVERIFY(scene.platform.nowMs() - before < 5'000); // no figure: that it answers at all
    QVERIFY(ip(QStringLiteral("link del peer0")));
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    QVERIFY(scene.platform.healthCodes().contains(text("interface_absent")));
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::aChangedRollUpIntervalRestartsNoBeaconAndARateDoesOnce()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    QJsonObject answer = scene.platform.applyConfig(scene.config({{text("roll_up"), 1}}));
    QVERIFY2(resultOf(answer).value(text("applied")).toBool(), QJsonDocument{answer}.toJson());
    QCOMPARE(resultOf(answer).value(text("changed_keys")).toArray(), QJsonArray{text("roll_up")});
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.escape.attempts")).isEmpty()); // a minute before
    QCOMPARE(scene.starts(), 1);
    answer = scene.platform.applyConfig(scene.config({{text("roll_up"), 1}, {text("rate"), 3}}));
    QVERIFY(resultOf(answer).value(text("applied")).toBool());
    QVERIFY(scene.waitForStarts(2));
    const std::size_t rollUps = scene.count("instruments.beacon.escape.attempts");
    QVERIFY(scene.platform.waitFor(
        [&] { return scene.count("instruments.beacon.escape.attempts") > rollUps + 1; }, kPatienceMs));
    QCOMPARE(scene.starts(), 2);
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::aPollForksNoProcess()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    const auto children = childrenOf(scene.instrument.pid());
    const auto descriptors = scene.instrument.descriptors();
    const auto faultsOfChildren = [&] { // cminflt of proc(5): rises with each child that has ended
        QFile file{QStringLiteral("/proc/%1/stat").arg(scene.instrument.pid())};
        return file.open(QIODevice::ReadOnly) ? file.readAll().split(')').last().split(' ').value(9) : QByteArray{};
    };
    const QByteArray before = faultsOfChildren();
    QVERIFY(!before.isEmpty());
    for (int i = 0; i < 100; ++i)
        QVERIFY(!scene.platform.call(text("health.get")).isEmpty());
    QCOMPARE(faultsOfChildren(), before);
    QCOMPARE(childrenOf(scene.instrument.pid()), children);
    QVERIFY(scene.instrument.descriptors() <= descriptors + 1);
}

void TstOnPlatform::retentionIsAnsweredWithNothingToDelete()
{
    Scene scene;
    QVERIFY(scene.begin());
    const QJsonObject result = resultOf(scene.platform.applyRetention(text("2026-11-24T00:00:00Z")));
    QCOMPARE(result.value(text("deleted")).toInt(-1), 0);
    QVERIFY(result.value(text("complete")).toBool());
    const QJsonObject bad = scene.platform.applyRetention(text("yesterday"));
    QVERIFY(bad[text("error")][text("message")].toString().contains(text("older_than")));
}

void TstOnPlatform::aDownloadIsRefusedWithTheReason()
{
    Scene scene;
    QVERIFY(scene.begin());
    QFile file{scene.dir.filePath(text("new-beacon"))};
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write("x") == 1);
    file.close();
    const QJsonObject result = resultOf(scene.platform.offerDownload(text("beacon"), file.fileName()));
    QCOMPARE(result.value(text("accepted")).toBool(true), false);
    QVERIFY(!result.value(text("reason")).toString().isEmpty());
}

void TstOnPlatform::findingsAreKeptForTheBeaconAndShown()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    const QJsonObject findings{{text("findings"), QJsonArray{QJsonObject{{text("finding"), text("f1")}}}},
        {text("retest"), QJsonArray{QJsonObject{{text("technique"), text("IcmpEcho")}}, QJsonObject{}}}};
    QVERIFY(resultOf(scene.platform.call(text("findings.apply"), findings)).value(text("accepted")).toBool());
    const QJsonObject facts = resultOf(scene.platform.call(text("health.get"))).value(text("facts")).toObject();
    QCOMPARE(facts.value(text("findings")).toInt(), 1);
    QCOMPARE(facts.value(text("retests")).toInt(), 2);
    QFile file{scene.dir.filePath(text("run/t/findings.json"))};
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(file.readAll()).object(), findings);
    const QJsonObject bad = scene.platform.call(text("findings.apply"), {{text("findings"), 7}});
    QVERIFY(bad[text("error")][text("message")].toString().contains(text("findings must be an array")));
}

void TstOnPlatform::stopAndRestart()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    const qint64 pid = scene.instrument.pid();
    QVERIFY(scene.platform.call(text("instrument.restart"), {{text("deadline_s"), 8}}).contains(text("result")));
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QCOMPARE(scene.instrument.pid(), pid);
    QVERIFY(scene.waitForStarts(2));
    const auto children = childrenOf(pid);
    QCOMPARE(children.size(), 1);
    QVERIFY(scene.platform.call(text("instrument.stop"), {{text("deadline_s"), 8}}).contains(text("result")));
    QVERIFY(scene.instrument.waitForEnd(10'000));
    QCOMPARE(scene.instrument.exitCode(), 0);
    QTRY_VERIFY_WITH_TIMEOUT(!isAlive(children.front()), kPatienceMs);
    QCOMPARE(scene.count("instruments.beacon.process.exited"), std::size_t{2});
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::aMirrorInterfaceNeverStartsABeacon()
{
    Scene scene;
    const QJsonObject mirror{
        {text("name"), text("seg0")}, {text("type"), text("mirror")}, {text("capabilities"), QJsonArray{text("rx")}}};
    scene.platform.welcome.insert(text("interfaces"), QJsonArray{mirror});
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    QVERIFY(scene.platform.healthCodes().contains(text("interface_not_given")));
    const QJsonObject answer = scene.platform.applyConfig(scene.config({{text("interface"), text("seg0")}}));
    QCOMPARE(firstPointer(answer), text("/config/interface"));
    QVERIFY(childrenOf(scene.instrument.pid()).isEmpty());
}

void TstOnPlatform::withoutThePlatformTheBeaconRunsOn()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    scene.platform.vanish();
    const auto children = childrenOf(scene.instrument.pid());
    QCOMPARE(children.size(), 1);
    QTest::qWait(500);
    QVERIFY(isAlive(children.front()));
    QVERIFY(scene.platform.appear());
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QCOMPARE(childrenOf(scene.instrument.pid()), children);
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::fault64_platformGoneEventsKeptAndDeliveredInOrderOnce()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    scene.platform.vanish();
    for (int i = 0; i < 3; ++i) { // each makes interface.down, process events and interface.up
        QVERIFY(ip(QStringLiteral("link set seg0 down")));
        QTest::qWait(700);
        QVERIFY(ip(QStringLiteral("link set seg0 up")));
        QTest::qWait(700);
    }
    QVERIFY(scene.instrument.end(SIGKILL, 5'000)); // what it had is on disk
    QVERIFY(scene.platform.appear());
    QVERIFY(scene.instrument.start());
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QVERIFY(scene.platform.waitFor([&] { return scene.count("instruments.beacon.interface.up") == 5; }, kPatienceMs));
    QCOMPARE(scene.count("instruments.beacon.interface.down"), std::size_t{3});
    qint64 seq = 0;
    int runs = 1;
    for (const auto& arrival : scene.platform.events()) {
        const qint64 now = arrival.event.value(text("seq")).toInteger();
        runs += now < seq ? 1 : 0;
        seq = now;
    }
    QCOMPARE(runs, 2); // in order within each run
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::fault65_duplicateReplayedReorderedMessages()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    const QJsonObject second = scene.platform.envelope(scene.config({{text("rate"), 2}}));
    const QJsonObject third = scene.platform.envelope(scene.config({{text("rate"), 3}}));
    QVERIFY(resultOf(scene.platform.call(text("config.apply"), third)).value(text("applied")).toBool());
    QVERIFY(resultOf(scene.platform.call(text("config.apply"), third)).value(text("applied")).toBool()); // again
    QCOMPARE(firstPointer(scene.platform.call(text("config.apply"), second)), text("/version")); // too late
    QVERIFY(scene.waitForStarts(2));
    QTest::qWait(500);
    QCOMPARE(scene.starts(), 2);
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::fault66_configurations_data()
{
    QTest::addColumn<QJsonObject>("envelope");
    QTest::addColumn<QString>("pointer");
    const auto row = [](const char* name, const QJsonObject& change, const QJsonObject& config, const char* pointer) {
        QJsonObject envelope{{text("target"), text("beacon_0@plant7")}, {text("version"), 50},
            {text("uuid"), text("0193e2b4-1111-7000-8000-000000000001")}, {text("timestamp"), 1764000000.5},
            {text("source_instrument"), text("sensor")}, {text("config"), config}};
        for (auto at = change.begin(); at != change.end(); ++at)
            envelope.insert(at.key(), at.value());
        QTest::newRow(name) << envelope << text(pointer);
    };
    row("a stale version", {{text("version"), 1}}, {}, "/version");
    row("a version that is no number", {{text("version"), text("2")}}, {}, "/version");
    row("no uuid", {{text("uuid"), QJsonValue::Null}}, {}, "/uuid");
    row("somebody else's", {{text("target"), text("beacon_1@plant7")}}, {}, "/target");
    row("an extra key", {}, {{text("colour"), text("red")}}, "/config/colour");
    row("a wrong type", {}, {{text("rate"), text("fast")}}, "/config/rate");
    row("out of range", {}, {{text("stop"), 99}}, "/config/stop");
    row("a hostile interface name", {}, {{text("interface"), text("../../etc")}}, "/config/interface");
    row("a key of the command line", {}, {{text("state_dir"), text("/tmp/x")}}, "/config/state_dir");
    row("a hostile key", {}, {{text("a/b~c\x01"), 1}}, "/config/a~1b~0c\\u0001");
    row("a huge list", {}, {{text("techniques"), QJsonArray{QString(300'000, QLatin1Char('x'))}}},
        "/config/techniques/0");
    row("over the limit", {}, {{text("identity"), QString(600'000, QLatin1Char('x'))}}, "");
}

void TstOnPlatform::fault66_configurations()
{
    QFETCH(QJsonObject, envelope);
    QFETCH(QString, pointer);
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty());
    const QJsonObject answer = scene.platform.call(text("config.apply"), envelope);
    QVERIFY2(!resultOf(answer).value(text("applied")).toBool(true), QJsonDocument{answer}.toJson());
    QCOMPARE(firstPointer(answer), pointer);
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.config.rejected")).isEmpty());
    QVERIFY(scene.platform.waitFor([&] { return scene.platform.healthCodes().contains(text("config_rejected")); }));
    QCOMPARE(scene.starts(), 1); // the old one stays in force
    QVERIFY(resultOf(scene.platform.applyConfig(scene.config({{text("roll_up"), 7}}))).value(text("applied")).toBool());
    QVERIFY(scene.platform.waitFor([&] { return !scene.platform.healthCodes().contains(text("config_rejected")); }));
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::fault67_spoolDiskFull()
{
    Scene scene;
    QVERIFY(QDir{}.mkpath(scene.dir.filePath(text("small"))));
    const QByteArray small = scene.dir.filePath(text("small")).toLocal8Bit();
    if (::mount("tmpfs", small.constData(), "tmpfs", 0, "size=256k") != 0)
        QFAIL("a small tmpfs is needed");
    QJsonObject storage = scene.platform.welcome.value(text("storage")).toObject();
    storage.insert(text("persistent"), QString::fromLocal8Bit(small));
    scene.platform.welcome.insert(text("storage"), storage);
    QFile filler{scene.dir.filePath(text("small/filler"))};
    QVERIFY(filler.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
    while (filler.write(QByteArray(4'096, 'x')) == 4'096) { }
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitFor(
        [&] { return scene.platform.healthCodes().contains(text("spool_failed")); }, kPatienceMs));
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.started")).isEmpty()); // events still pass
    filler.resize(0);
    filler.remove();
    QVERIFY(scene.platform.waitFor(
        [&] { return !scene.platform.healthCodes().contains(text("spool_failed")); }, kPatienceMs));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(scene.instrument.end(SIGTERM, 10'000));
    ::umount2(small.constData(), MNT_DETACH);
    NO_COMPLAINTS(scene);
}

void TstOnPlatform::garbageFromThePlatformDoesNotEndIt()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    for (const QByteArray& bytes : {QByteArray("\x00\xff{]\n", 5), QByteArray(2'000'000, '['), QByteArray("[1,2]\n"),
             QByteArray(200, '[') + '\n', QByteArray("{\"jsonrpc\":\"2.0\"}\n")}) {
        const int before = scene.platform.connections();
        scene.platform.sendRaw(bytes);
        QVERIFY(scene.platform.waitFor([&] { return scene.platform.connections() > before; }, kPatienceMs));
    }
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QCOMPARE(scene.starts(), 1);
    QVERIFY(scene.instrument.isRunning());
}

BEACON_NETNS_MAIN(TstOnPlatform)
#include "tst_on_platform.moc"
