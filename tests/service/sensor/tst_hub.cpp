// service/sensor/hub.h: who may connect, and what becomes of those who do what they must not.

#include "tests/service/sensor/hub_lab.h"
#include "tests/support/other_user.h"

#include "core/instrument/skeleton.h"
#include "core/platform/local_socket_link.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QTest>

#include <sys/stat.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;

namespace {

const QString kBeacon = QStringLiteral("beacon_0");
const QString kListener = QStringLiteral("listener_0");
const QString kHello = QStringLiteral("instrument.hello");
constexpr int kInvalidRequest = -32600, kMethodNotFound = -32601, kInvalidParams = -32602, kDenied = -32001,
              kTooLarge = -32003, kClosed = -32004, kTimeout = -32002, kBusy = -32000;

struct stat statOf(const QString& path)
{
    struct stat status { };
    (void)::lstat(QFile::encodeName(path).constData(), &status);
    return status;
}

OtherUser other(uid_t uid)
{
    return {uid, uid, {}};
}

} // namespace

class TestHub : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void helloIsAnsweredWithTheWelcome();
    void theFirstWordMustBeHello();
    void aHelloThatIsNoneIsRefused_data();
    void aHelloThatIsNoneIsRefused();
    void whoGoesHasLeft();
    void aNewerConnectionReplacesTheOlder();
    void onlyItsOwnerAndRootMayConnect();
    void nothingThatAnInstrumentLeftIsFollowed();
    void garbageEndsTheConnectionAlone_data();
    void garbageEndsTheConnectionAlone();
    void manyConnectionsWithoutAWordHurtOnlyThemselves();
    void unknownMethodsAreAnsweredWithASentence();
    void requestsAreAnsweredOrTheirEndIsTold();
    void healthIsPassedOnAndAFloodIsThinned();
    void whoNeverReadsDelaysNobody();
    void whoIsDismissedIsGone();
    void aSkeletonComesAndComesAgain();
    void longPathsAreNoTrouble();
};

void TestHub::helloIsAnsweredWithTheWelcome()
{
    HubLab lab;
    lab.configuration = QJsonObject{{QStringLiteral("version"), 4}};
    QVERIFY(lab.admit(kBeacon));
    QVERIFY(lab.hub.isAdmitted(lab.addressOf(kBeacon)));
    QVERIFY(!lab.hub.isConnected(lab.addressOf(kBeacon)));
    QCOMPARE(lab.hub.manifestOf(lab.addressOf(kBeacon)), nullptr);
    RawGuest guest{lab.socketOf(kBeacon)};
    const QJsonObject welcome =
        guest.call(kHello, lab.helloOf(QStringLiteral("beacon"))).value(QStringLiteral("result")).toObject();
    QCOMPARE(welcome.value(QStringLiteral("address")).toString(), QStringLiteral("beacon_0@plant7"));
    QCOMPARE(welcome.value(QStringLiteral("configuration")).toObject(), *lab.configuration);
    QVERIFY(platform::welcomeFromJson(welcome));
    QCOMPARE(lab.heard, QStringList{QStringLiteral("arrived beacon_0@plant7 1.0")});
    QVERIFY(lab.hub.isConnected(lab.addressOf(kBeacon)));
    QCOMPARE(lab.hub.manifestOf(lab.addressOf(kBeacon))->name, QStringLiteral("test-instrument"));
    QCOMPARE(lab.hub.versionOf(lab.addressOf(kBeacon)), QStringLiteral("1.0"));
    // Asked again on the same connection, it is answered and has not arrived twice.
    lab.configuration = QJsonObject{{QStringLiteral("version"), 5}};
    QCOMPARE(guest.call(kHello, lab.helloOf(QStringLiteral("beacon")))[QStringLiteral("result")]
                 .toObject()[QStringLiteral("configuration")]
                 .toObject(),
        *lab.configuration);
    QCOMPARE(lab.heard.size(), 1);
    QCOMPARE(lab.hub.admit({lab.addressOf(kBeacon), QStringLiteral("beacon"), lab.socketOf(kBeacon)}).error().code,
        Errc::Busy);
    QCOMPARE(lab.hub.admit({QStringLiteral("beacon_1"), QStringLiteral("beacon"), lab.socketOf(kBeacon)}).error().code,
        Errc::BadInput);
}

void TestHub::theFirstWordMustBeHello()
{
    HubLab lab;
    QVERIFY(lab.admit(kBeacon));
    RawGuest asks{lab.socketOf(kBeacon)};
    QCOMPARE(errorCode(asks.call(QStringLiteral("event.publish"), lab.eventsOf(kBeacon, 1))), kInvalidRequest);
    QVERIFY(asks.waitForEnd());
    RawGuest tells{lab.socketOf(kBeacon)};
    tells.notify(QStringLiteral("health.changed"), {{QStringLiteral("status"), QStringLiteral("OK")}});
    QVERIFY(tells.waitForEnd());
    QVERIFY(lab.heard.isEmpty());
    QCOMPARE(lab.store.lastId(), 0);
}

void TestHub::aHelloThatIsNoneIsRefused_data()
{
    QTest::addColumn<QJsonObject>("hello");
    QTest::addColumn<int>("code");
    const QJsonObject good = HubLab::helloOf(QStringLiteral("beacon"));
    const auto with = [&](const QString& key, const QJsonValue& value) {
        QJsonObject hello = good;
        hello.insert(key, value);
        return hello;
    };
    QJsonObject broken = HubLab::manifestOf(QStringLiteral("beacon"));
    broken.remove(QStringLiteral("title"));
    QJsonObject huge = HubLab::manifestOf(QStringLiteral("beacon"));
    huge.insert(
        QStringLiteral("configuration"), QJsonObject{{QStringLiteral("title"), QString(300 * 1024, QLatin1Char('x'))}});
    const QString manifest = QStringLiteral("manifest");
    QTest::newRow("nothing at all") << QJsonObject{} << kDenied;
    QTest::newRow("another type") << HubLab::helloOf(QStringLiteral("listener")) << kDenied;
    QTest::newRow("the manifest of another type")
        << with(manifest, HubLab::manifestOf(QStringLiteral("home"))) << kDenied;
    QTest::newRow("no manifest") << with(manifest, QJsonValue::Null) << kInvalidParams;
    QTest::newRow("a manifest that lacks something") << with(manifest, broken) << kInvalidParams;
    QTest::newRow("a manifest over 256 KiB") << with(manifest, huge) << kInvalidParams;
}

void TestHub::aHelloThatIsNoneIsRefused()
{
    QFETCH(QJsonObject, hello);
    QFETCH(int, code);
    HubLab lab;
    QVERIFY(lab.admit(kBeacon));
    RawGuest guest{lab.socketOf(kBeacon)};
    const QJsonObject answer = guest.call(kHello, hello);
    QCOMPARE(errorCode(answer), code);
    QVERIFY(!errorText(answer).isEmpty());
    QVERIFY(guest.waitForEnd());
    QVERIFY(lab.heard.isEmpty());
    QVERIFY(lab.arrive(kBeacon)); // the next one is welcome
}

void TestHub::whoGoesHasLeft()
{
    HubLab lab;
    auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    guest.reset();
    QTRY_COMPARE_WITH_TIMEOUT(lab.heard.size(), 2, kPatienceMs);
    QVERIFY2(lab.heard[1].startsWith(QStringLiteral("left beacon_0@plant7: ")), qPrintable(lab.heard[1]));
    QVERIFY(!lab.hub.isConnected(lab.addressOf(kBeacon)));
    QVERIFY(lab.hub.manifestOf(lab.addressOf(kBeacon)));
}

void TestHub::aNewerConnectionReplacesTheOlder()
{
    HubLab lab;
    const auto older = lab.arrive(kBeacon);
    QVERIFY(older);
    RawGuest silent{lab.socketOf(kBeacon)}; // it has not said hello: it replaces nobody
    QVERIFY(!older->call(QStringLiteral("event.publish"), lab.eventsOf(kBeacon, 1)).isEmpty());
    const auto newer = lab.arrive(kBeacon);
    QVERIFY(newer);
    QVERIFY(older->waitForEnd());
    QCOMPARE(lab.heard.size(), 3);
    QVERIFY(lab.heard[1].startsWith(QStringLiteral("left")) && lab.heard[2].startsWith(QStringLiteral("arrived")));
    QTest::qWait(50);
    QCOMPARE(lab.heard.size(), 3); // the end of the older one is no news
    QVERIFY(newer->call(QStringLiteral("event.publish"), lab.eventsOf(kBeacon, 1)).contains(QStringLiteral("result")));
}

void TestHub::onlyItsOwnerAndRootMayConnect()
{
    if (!canBecomeOthers())
        QFAIL("this test runs as root, so that it can become others");
    HubLab lab;
    constexpr uid_t kBase = 1'200'000'000;
    QVERIFY(lab.hub.admit(
        {lab.addressOf(kBeacon), QStringLiteral("beacon"), lab.socketOf(kBeacon), UserIds{kBase, kBase}}));
    const QString folder = QFileInfo{lab.socketOf(kBeacon)}.path();
    QCOMPARE(statOf(folder).st_mode, mode_t{S_IFDIR | 0700});
    QCOMPARE(statOf(folder).st_uid, kBase);
    QCOMPARE(statOf(folder).st_gid, kBase);
    QCOMPARE(statOf(lab.socketOf(kBeacon)).st_mode, mode_t{S_IFSOCK | 0600});
    QCOMPARE(statOf(lab.socketOf(kBeacon)).st_uid, kBase);

    QDir above{lab.dir.path()};
    for (const QString& path : {lab.dir.path(), above.filePath(QStringLiteral("instruments")),
             above.filePath(QStringLiteral("instruments/beacon_0"))})
        QVERIFY(::chmod(QFile::encodeName(path).constData(), 0755) == 0);
    const QByteArray hello = QJsonDocument{QJsonObject{{QStringLiteral("jsonrpc"), QStringLiteral("2.0")},
                                               {QStringLiteral("id"), 1}, {QStringLiteral("method"), kHello},
                                               {QStringLiteral("params"), lab.helloOf(QStringLiteral("beacon"))}}}
                                 .toJson(QJsonDocument::Compact)
        + '\n';
    QCOMPARE(sayAs(other(kBase + 65'536), lab.socketOf(kBeacon), hello), "errno 13"); // its directory
    QVERIFY(sayAs(other(kBase), lab.socketOf(kBeacon), hello).contains("beacon_0@plant7"));
    // Where the directory would let others in, their credentials do not.
    QVERIFY(::chmod(QFile::encodeName(folder).constData(), 0755) == 0);
    QVERIFY(::chmod(QFile::encodeName(lab.socketOf(kBeacon)).constData(), 0666) == 0);
    lab.heard.clear();
    for (const uid_t uid : {kBase - 1, kBase + 65'536, uid_t{65'534}, uid_t{1'000}}) {
        const QByteArray said = sayAs(other(uid), lab.socketOf(kBeacon), hello);
        QVERIFY2(!said.contains("beacon_0@plant7"), said);
    }
    QVERIFY(lab.heard.isEmpty());
    for (const uid_t uid : {kBase + 65'535, uid_t{0}})
        QVERIFY(sayAs(other(uid), lab.socketOf(kBeacon), hello).contains("beacon_0@plant7"));
}

void TestHub::nothingThatAnInstrumentLeftIsFollowed()
{
    HubLab lab;
    const QString home = lab.dir.filePath(QStringLiteral("instruments/beacon_0"));
    const QString elsewhere = lab.dir.filePath(QStringLiteral("elsewhere"));
    QVERIFY(QDir{}.mkpath(home) && QDir{}.mkpath(elsewhere));
    QVERIFY(::chmod(QFile::encodeName(elsewhere).constData(), 0755) == 0);
    QVERIFY(QFile::link(elsewhere, home + QStringLiteral("/sensor")));
    QVERIFY(lab.arrive(kBeacon));
    QVERIFY(QDir{elsewhere}.isEmpty());
    QCOMPARE(statOf(elsewhere).st_mode, mode_t{S_IFDIR | 0755});
    QVERIFY(!QFileInfo{home + QStringLiteral("/sensor")}.isSymLink());
    lab.hub.dismiss(lab.addressOf(kBeacon));
    QVERIFY(!QFile::exists(lab.socketOf(kBeacon)));

    QFile secret{lab.dir.filePath(QStringLiteral("secret"))};
    QVERIFY(secret.open(QIODevice::WriteOnly) && secret.setPermissions(QFile::ReadOwner));
    QVERIFY(QFile::link(secret.fileName(), lab.socketOf(kBeacon)));
    QVERIFY(lab.arrive(kBeacon));
    QCOMPARE(statOf(secret.fileName()).st_mode, mode_t{S_IFREG | 0400});
    lab.hub.dismiss(lab.addressOf(kBeacon));
    QVERIFY(QDir{}.mkpath(lab.socketOf(kBeacon)));
    QVERIFY(lab.arrive(kBeacon));
}

void TestHub::garbageEndsTheConnectionAlone_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::newRow("no JSON") << QByteArray{"garbage\n"};
    QTest::newRow("binary") << QByteArray{"\x00\xff\xfe\x01\n", 5};
    QTest::newRow("a batch") << QByteArray{"[{}]\n"};
    QTest::newRow("a frame without an end") << QByteArray(1'200'000, 'x');
    QTest::newRow("nested deeply") << QByteArray(5'000, '[') + '\n';
}

void TestHub::garbageEndsTheConnectionAlone()
{
    QFETCH(QByteArray, bytes);
    HubLab lab;
    const auto other = lab.arrive(kListener);
    auto guest = lab.arrive(kBeacon);
    QVERIFY(other && guest);
    guest->sendRaw(bytes);
    QVERIFY(guest->waitForEnd());
    QTRY_VERIFY_WITH_TIMEOUT(!lab.hub.isConnected(lab.addressOf(kBeacon)), kPatienceMs);
    QVERIFY(
        other->call(QStringLiteral("event.publish"), lab.eventsOf(kListener, 1)).contains(QStringLiteral("result")));
    QVERIFY(lab.arrive(kBeacon));
}

void TestHub::manyConnectionsWithoutAWordHurtOnlyThemselves()
{
    HubLab lab;
    const auto other = lab.arrive(kListener);
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(other && guest);
    std::vector<std::unique_ptr<RawGuest>> silent;
    for (int i = 0; i < 100; ++i)
        silent.push_back(std::make_unique<RawGuest>(lab.socketOf(kBeacon)));
    QTRY_VERIFY_WITH_TIMEOUT(
        std::count_if(silent.begin(), silent.end(), [](const auto& one) { return one->isConnected(); }) <= 8,
        kPatienceMs);
    for (RawGuest* one : {other.get(), guest.get()}) {
        const QString name = one == other.get() ? kListener : kBeacon;
        QVERIFY(one->call(QStringLiteral("event.publish"), lab.eventsOf(name, 1)).contains(QStringLiteral("result")));
    }
}

void TestHub::unknownMethodsAreAnsweredWithASentence()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    for (const char* method : {"config.apply", "health.get", "nonsense", "retention.apply", "control.add"}) {
        const QJsonObject answer = guest->call(QLatin1StringView{method});
        QCOMPARE(errorCode(answer), kMethodNotFound);
        QVERIFY(errorText(answer).contains(QLatin1StringView{method}));
    }
    QVERIFY(guest->isConnected());
}

void TestHub::requestsAreAnsweredOrTheirEndIsTold()
{
    HubLab lab;
    QVERIFY(lab.admit(kBeacon));
    QJsonObject got;
    int code = 0, answers = 0;
    const auto ask = [&](const QString& address, std::chrono::milliseconds deadline = 5s) {
        lab.hub.request(
            address, QStringLiteral("health.get"), {{QStringLiteral("a"), 1}},
            [&](const platform::Answer& answer) {
                ++answers;
                const auto* error = std::get_if<rpc::RpcError>(&answer);
                code = error ? static_cast<int>(error->code) : 0;
                got = error ? QJsonObject{} : std::get<QJsonValue>(answer).toObject();
            },
            deadline);
        const int before = answers;
        (void)QTest::qWaitFor([&] { return answers > before; }, kPatienceMs);
        return code;
    };
    QCOMPARE(ask(lab.addressOf(kBeacon)), kClosed);
    QCOMPARE(ask(QStringLiteral("beacon_7@plant7")), kClosed);
    auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    const QJsonObject health{{QStringLiteral("status"), QStringLiteral("OK")}};
    guest->answers[QStringLiteral("health.get")] = {{QStringLiteral("result"), health}};
    QCOMPARE(ask(lab.addressOf(kBeacon)), 0);
    QCOMPARE(got, health);
    QVERIFY(lab.hub.slowestHealth(lab.addressOf(kBeacon)) < 90ms);
    QCOMPARE(guest->asked.back().params, (QJsonObject{{QStringLiteral("a"), 1}}));
    guest->answers[QStringLiteral("health.get")] = {{QStringLiteral("error"),
        QJsonObject{{QStringLiteral("code"), kDenied}, {QStringLiteral("message"), QStringLiteral("No.")}}}};
    QCOMPARE(ask(lab.addressOf(kBeacon)), kDenied);
    guest->answers[QStringLiteral("health.get")] = {};
    QCOMPARE(ask(lab.addressOf(kBeacon), 100ms), kTimeout);
    QVERIFY(lab.hub.slowestHealth(lab.addressOf(kBeacon)) >= 90ms); // timers are coarse
    guest->onRequest = [&](const QString&, const QJsonObject&) { guest->sendRaw("garbage\n"); };
    QCOMPARE(ask(lab.addressOf(kBeacon)), kClosed);
    QCOMPARE(answers, 6);
}

void TestHub::healthIsPassedOnAndAFloodIsThinned()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    lab.heard.clear();
    const auto push = [&](const QString& status) {
        guest->notify(QStringLiteral("health.changed"), {{QStringLiteral("status"), status}});
    };
    push(QStringLiteral("OK"));
    QTRY_COMPARE_WITH_TIMEOUT(lab.heard, QStringList{QStringLiteral("health beacon_0@plant7 OK")}, kPatienceMs);
    for (int i = 0; i < 2'000; ++i)
        push(QStringLiteral("n%1").arg(i));
    push(QStringLiteral("ERROR"));
    QTRY_COMPARE_WITH_TIMEOUT(lab.heard.back(), QStringLiteral("health beacon_0@plant7 ERROR"), kPatienceMs);
    QVERIFY2(lab.heard.size() < 100, QByteArray::number(lab.heard.size()));
    QCOMPARE(guest->call(QStringLiteral("health.changed"), {}).value(QStringLiteral("result")), QJsonObject{});
}

void TestHub::whoNeverReadsDelaysNobody()
{
    HubLab lab;
    const auto hung = lab.arrive(kBeacon);
    const auto silent = lab.arrive(QStringLiteral("beacon_1"));
    const auto fast = lab.arrive(kListener);
    QVERIFY(hung && silent && fast);
    const QJsonObject all{{QStringLiteral("match"), QStringLiteral("*")}};
    for (RawGuest* one : {hung.get(), silent.get(), fast.get()})
        QVERIFY(one->call(QStringLiteral("event.subscribe"), all).contains(QStringLiteral("result")));
    hung->setReading(false); // its buffers fill up
    silent->answers[QStringLiteral("event.deliver")] = {}; // it reads and never answers
    silent->answers[QStringLiteral("health.get")] = {};
    double slowestMs = 0;
    int published = 0, refusals = 0, asked = 0;
    for (int round = 0; round < 60; ++round) {
        QElapsedTimer since;
        since.start();
        for (int i = 0; i < 100; ++i, ++asked) // one that is asked and asked
            lab.hub.request(
                lab.addressOf(kBeacon), QStringLiteral("config.apply"),
                {{QStringLiteral("text"), QString(4'000, QLatin1Char('x'))}},
                [&](const platform::Answer& answer) {
                    if (const auto* error = std::get_if<rpc::RpcError>(&answer);
                        error && error->code == rpc::Code::Busy)
                        ++refusals;
                },
                20s);
        const QJsonObject answer = fast->call(QStringLiteral("event.publish"), lab.eventsOf(kListener, 50));
        QVERIFY2(answer.contains(QStringLiteral("result")), QJsonDocument{answer}.toJson());
        published += 50;
        bool answered = false;
        lab.hub.request(
            lab.addressOf(kListener), QStringLiteral("health.get"), {},
            [&](const platform::Answer& health) { answered = std::holds_alternative<QJsonValue>(health); }, 1s);
        QVERIFY(QTest::qWaitFor([&] { return answered; }, 1'000));
        slowestMs = std::max(slowestMs, static_cast<double>(since.nsecsElapsed()) / 1e6);
    }
    QTRY_COMPARE_WITH_TIMEOUT(fast->deliveredUuids.size(), published, kPatienceMs);
    QVERIFY2(slowestMs < 1'000, QByteArray::number(slowestMs));
    QVERIFY(refusals > 0 && refusals < asked);
    // Who reads again gets all of it, each once.
    hung->setReading(true);
    QTRY_COMPARE_WITH_TIMEOUT(hung->deliveredUuids.size(), published, kPatienceMs);
    QCOMPARE(hung->deliveredUuids, fast->deliveredUuids);
    QVERIFY(!silent->deliveredUuids.isEmpty());
    QVERIFY2(silent->deliveredUuids.size() <= 256, QByteArray::number(silent->deliveredUuids.size()));
}

void TestHub::whoIsDismissedIsGone()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    QObject::connect(&lab.hub, &Hub::healthPushed, &lab.hub, [&] { lab.hub.dismiss(lab.addressOf(kBeacon)); });
    lab.heard.clear();
    guest->notify(QStringLiteral("health.changed"), {}); // dismissed while it is being served
    QVERIFY(guest->waitForEnd());
    QVERIFY(!lab.hub.isAdmitted(lab.addressOf(kBeacon)));
    QVERIFY(!QFile::exists(lab.socketOf(kBeacon)));
    QVERIFY(lab.heard.size() <= 1 && !lab.heard.join(QLatin1Char(' ')).contains(QStringLiteral("left")));
    lab.hub.dismiss(lab.addressOf(kBeacon));
}

void TestHub::aSkeletonComesAndComesAgain()
{
    HubLab lab;
    QVERIFY(lab.admit(kListener));
    const auto manifest = manifestFromJson(QJsonDocument{lab.manifestOf(QStringLiteral("listener"))}.toJson());
    QVERIFY(manifest);
    std::vector<Event> heard;
    Handlers handlers;
    handlers.onEvent = [&](const Event& event) { heard.push_back(event); };
    Skeleton::Options options;
    options.version = QStringLiteral("2.0");
    Skeleton skeleton{
        *manifest, handlers, std::make_unique<platform::LocalSocketLink>(lab.socketOf(kListener)), lab.clock, options};
    skeleton.subscribe(QStringLiteral("instruments.beacon.*"), 10);
    skeleton.start();
    QTRY_VERIFY_WITH_TIMEOUT(lab.hub.isConnected(lab.addressOf(kListener)), kPatienceMs);
    const auto beacon = lab.arrive(kBeacon);
    const QJsonObject published = beacon->call(QStringLiteral("event.publish"), lab.eventsOf(kBeacon, 5));
    QVERIFY(published.contains(QStringLiteral("result")));
    QTRY_COMPARE_WITH_TIMEOUT(heard.size(), std::size_t{5}, kPatienceMs);
    QCOMPARE(heard.front().sensorEventId.value_or(0),
        published[QStringLiteral("result")][QStringLiteral("ids")][0].toInteger());
    lab.hub.dismiss(lab.addressOf(kListener));
    QVERIFY(beacon->call(QStringLiteral("event.publish"), lab.eventsOf(kBeacon, 5)).contains(QStringLiteral("result")));
    QVERIFY(lab.admit(kListener));
    QTRY_COMPARE_WITH_TIMEOUT(heard.size(), std::size_t{10}, kPatienceMs); // by history, each once
    QTest::qWait(50);
    QCOMPARE(heard.size(), std::size_t{10});
}

void TestHub::longPathsAreNoTrouble()
{
    HubLab lab;
    const QString path = lab.dir.filePath(QString(120, QLatin1Char('d')) + QStringLiteral("/sensor/platform.sock"));
    QVERIFY(lab.hub.admit({lab.addressOf(kBeacon), QStringLiteral("beacon"), path}));
    QVERIFY(QFile::exists(path));
    lab.hub.dismiss(lab.addressOf(kBeacon));
    QVERIFY(!QFile::exists(path));
    const auto refused =
        lab.hub.admit({lab.addressOf(kBeacon), QStringLiteral("beacon"), QStringLiteral("/dev/null/sensor/p.sock")});
    QVERIFY(!refused);
    QVERIFY2(refused.error().context.find("/dev/null") != std::string::npos, refused.error().context.c_str());
}

QTEST_GUILESS_MAIN(TestHub)
#include "tst_hub.moc"
