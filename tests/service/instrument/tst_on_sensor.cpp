// beacon-instrument as a Sensor runs it: what design section 7 asks of it beyond tst_on_platform.

#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"
#include "tests/support/scripted_platform.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QProcess>
#include <QTest>

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 20'000;
const QString kStarted = QStringLiteral("instruments.beacon.process.started"); // NOLINT(cert-err58-cpp)

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

QJsonObject given(
    const char* name, const char* type = "bridge", const QJsonArray& capabilities = {text("rx"), text("tx")})
{
    return {{text("name"), text(name)}, {text("type"), text(type)}, {text("capabilities"), capabilities}};
}

QString identity(const char* home)
{
    return QStringLiteral(R"({"name":"plant7","key_id":"1a2b3c4d","key":"%1","home":["%2"]})")
        .arg(QString::fromLatin1(QByteArray(32, 'k').toBase64()), text(home));
}

QJsonObject resultOf(const QJsonObject& answer)
{
    return answer.value(QLatin1StringView("result")).toObject();
}

bool makeInterface(const char* name, const char* peer)
{
    return ip(QStringLiteral("link add %1 type veth peer name %2").arg(text(name), text(peer)))
        && ip(QStringLiteral("link set %1 up").arg(text(peer))) && ip(QStringLiteral("link set %1 up").arg(text(name)));
}

/// No name on the command line, as a Sensor starts it: it is called after its interface.
struct Scene {
    QTemporaryDir dir;
    ScriptedPlatform platform{dir.filePath(QStringLiteral("platform.sock"))};
    RunningProgram instrument{QStringLiteral(BEACON_BIN_DIR "/beacon-instrument")};

    Scene()
    {
        platform.welcome.insert(text("interfaces"), QJsonArray{given("seg0")});
        instrument.setEnvironment(QStringLiteral("SENSOR_SOCKET"), platform.path());
        instrument.setArguments({text("--runtime-dir"), dir.filePath(text("run"))});
    }
    [[nodiscard]] static QJsonObject config(QJsonObject more = {})
    {
        if (!more.contains(text("beacon")))
            more.insert(text("beacon"), text(TARGETS_DIR "/fake_beacon"));
        return more;
    }
    bool begin(const QJsonObject& more = {})
    {
        platform.welcome.insert(text("configuration"), platform.envelope(config(more)));
        return platform.appear() && instrument.start() && platform.waitForHello();
    }
    [[nodiscard]] int starts() const { return static_cast<int>(platform.eventsOf(kStarted).size()); }
    [[nodiscard]] bool waitForStarts(int times) const
    {
        return ScriptedPlatform::waitFor([&] { return starts() >= times; }, kPatienceMs);
    }
    [[nodiscard]] QJsonObject facts()
    {
        return resultOf(platform.call(text("health.get"))).value(text("facts")).toObject();
    }
    [[nodiscard]] QString file(const char* name) const { return dir.filePath(text("run/seg0/") + text(name)); }
    /// The hello is said again, to a platform that gives these.
    bool giveInstead(const QJsonArray& interfaces)
    {
        const std::size_t hellos = platform.hellos().size();
        platform.welcome.insert(text("interfaces"), interfaces);
        platform.dropConnections();
        return platform.waitForHello(hellos + 1, kPatienceMs);
    }
    [[nodiscard]] bool waitForReason(const char* code) const
    {
        return ScriptedPlatform::waitFor([&] { return platform.healthCodes().contains(text(code)); }, kPatienceMs);
    }
};

} // namespace

#define NO_COMPLAINTS(scene)                                                                                           \
    QVERIFY2((scene).platform.complaints().isEmpty(), qPrintable((scene).platform.complaints()))

class TstOnSensor : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { QVERIFY(makeInterface("seg0", "peer0")); }
    void cleanup()
    {
        ip(QStringLiteral("link del peer0 2>/dev/null || true"));
        ip(QStringLiteral("link del peer1 2>/dev/null || true"));
    }
    void itPrintsTheManifestThatHelloSends();
    void theHostsOwnFileIsNotRead();
    void thePlatformCommandsAsAPersonDoes();
    void theSelfTestIsRunByThePlatform();
    void anIdentityAsTextIsKeptPrivateAndReplacedWhereItChanged();
    void anIdentityThatIsNoneIsRefusedUnquoted();
    void whatTheSensorCountedIsShownAndForgottenWithIt();
    void itMovesToAnotherInterface();
    void whatWasStoppedByHandStaysSoAfterAMove();
    void itStopsWithoutAnInterfaceAndGoesOnWithOne();
    void aSecondInterfaceDisturbsNothing();
    void aConfigurationMovesItToo();
    void eventsOfAStopWithoutThePlatformArriveLater();
};

void TstOnSensor::itPrintsTheManifestThatHelloSends()
{
    QProcess process;
    process.setProcessEnvironment(QProcessEnvironment{}); // no home, no path, no platform
    process.start(text(BEACON_BIN_DIR "/beacon-instrument"), {text("--manifest")});
    QVERIFY(process.waitForFinished(kPatienceMs));
    QCOMPARE(process.exitCode(), 0);
    QCOMPARE(process.readAllStandardError(), QByteArray{});
    const QJsonObject printed = QJsonDocument::fromJson(process.readAllStandardOutput()).object();
    Scene scene;
    QVERIFY(scene.begin());
    QCOMPARE(printed, scene.platform.hellos().front().params.value(text("manifest")).toObject());
    const QJsonObject keys = printed[text("configuration")][text("properties")].toObject();
    QVERIFY(keys.value(text("identity_text"))[text("writeOnly")].toBool());
    QVERIFY(!keys.contains(text("runtime_dir")));
}

void TstOnSensor::theHostsOwnFileIsNotRead()
{
    Scene scene;
    scene.instrument.setChildModifier([] { // it finds the file of another Instrument, which is not even JSON
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
            || ::mount("tmpfs", "/etc", "tmpfs", 0, nullptr) != 0 || ::mkdir("/etc/beacon-instrument", 0755) != 0)
            ::_exit(1);
        const int fd = ::open("/etc/beacon-instrument/config.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ::write(fd, "S3CRET", 6) != 6 || ::close(fd) != 0)
            ::_exit(1);
    });
    QVERIFY(scene.begin());
    QVERIFY(scene.waitForStarts(1));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::thePlatformCommandsAsAPersonDoes()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    const QString life = resultOf(scene.platform.call(text("beacon.stop"))).value(text("life")).toString();
    QVERIFY2(life == text("stopping") || life == text("stopped"), qPrintable(life));
    QVERIFY(scene.waitForReason("beacon_stopped"));
    const QJsonObject audit = scene.platform.waitForEvent(text("instruments.beacon.audit"));
    QCOMPARE(audit[text("data")][text("who")].toString(), text("platform"));
    QCOMPARE(audit[text("data")][text("what")].toString(), text("beacon.stop"));
    QVERIFY(audit.value(text("message")).toString().contains(text("by the platform")));
    QVERIFY(!resultOf(scene.platform.call(text("beacon.start"))).isEmpty());
    QVERIFY(scene.waitForStarts(2));
    QVERIFY(!resultOf(scene.platform.call(text("beacon.restart"))).isEmpty());
    QVERIFY(scene.waitForStarts(3));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));

    const QJsonObject changed =
        scene.platform.applyConfig(Scene::config({{text("identity_text"), identity("192.0.2.9")}}));
    QVERIFY(resultOf(changed).value(text("applied")).toBool());
    const QJsonObject bundle = resultOf(scene.platform.call(text("support.bundle")));
    QCOMPARE(bundle.value(text("bundle")).toInt(), 1);
    QCOMPARE(bundle[text("config")][text("identity_text")].toString(), text("[redacted]"));
    QVERIFY(!QJsonDocument{bundle}.toJson().contains("192.0.2.9"));

    for (const char* method : {"coverage.get", "admin.hello", "beacon.burn"}) {
        const QJsonObject refused = scene.platform.call(text(method));
        QCOMPARE(refused[text("error")][text("code")].toInt(), -32601);
    }
    NO_COMPLAINTS(scene);
}

void TstOnSensor::theSelfTestIsRunByThePlatform()
{
    Scene scene;
    QVERIFY(scene.begin({{text("beacon"), text(BEACON_BIN_DIR "/beacon")}}));
    const qint64 first = scene.platform.ask(text("selftest.run"));
    const QJsonObject second = scene.platform.call(text("selftest.run")); // one at a time
    QVERIFY(second[text("error")][text("message")].toString().contains(text("under way")));
    QVERIFY(ScriptedPlatform::waitFor([&] { return !scene.platform.answerTo(first).isEmpty(); }, 30'000));
    const QJsonObject result = resultOf(scene.platform.answerTo(first));
    QVERIFY2(result.value(text("escaped")).toBool(), QJsonDocument{scene.platform.answerTo(first)}.toJson());
    NO_COMPLAINTS(scene);
}

void TstOnSensor::anIdentityAsTextIsKeptPrivateAndReplacedWhereItChanged()
{
    Scene scene;
    QVERIFY(scene.begin({{text("identity_text"), identity("192.0.2.9")}}));
    QVERIFY(scene.waitForStarts(1));
    const QString path = scene.file("identity.json");
    const auto content = [&path] {
        QFile file{path};
        return file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).object() : QJsonObject{};
    };
    QCOMPARE(content(), QJsonDocument::fromJson(identity("192.0.2.9").toUtf8()).object());
    struct stat status { };
    QCOMPARE(::stat(qPrintable(path), &status), 0);
    QCOMPARE(status.st_mode & 07777U, 0600U);
    QFile beaconConfig{scene.file("beacon.json")};
    QVERIFY(beaconConfig.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(beaconConfig.readAll())[text("identity")].toString(), path);

    const QString spaced = QString::fromUtf8(QJsonDocument::fromJson(identity("192.0.2.9").toUtf8()).toJson());
    QVERIFY(resultOf(scene.platform.applyConfig(Scene::config({{text("identity_text"), spaced}})))
                .value(text("applied"))
                .toBool());
    QTest::qWait(500);
    QCOMPARE(scene.starts(), 1); // it is the same identity
    QVERIFY(resultOf(scene.platform.applyConfig(Scene::config({{text("identity_text"), identity("192.0.2.8")}})))
                .value(text("applied"))
                .toBool());
    QVERIFY(scene.waitForStarts(2));
    QCOMPARE(content(), QJsonDocument::fromJson(identity("192.0.2.8").toUtf8()).object());
    QVERIFY(scene.instrument.end(SIGTERM, 10'000));
    QVERIFY(!QFile::exists(path));
    const QByteArray key = QByteArray(32, 'k').toBase64();
    QVERIFY(!scene.instrument.log().contains(key));
    for (const auto& arrival : scene.platform.events())
        QVERIFY(!QJsonDocument{arrival.event}.toJson().contains(key));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::anIdentityThatIsNoneIsRefusedUnquoted()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.waitForStarts(1));
    for (const QJsonValue& bad : {QJsonValue{text("{\"key\":\"S3CRET\"}")}, QJsonValue{text("S3CRET")},
             QJsonValue{QJsonArray{text("S3CRET")}}, QJsonValue{QString(70'000, QLatin1Char('S'))}}) {
        const QJsonObject answer = scene.platform.applyConfig(Scene::config({{text("identity_text"), bad}}));
        const QJsonValue error = resultOf(answer)[text("errors")][0];
        QCOMPARE(error[text("pointer")].toString(), text("/config/identity_text"));
        QVERIFY2(!QJsonDocument{answer}.toJson().contains("S3CRET"), QJsonDocument{answer}.toJson().constData());
        QVERIFY(!QJsonDocument{answer}.toJson().contains("SSSS"));
    }
    const QJsonObject both = scene.platform.applyConfig(Scene::config(
        {{text("identity_text"), identity("192.0.2.9")}, {text("identity"), text("/etc/beacon/identity.json")}}));
    QVERIFY(resultOf(both)[text("errors")][0][text("text")].toString().contains(text("keep one of the two")));
    QCOMPARE(scene.starts(), 1);
    QVERIFY(!scene.instrument.log().contains("S3CRET"));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::whatTheSensorCountedIsShownAndForgottenWithIt()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(!scene.facts().contains(text("uplink_frames")));
    QJsonObject count{{text("interface"), text("seg0")}, {text("frames"), 12}, {text("tokens"), 7},
        {text("since"), 1'764'000'000}, {text("last"), QJsonValue::Null}};
    scene.platform.notify(text("uplink.counted"), count);
    scene.platform.notify(text("uplink.counted"), {{text("interface"), 7}}); // what is none is passed over
    QVERIFY(ScriptedPlatform::waitFor([&] { return scene.facts().value(text("uplink_tokens")).toInt() == 7; }));
    QCOMPARE(scene.facts().value(text("uplink_since")).toDouble(), 1'764'000'000.0);
    scene.platform.dropConnections();
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QVERIFY(!scene.facts().contains(text("uplink_tokens")));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::itMovesToAnotherInterface()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(makeInterface("seg1", "peer1"));
    const qint64 pid = scene.instrument.pid();
    QVERIFY(scene.giveInstead({given("seg1")}));
    QVERIFY(scene.waitForStarts(2));
    QVERIFY(ScriptedPlatform::waitFor(
        [&] { return scene.facts()[text("interface")][text("name")].toString() == text("seg1"); }));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QCOMPARE(scene.platform.eventsOf(text("instruments.beacon.process.exited")).size(), std::size_t{1});
    QCOMPARE(scene.instrument.pid(), pid);
    QCOMPARE(childrenOf(pid).size(), 1);
    QVERIFY(QFile::exists(scene.dir.filePath(text("run/seg1/admin.sock"))));
    QVERIFY(!QFile::exists(scene.file("admin.sock")));
    QVERIFY(!resultOf(scene.platform.call(text("beacon.restart"))).isEmpty());
    QVERIFY(scene.waitForStarts(3));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::whatWasStoppedByHandStaysSoAfterAMove()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(!resultOf(scene.platform.call(text("beacon.stop"))).isEmpty());
    QVERIFY(makeInterface("seg1", "peer1"));
    QVERIFY(scene.giveInstead({given("seg1")}));
    QVERIFY(ScriptedPlatform::waitFor(
        [&] { return scene.facts()[text("interface")][text("name")].toString() == text("seg1"); }, kPatienceMs));
    QVERIFY(scene.waitForReason("beacon_stopped"));
    QTest::qWait(500);
    QVERIFY(childrenOf(scene.instrument.pid()).isEmpty());
    QVERIFY(!resultOf(scene.platform.call(text("beacon.start"))).isEmpty());
    QVERIFY(scene.waitForStarts(2));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::itStopsWithoutAnInterfaceAndGoesOnWithOne()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(scene.giveInstead({given("seg0", "mirror", {text("rx")})}));
    QVERIFY(scene.waitForReason("interface_not_given"));
    QTRY_VERIFY_WITH_TIMEOUT(childrenOf(scene.instrument.pid()).isEmpty(), kPatienceMs);
    const QJsonObject refused = scene.platform.call(text("beacon.start"));
    QVERIFY(refused[text("error")][text("message")].toString().contains(text("no Beacon")));
    QVERIFY(scene.giveInstead({given("seg0")}));
    QVERIFY(scene.waitForStarts(2));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(scene.giveInstead({}));
    QVERIFY(scene.waitForReason("interface_not_given"));
    QVERIFY(scene.instrument.end(SIGTERM, 10'000)); // perhaps while the Beacon is being stopped
    QCOMPARE(scene.instrument.exitCode(), 0);
    NO_COMPLAINTS(scene);
}

void TstOnSensor::aSecondInterfaceDisturbsNothing()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(scene.giveInstead({given("seg0"), given("seg1")})); // which of them is not said
    QTest::qWait(500);
    QCOMPARE(scene.starts(), 1);
    QCOMPARE(childrenOf(scene.instrument.pid()).size(), 1);
    NO_COMPLAINTS(scene);
}

void TstOnSensor::aConfigurationMovesItToo()
{
    Scene scene;
    QVERIFY(makeInterface("seg1", "peer1"));
    scene.platform.welcome.insert(text("interfaces"), QJsonArray{given("seg0"), given("seg1")});
    QVERIFY(scene.begin({{text("interface"), text("seg0")}}));
    QVERIFY(scene.waitForStarts(1));
    const QJsonObject answer = scene.platform.applyConfig(Scene::config({{text("interface"), text("seg1")}}));
    QVERIFY2(resultOf(answer).value(text("applied")).toBool(), QJsonDocument{answer}.toJson());
    QVERIFY(scene.waitForStarts(2));
    QVERIFY(ScriptedPlatform::waitFor(
        [&] { return scene.facts()[text("interface")][text("name")].toString() == text("seg1"); }));
    NO_COMPLAINTS(scene);
}

void TstOnSensor::eventsOfAStopWithoutThePlatformArriveLater()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    const auto children = childrenOf(scene.instrument.pid());
    QCOMPARE(children.size(), 1);
    scene.platform.vanish();
    QVERIFY(scene.instrument.end(SIGTERM, 10'000));
    QCOMPARE(scene.instrument.exitCode(), 0);
    QTRY_VERIFY_WITH_TIMEOUT(!isAlive(children.front()), kPatienceMs);
    QVERIFY(scene.platform.eventsOf(text("instruments.beacon.process.exited")).empty());
    QVERIFY(scene.platform.appear());
    QVERIFY(scene.instrument.start());
    QVERIFY(!scene.platform.waitForEvent(text("instruments.beacon.process.exited"), 0, kPatienceMs).isEmpty());
    NO_COMPLAINTS(scene);
}

BEACON_NETNS_MAIN(TstOnSensor)
#include "tst_on_sensor.moc"
