// beacon-listener with a platform and on the bench, against real frames.

#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"
#include "tests/support/scripted_platform.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <csignal>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 20'000;

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

/// An ARP request of `last` as the other end of the link would send it.
bool sendArp(unsigned char last, const char* from = "peer0")
{
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    std::array<unsigned char, 42> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, last, 8, 6, //
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, last, 192, 0, 2, last, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(::if_nametoindex(from));
    const bool sent = ::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to)
        == static_cast<ssize_t>(frame.size());
    ::close(fd);
    return sent;
}

struct Scene {
    QTemporaryDir dir;
    ScriptedPlatform platform{dir.filePath(QStringLiteral("platform.sock"))};
    RunningProgram listener{QStringLiteral(BEACON_BIN_DIR "/beacon-listener")};

    Scene()
    {
        platform.welcome.insert(text("address"), text("listener_0@plant7"));
        listener.setEnvironment(text("SENSOR_SOCKET"), platform.path());
        listener.setArguments({text("--runtime-dir"), dir.filePath(text("run"))});
    }
    bool begin() { return platform.appear() && listener.start() && platform.waitForHealth(text("OK"), kPatienceMs); }
    /// Delivers a leak; the MACs that were active then.
    QStringList macsAfterALeak()
    {
        const QJsonObject leak = ScriptedPlatform::eventOf(text("instruments.beacon.escape.succeeded"),
            {{text("run"), 1}, {text("n"), 2}, {text("technique"), text("TcpConnection")},
                {text("family"), text("ipv4")}, {text("dst"), text("192.0.2.10")}, {text("proto"), 6},
                {text("port"), 443}, {text("via"), text("02:00:5e:10:00:01")}, {text("rtt"), 812}},
            text("beacon_0@plant7"));
        const std::size_t before = platform.eventsOf(text("instruments.listener.hosts.active")).size();
        platform.deliver({leak});
        platform.deliver({leak}); // twice: it counts once
        if (!platform.waitFor(
                [&] { return platform.eventsOf(text("instruments.listener.hosts.active")).size() > before; }))
            return {};
        const QJsonObject answer = platform.eventsOf(text("instruments.listener.hosts.active")).back().event;
        sameChain = answer.value(text("context_uuid")) == leak.value(text("context_uuid"));
        QStringList macs;
        const QJsonArray hosts = answer[text("data")][text("hosts")].toArray();
        for (const QJsonValue& host : hosts)
            macs.append(host[text("mac")].toString());
        return macs;
    }
    bool sameChain = false;
};

} // namespace

class TstListenerProgram : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup() { ip(text("link del peer0 2>/dev/null || true")); }
    void aLeakIsAnsweredWithTheHostsThatWereActive();
    void retentionDeletesForReal();
    void theInterfaceMayComeLate();
    void onTheBenchItNeedsNoPlatform();
    void itPrintsTheManifestThatHelloSends();
    void itFollowsToAnotherInterface();
    void whatItSaysWithoutThePlatformArrivesAfterAStop();
};

void TstListenerProgram::init()
{
    QVERIFY(ip(text("link add seg0 type veth peer name peer0")));
    QVERIFY(ip(text("link set peer0 up")));
    QVERIFY(ip(text("link set seg0 up")));
}

void TstListenerProgram::aLeakIsAnsweredWithTheHostsThatWereActive()
{
    Scene scene;
    QVERIFY(scene.begin());
    QCOMPARE(scene.platform.subscriptions(), QStringList{text("instruments.beacon.escape.succeeded")});
    QVERIFY(sendArp(7) && sendArp(8) && sendArp(8));
    QTRY_VERIFY_WITH_TIMEOUT(scene.macsAfterALeak().contains(text("02:00:00:00:00:08")), kPatienceMs);
    QVERIFY(scene.sameChain);
    QVERIFY(scene.macsAfterALeak().contains(text("02:00:00:00:00:07")));
    QVERIFY2(scene.platform.complaints().isEmpty(), qPrintable(scene.platform.complaints()));
    const auto before = scene.platform.eventsOf(text("instruments.listener.hosts.active")).size();
    scene.platform.vanish();
    QVERIFY(scene.platform.appear());
    QVERIFY(scene.platform.waitForHello(2, kPatienceMs));
    QTRY_COMPARE(scene.platform.subscriptions(), QStringList{text("instruments.beacon.escape.succeeded")});
    QCOMPARE(scene.platform.eventsOf(text("instruments.listener.hosts.active")).size(), before);
    QVERIFY(scene.listener.end(SIGTERM, 10'000));
    QCOMPARE(scene.listener.exitCode(), 0);
}

void TstListenerProgram::retentionDeletesForReal()
{
    Scene scene;
    QVERIFY(scene.begin());
    QVERIFY(sendArp(9));
    QTRY_VERIFY_WITH_TIMEOUT(scene.macsAfterALeak().contains(text("02:00:00:00:00:09")), kPatienceMs);
    QJsonObject result = scene.platform.applyRetention(text("2001-01-01T00:00:00Z"))[text("result")].toObject();
    QCOMPARE(result.value(text("deleted")).toInt(-1), 0);
    QVERIFY(result.value(text("oldest")).isString());
    result = scene.platform.applyRetention(text("2100-01-01T00:00:00Z"))[text("result")].toObject();
    QVERIFY2(result.value(text("deleted")).toInt() >= 1, QJsonDocument{result}.toJson());
    QVERIFY(result.value(text("complete")).toBool());
    QVERIFY(!scene.macsAfterALeak().contains(text("02:00:00:00:00:09")));
}

void TstListenerProgram::theInterfaceMayComeLate()
{
    QVERIFY(ip(text("link del peer0")));
    Scene scene;
    QVERIFY(scene.platform.appear() && scene.listener.start());
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    QVERIFY(scene.platform.healthCodes().contains(text("interface_absent")));
    init();
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(ip(text("link del peer0")));
    QVERIFY(scene.platform.waitForHealth(text("ERROR"), kPatienceMs));
    init();
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(sendArp(5));
    QTRY_VERIFY_WITH_TIMEOUT(scene.macsAfterALeak().contains(text("02:00:00:00:00:05")), kPatienceMs);
}

void TstListenerProgram::onTheBenchItNeedsNoPlatform()
{
    QTemporaryDir dir;
    const QStringList arguments{text("--interface"), text("seg0"), text("--runtime-dir"), dir.filePath(text("run")),
        text("--state-dir"), dir.filePath(text("state"))};
    RunningProgram listener{QStringLiteral(BEACON_BIN_DIR "/beacon-listener"), arguments};
    QVERIFY(listener.start());
    const auto health = [&] {
        QProcess probe;
        probe.start(text(BEACON_BIN_DIR "/beacon-listener"), arguments + QStringList{text("--health")});
        return probe.waitForFinished() ? probe.exitCode() : -1;
    };
    QTRY_COMPARE_WITH_TIMEOUT(health(), 0, kPatienceMs);
    RunningProgram second{QStringLiteral(BEACON_BIN_DIR "/beacon-listener"), arguments};
    QVERIFY(second.start());
    QVERIFY(second.waitForEnd(10'000));
    QCOMPARE(second.exitCode(), 75);
    QVERIFY(listener.end(SIGTERM, 10'000));
    QCOMPARE(listener.exitCode(), 0);
    QCOMPARE(health(), 69);
}

void TstListenerProgram::itPrintsTheManifestThatHelloSends()
{
    QProcess process;
    process.setProcessEnvironment(QProcessEnvironment{});
    process.start(text(BEACON_BIN_DIR "/beacon-listener"), {text("--manifest")});
    QVERIFY(process.waitForFinished(kPatienceMs));
    QCOMPARE(process.exitCode(), 0);
    Scene scene;
    QVERIFY(scene.begin());
    QCOMPARE(QJsonDocument::fromJson(process.readAllStandardOutput()).object(),
        scene.platform.hellos().front().params.value(text("manifest")).toObject());
}

void TstListenerProgram::itFollowsToAnotherInterface()
{
    Scene scene;
    QVERIFY(scene.begin());
    const auto give = [&scene](const QJsonArray& names) {
        QJsonArray interfaces;
        for (const QJsonValue& name : names)
            interfaces.append(QJsonObject{
                {text("name"), name}, {text("type"), text("mirror")}, {text("capabilities"), QJsonArray{text("rx")}}});
        const std::size_t hellos = scene.platform.hellos().size();
        scene.platform.welcome.insert(text("interfaces"), interfaces);
        scene.platform.dropConnections();
        return scene.platform.waitForHello(hellos + 1, kPatienceMs);
    };
    QVERIFY(give({}));
    QTRY_VERIFY_WITH_TIMEOUT(scene.platform.healthCodes().contains(text("interface_not_given")), kPatienceMs);
    QVERIFY(ip(text("link add seg1 type veth peer name peer1")));
    QVERIFY(ip(text("link set peer1 up")) && ip(text("link set seg1 up")));
    QVERIFY(give({text("seg1")}));
    QVERIFY(scene.platform.waitForHealth(text("OK"), kPatienceMs));
    QVERIFY(sendArp(21, "peer1"));
    QTRY_VERIFY_WITH_TIMEOUT(scene.macsAfterALeak().contains(text("02:00:00:00:00:15")), kPatienceMs);
    QVERIFY(sendArp(22)); // where it does not listen any more
    QVERIFY(!scene.macsAfterALeak().contains(text("02:00:00:00:00:16")));
    ip(text("link del peer1"));
}

void TstListenerProgram::whatItSaysWithoutThePlatformArrivesAfterAStop()
{
    Scene scene;
    QVERIFY(scene.begin());
    const auto healths = [&scene] { return scene.platform.eventsOf(text("instruments.listener.health")).size(); };
    const std::size_t before = healths();
    scene.platform.vanish();
    QVERIFY(ip(text("link del peer0")));
    QTest::qWait(1'500); // it says that its interface is gone, to nobody
    QVERIFY(scene.listener.end(SIGTERM, 10'000));
    QCOMPARE(scene.listener.exitCode(), 0);
    QCOMPARE(healths(), before);
    init();
    QVERIFY(scene.platform.appear() && scene.listener.start());
    QTRY_VERIFY_WITH_TIMEOUT(healths() > before, kPatienceMs);
    bool told = false;
    for (const auto& arrival : scene.platform.eventsOf(text("instruments.listener.health")))
        told = told || QJsonDocument{arrival.event}.toJson().contains("interface_absent");
    QVERIFY(told);
    QVERIFY2(scene.platform.complaints().isEmpty(), qPrintable(scene.platform.complaints()));
}

BEACON_NETNS_MAIN(TstListenerProgram)
#include "tst_listener_program.moc"
