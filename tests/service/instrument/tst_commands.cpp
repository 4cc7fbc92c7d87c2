// What a person may ask of a running Instrument, and what it shows of its segment: the real program on a real
// interface.
#include "running_instrument.h"
#include "service/instrument/commands.h"
#include "service/instrument/support_bundle.h"
#include "tests/support/net_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QLocalSocket>
#include <QTest>

#include <csignal>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kFake = QStringLiteral(TARGETS_DIR "/fake_beacon");
const QString kOurs = QStringLiteral(BEACON_BIN_DIR "/beacon");
constexpr int kPatienceMs = 20'000;

bool makeInterface()
{
    return ip(QStringLiteral("link add seg0 type veth peer name peer0")) && ip(QStringLiteral("link set peer0 up"))
        && ip(QStringLiteral("link set seg0 up"));
}

QJsonObject dataOf(const QJsonObject& event)
{
    return event.value(QStringLiteral("data")).toObject();
}

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)
#define NO_COMPLAINTS(instrument) QVERIFY2((instrument).complaints().isEmpty(), qPrintable((instrument).complaints()))

class TstCommands : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void cleanup()
    {
        ip(QStringLiteral("link del peer0 2>/dev/null || true"));
        ip(QStringLiteral("link del seg0 2>/dev/null || true"));
    }
    void stopLastsUntilStartAndEachIsAudited();
    void restartWorksInEveryState();
    void aFloodOfRefusedCommandsIsCounted();
    void theSelfTestEscapesAndIsAudited();
    void aSupportBundleHoldsNoSecret();
    void secretsAreBlottedOut_data();
    void secretsAreBlottedOut();
    void aBundleOfManyBlotsStaysBelowAMessage();
    void theFactsTellOfTheSegment();
    void fault55_anInterfaceOfTheWrongKindGetsNoBeacon();
    void anInterfaceIsSwitchedOnOnce();
};

void TstCommands::stopLastsUntilStartAndEachIsAudited()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    const QString life = instrument.call(QStringLiteral("beacon.stop")).value(QStringLiteral("life")).toString();
    QVERIFY2(life == QStringLiteral("stopping") || life == QStringLiteral("stopped"), qPrintable(life));
    TRY(instrument.healthCodes() == QStringList{QStringLiteral("beacon_stopped")});
    QCOMPARE(instrument.healthStatus(), QStringLiteral("ERROR")); // nothing is tested
    TRY(instrument.children().isEmpty());
    const QJsonObject audit = dataOf(instrument.last("beacon.audit"));
    QCOMPARE(audit.value(QStringLiteral("who")).toInteger(-1), qint64{::geteuid()});
    QCOMPARE(audit.value(QStringLiteral("what")).toString(), QStringLiteral("beacon.stop"));
    QCOMPARE(audit.value(QStringLiteral("answer")).toString(), life);

    instrument.call(QStringLiteral("beacon.stop")); // stopping what is stopped is no error
    QVERIFY(ip(QStringLiteral("link set seg0 down"))); // and nothing else starts it
    TRY(instrument.count("beacon.interface.down") == 1);
    QVERIFY(ip(QStringLiteral("link set seg0 up")));
    TRY(instrument.count("beacon.interface.up") == 2);
    QVERIFY(instrument.children().isEmpty());

    instrument.call(QStringLiteral("beacon.start"));
    TRY(instrument.healthStatus() == QStringLiteral("OK") && instrument.beaconPid() != 0);
    const qint64 beacon = instrument.beaconPid();
    instrument.call(QStringLiteral("beacon.start")); // twice: still the same one
    QTest::qWait(300);
    QCOMPARE(instrument.beaconPid(), beacon);
    QCOMPARE(instrument.count("beacon.audit"), 4);
    NO_COMPLAINTS(instrument);
}

void TstCommands::restartWorksInEveryState()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.healthStatus() == QStringLiteral("OK"));
    const qint64 first = instrument.beaconPid();
    instrument.call(QStringLiteral("beacon.restart"));
    TRY(instrument.beaconPid() != 0 && instrument.beaconPid() != first);
    QVERIFY(!isAlive(first));

    instrument.call(QStringLiteral("beacon.stop"));
    instrument.call(QStringLiteral("beacon.restart")); // while it is stopping
    TRY(instrument.count("beacon.process.started") >= 3 && instrument.beaconPid() != 0);
    instrument.call(QStringLiteral("beacon.stop"));
    TRY(instrument.children().isEmpty());
    instrument.call(QStringLiteral("beacon.restart")); // of what does not run: the field's trap
    TRY(instrument.beaconPid() != 0);
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

void TstCommands::aFloodOfRefusedCommandsIsCounted()
{
    const SystemClock clock;
    EventSource source{{QStringLiteral("i"), QStringLiteral("s"), QStringLiteral("beacon")}, clock};
    QStringList answers;
    Commands commands{{}, source, [&](const Event& event) { // no actions: a call of one would be no refusal
                          answers.append(event.data.value(QStringLiteral("answer")).toString());
                      }};
    const auto deny = [&commands] {
        commands.serve(
            {admin::Role::Observer, 1'000}, admin::kStopMethod, platform::Responder{[](const platform::Answer&) {}});
    };
    for (int i = 0; i < 1'000; ++i)
        deny();
    QCOMPARE(answers.size(), Commands::kDeniedMost);
    commands.tellDenials();
    QCOMPARE(answers.size(), Commands::kDeniedMost + 1);
    QVERIFY2(answers.last().contains(QStringLiteral("980")), qPrintable(answers.last()));
    commands.tellDenials(); // nothing is told twice, and from here on each has its event again
    deny();
    QCOMPARE(answers.size(), Commands::kDeniedMost + 2);
}

void TstCommands::theSelfTestEscapesAndIsAudited()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kOurs};
    QVERIFY(instrument.start());
    TRY(!instrument.healthStatus().isEmpty());
    const QJsonObject result = instrument.call(QStringLiteral("selftest.run"));
    QVERIFY2(result.value(QStringLiteral("escaped")).toBool(), QJsonDocument{result}.toJson().constData());
    QVERIFY(result.value(QStringLiteral("two_way")).toBool());
    QVERIFY(result.value(QStringLiteral("seconds")).toDouble(99) < 20);
    QCOMPARE(
        dataOf(instrument.last("beacon.audit")).value(QStringLiteral("answer")).toString(), QStringLiteral("escaped"));
    NO_COMPLAINTS(instrument);
}

void TstCommands::aSupportBundleHoldsNoSecret()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.attempts.size() > 20);
    const QJsonObject bundle = instrument.call(QStringLiteral("support.bundle"));
    QCOMPARE(bundle.value(QStringLiteral("version")).toString(), QStringLiteral(BEACON_VERSION));
    QCOMPARE(bundle.value(QStringLiteral("config")).toObject().value(QStringLiteral("interface")).toString(),
        QStringLiteral("seg0"));
    QVERIFY(bundle.value(QStringLiteral("health")).toObject().contains(QStringLiteral("facts")));
    QVERIFY(bundle.value(QStringLiteral("recent")).toArray().size() > 20);
    NO_COMPLAINTS(instrument);
}

void TstCommands::secretsAreBlottedOut_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QByteArray>("clean");
    const QByteArray blot = "\"[redacted]\"";
    QTest::newRow("a key") << QByteArray{R"({"key":"abc"})"} << QByteArray{R"({"key":)" + blot + '}'};
    QTest::newRow("a key's id is none") << QByteArray{R"({"key_id":7})"} << QByteArray{R"({"key_id":7})"};
    QTest::newRow("names of keys are none")
        << QByteArray{R"({"changed_keys":["rate"]})"} << QByteArray{R"({"changed_keys":["rate"]})"};
    QTest::newRow("keys") << QByteArray{R"({"private_keys":["x"]})"} << QByteArray{R"({"private_keys":)" + blot + '}'};
    QTest::newRow("deep down") << QByteArray{R"({"a":[{"Api_Token":"x","b":1}]})"}
                               << QByteArray{R"({"a":[{"Api_Token":)" + blot + R"(,"b":1}]})"};
    QTest::newRow("a whole object") << QByteArray{R"({"credentials":{"user":"u"}})"}
                                    << QByteArray{R"({"credentials":)" + blot + '}'};
    QTest::newRow("a token in a line") << QByteArray{R"({"line":"sent )" + QByteArray(51, 'a') + R"(q to 192.0.2.1"})"}
                                       << QByteArray{R"({"line":"sent [redacted] to 192.0.2.1"})"};
    QTest::newRow("who logs in to a URL") << QByteArray{R"({"url":"https://me:pw@proxy.example/x"})"}
                                          << QByteArray{R"({"url":"https://[redacted]@proxy.example/x"})"};
    QTest::newRow("32 bytes in base64")
        << QByteArray{R"({"line":"q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k= is it"})"}
        << QByteArray{R"({"line":"[redacted] is it"})"};
    QTest::newRow("32 bytes in hexadecimal") << QByteArray{R"({"line":"with )" + QByteArray(64, 'e') + R"( then"})"}
                                             << QByteArray{R"({"line":"with [redacted] then"})"};
    QTest::newRow("named in a foreign line")
        << QByteArray{R"({"line":"probe psk=abc&x=1 Password: hunter2, port=80"})"}
        << QByteArray{R"({"line":"probe psk=[redacted]&x=1 Password: [redacted], port=80"})"};
    QTest::newRow("JSON in a foreign line") << QByteArray{R"({"line":"{\"key\":\"0123\",\"key_id\":\"7\"}"})"}
                                            << QByteArray{R"({"line":"{\"key\":\"[redacted]\",\"key_id\":\"7\"}"})"};
    QTest::newRow("what is none") << QByteArray{R"({"line":"TcpConnection to 192.0.2.10:443","n":[1,null,true]})"}
                                  << QByteArray{R"({"line":"TcpConnection to 192.0.2.10:443","n":[1,null,true]})"};
}

void TstCommands::secretsAreBlottedOut()
{
    QFETCH(QByteArray, json);
    QFETCH(QByteArray, clean);
    QCOMPARE(QJsonDocument{redacted(QJsonDocument::fromJson(json).object()).toObject()}.toJson(QJsonDocument::Compact),
        clean);
}

void TstCommands::aBundleOfManyBlotsStaysBelowAMessage()
{
    const QByteArray line = "{\"line\":\"" + QByteArray{"x://a@ "}.repeated(60) + "\"}"; // each blot is longer
    const QJsonObject bundle = supportBundle({}, {}, QByteArrayList(2'000, line), 0);
    constexpr qsizetype kMessage = 1'024 * 1'024;
    QVERIFY(QJsonDocument{bundle}.toJson(QJsonDocument::Compact).size() < kMessage - 64 * 1'024);
    const auto given = bundle.value(QStringLiteral("recent")).toArray().size();
    QVERIFY(given > 100);
    QCOMPARE(bundle.value(QStringLiteral("left_out")).toInteger(), 2'000 - given);
}

void TstCommands::theFactsTellOfTheSegment()
{
    QVERIFY(makeInterface());
    QVERIFY(
        ip(QStringLiteral("addr add 192.0.2.2/24 dev seg0")) && ip(QStringLiteral("route add default via 192.0.2.1")));
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(instrument.facts().value(QStringLiteral("default_routes")).toArray()
        == QJsonArray{QStringLiteral("192.0.2.1")});
    const QJsonObject facts = instrument.facts();
    const QJsonObject interface = facts.value(QStringLiteral("interface")).toObject();
    QVERIFY(interface.value(QStringLiteral("addresses")).toArray().contains(QStringLiteral("192.0.2.2")));
    QVERIFY(interface.value(QStringLiteral("carrier")).toBool());
    QVERIFY(!interface.value(QStringLiteral("mac")).toString().isEmpty());
    QVERIFY(facts.value(QStringLiteral("resolvers")).isArray());
    QCOMPARE(facts.value(QStringLiteral("liveness")).toString(), QStringLiteral("testing"));
    QCOMPARE(facts.value(QStringLiteral("pid")).toInteger(), instrument.beaconPid());
    const QString containment = facts.value(QStringLiteral("containment")).toString();
    QVERIFY2(containment.startsWith(QStringLiteral("pid_namespace, user ")), qPrintable(containment));
    QVERIFY2(containment.endsWith(QStringLiteral("capabilities net_raw")), qPrintable(containment));
    NO_COMPLAINTS(instrument);
}

void TstCommands::fault55_anInterfaceOfTheWrongKindGetsNoBeacon()
{
    if (!ip(QStringLiteral("tuntap add dev seg0 mode tun")))
        QSKIP("this machine has no tun devices");
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.healthCodes().contains(QStringLiteral("interface_wrong_kind")));
    QCOMPARE(instrument.healthStatus(), QStringLiteral("ERROR"));
    QVERIFY(instrument.children().isEmpty());

    QVERIFY(ip(QStringLiteral("link del seg0")) && makeInterface()); // the right one
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    QVERIFY(ip(QStringLiteral("link del seg0")) && ip(QStringLiteral("tuntap add dev seg0 mode tun")));
    TRY(instrument.healthCodes().contains(QStringLiteral("interface_wrong_kind")));
    TRY(instrument.children().isEmpty());
    NO_COMPLAINTS(instrument);
}

void TstCommands::anInterfaceIsSwitchedOnOnce()
{
    QVERIFY(makeInterface() && ip(QStringLiteral("link set seg0 down")));
    RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK")); // it did it
    QVERIFY(ip(QStringLiteral("link set seg0 down"))); // somebody has a reason
    TRY(instrument.healthCodes().contains(QStringLiteral("interface_down")));
    QTest::qWait(1'000);
    QVERIFY(instrument.healthCodes().contains(QStringLiteral("interface_down")));
    QVERIFY(ip(QStringLiteral("link set seg0 up")));
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

BEACON_NETNS_MAIN(TstCommands)
#include "tst_commands.moc"
