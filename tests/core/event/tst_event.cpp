#include "core/event/event_source.h"

#include "tests/support/event_schema.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace beacon;

namespace {

QJsonObject json(const char* text)
{
    return QJsonDocument::fromJson(text).object();
}

QByteArray complaintAbout(const Event& event)
{
    const QByteArray line = toLine(event);
    return QByteArray::fromStdString(test::schemaComplaint({line.data(), static_cast<std::size_t>(line.size())}));
}

} // namespace

class TestEvent : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theSourceStampsEverything();
    void aChainKeepsItsContext();
    void seqIsSharedWithAttempts();
    void severityStaysWithinItsType();
    void survivesTheWayThroughJson();
    void everyTypeIsValid_data();
    void everyTypeIsValid();
    void theSchemaIsStrict_data();
    void theSchemaIsStrict();
    void badEventsAreRefusedByName_data();
    void badEventsAreRefusedByName();
    void hugeAndDeepTextIsRefused();

private:
    ManualClock m_clock;
    EventSource m_source{
        {QStringLiteral("beacon_0@plant7"), QStringLiteral("plant7"), QStringLiteral("beacon")}, m_clock};
    Event escape()
    {
        return m_source.make(EventId::EscapeSucceeded, QStringLiteral("Leak: TcpConnection to 192.0.2.10:443"),
            json(R"({"run":7,"n":42,"technique":"TcpConnection","family":"ipv4","proto":6,"dst":"192.0.2.10","port":443,
                "via":"02:00:5e:10:00:01","rtt":812})"));
    }
};

void TestEvent::theSourceStampsEverything()
{
    const quint64 before = m_source.lastSeq();
    const Event event = escape();
    QVERIFY(isUuid7(event.uuid));
    QCOMPARE(event.contextUuid, event.uuid);
    QCOMPARE(event.timestamp, m_clock.wall());
    QCOMPARE(event.type, QStringLiteral("instruments.beacon.escape.succeeded"));
    QCOMPARE(event.severity, Severity::Critical);
    QCOMPARE(event.sourceInstrument, QStringLiteral("beacon_0@plant7"));
    QCOMPARE(event.sourceSensor, QStringLiteral("plant7"));
    QCOMPARE(event.instrumentType, QStringLiteral("beacon"));
    QVERIFY(!event.sensorEventId);
    QCOMPARE(event.seq, before + 1);
    const Event health = m_source.make(EventId::Health, QStringLiteral("x"), {});
    QCOMPARE(health.type, QStringLiteral("instruments.beacon.health"));
}

void TestEvent::aChainKeepsItsContext()
{
    const Event first = escape();
    const Event second = m_source.follow(first, EventId::Audit, QStringLiteral("x"), {});
    const Event third = m_source.follow(second, EventId::Audit, QStringLiteral("x"), {});
    QCOMPARE(second.contextUuid, first.uuid);
    QCOMPARE(third.contextUuid, first.uuid);
    QVERIFY(third.uuid != second.uuid);
}

void TestEvent::seqIsSharedWithAttempts()
{
    const quint64 attempt = m_source.takeSeq();
    QCOMPARE(escape().seq, attempt + 1);
    QCOMPARE(m_source.takeSeq(), attempt + 2);
}

void TestEvent::severityStaysWithinItsType()
{
    const auto withSeverity = [&](EventId id, Severity severity) {
        return m_source.make(id, QStringLiteral("x"), {}, {.severity = severity, .context = {}, .metadata = {}})
            .severity;
    };
    QCOMPARE(withSeverity(EventId::Health, Severity::High), Severity::High);
    QCOMPARE(withSeverity(EventId::Health, Severity::Critical), Severity::High);
    QCOMPARE(withSeverity(EventId::Audit, Severity::Critical), Severity::Informational);
}

void TestEvent::survivesTheWayThroughJson()
{
    m_clock.advance(std::chrono::microseconds{123'456});
    Event event = escape();
    event.sensorEventId = 871;
    event.metadata = json(R"({"key":"ü \u0000"})");
    const auto back = eventFromLine(toLine(event));
    QVERIFY2(back, back ? "" : describe(back.error()).c_str());
    QCOMPARE(toJson(*back), toJson(event));
    QCOMPARE(back->timestamp, event.timestamp);
    QCOMPARE(back->sensorEventId, event.sensorEventId);
}

void TestEvent::everyTypeIsValid_data()
{
    QTest::addColumn<int>("id");
    QTest::addColumn<QByteArray>("data");
    const auto row = [](EventId id, const char* data) {
        QTest::newRow(eventType(id).name.data()) << int(id) << QByteArray(data);
    };
    const char* finding = R"({"finding":"f1","key_id":"00c0ffee","technique":"TcpConnection","carrier":["TcpData"],
        "family":"ipv4","path":"0a1b","ports":[443],"targets":["192.0.2.10"],"egress":["203.0.113.5"],
        "first_seen":1764000000.5,"last_seen":1764000001,"count":2,"labels":["unknown-egress"],"two_way":true})";
    const QByteArray sha(128, 'a');
    const QByteArray update =
        R"({"from":"0.1.0","to":"0.2.0","key_id":"RW01","reason":"silent","sha512":")" + sha + "\"}";
    const char* interface =
        R"({"name":"eth0","ifindex":2,"mac":"02:00:00:00:00:01","carrier":true,"addresses":["192.0.2.1"]})";
    row(EventId::BeaconOutput, R"({"line":"hi","stream":"stdout","truncated":false})");
    row(EventId::EscapeAttempts,
        R"({"counts":[{"technique":"IcmpEcho","family":"ipv6","outcome":"sent","count":60}],"seconds":60})");
    row(EventId::EscapeSucceeded,
        R"({"run":7,"n":1,"technique":"IcmpEcho","family":"ipv4","proto":1,"dst":"192.0.2.10","rtt":90})");
    for (const EventId id :
        {EventId::FindingNew, EventId::FindingOngoing, EventId::FindingResolved, EventId::FindingReturned})
        row(id, finding);
    row(EventId::HomeNoise, R"({"counts":{"noise":3},"top_sources":[{"source":"203.0.113.9","count":3}]})");
    row(EventId::Health,
        R"({"from":"PENDING","to":"ERROR","reasons":[{"source":"beacon_0@plant7","code":"interface_absent","severity":4,"text":"eth0 is not there","since":1764000000}]})");
    row(EventId::ConfigApplied, R"({"version":"2","previous":"1","changed_keys":["rate"]})");
    row(EventId::ConfigRejected,
        R"({"target":"beacon_0","who":"root","why":"","version":3,"errors":[{"pointer":"/rate","text":"x"}]})");
    for (const EventId id : {EventId::UpdateApplied, EventId::UpdateRejected, EventId::UpdateRolledBack})
        row(id, update.constData());
    row(EventId::InterfaceUp, interface);
    row(EventId::InterfaceDown, interface);
    row(EventId::ProcessStarted, R"({"pid":4711,"version":"0.1.0"})");
    row(EventId::ProcessExited, R"({"code":null,"signal":9,"uptime":3.5,"last_lines":["x"]})");
    row(EventId::Audit, R"({"who":1000,"what":"beacon.restart","answer":"done"})");
    row(EventId::DownloadComplete,
        (R"({"resource":"a","url":"https://192.0.2.1/a","size":1,"sha512":")" + sha + "\"}").constData());
    row(EventId::InstrumentStarted, R"({"address":"beacon_0@plant7","backend":"direct","pid":3})");
    row(EventId::InstrumentStopped,
        R"({"address":"beacon_0@plant7","backend":"direct","code":0,"signal":null,"reason":"asked"})");
}

void TestEvent::everyTypeIsValid()
{
    QFETCH(int, id);
    QFETCH(QByteArray, data);
    const QJsonDocument document = QJsonDocument::fromJson(data);
    QVERIFY(document.isObject());
    Event event = m_source.make(EventId(id), QStringLiteral("Something happened"), document.object());
    QCOMPARE(complaintAbout(event), QByteArray());
    QJsonArray nested; // appended to: GCC and clang read QJsonArray{QJsonArray()} differently
    nested.append(QJsonArray());
    for (const QString& key : document.object().keys()) {
        Event odd = event;
        odd.data[key] = nested;
        QVERIFY2(!complaintAbout(odd).isEmpty(), qPrintable(key));
    }
    event.data.insert(QStringLiteral("surprise"), 1);
    QVERIFY(!complaintAbout(event).isEmpty());
    event.data = {};
    QVERIFY(!complaintAbout(event).isEmpty());
}

void TestEvent::theSchemaIsStrict_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    QTest::newRow("another schema") << "schema" << QJsonValue(QStringLiteral("event/2"));
    QTest::newRow("a random UUID") << "uuid" << QJsonValue(QStringLiteral("5d1d2f0e-7c55-4b4f-8d1a-000000000000"));
    QTest::newRow("a type of nobody") << "type" << QJsonValue(QStringLiteral("instruments.beacon.fun"));
    QTest::newRow("a type that is no name") << "type" << QJsonValue(QStringLiteral("Beacon Fun"));
    QTest::newRow("a severity beyond OCSF") << "severity" << QJsonValue(6);
    QTest::newRow("seq zero") << "seq" << QJsonValue(0);
    QTest::newRow("a key too many") << "extra" << QJsonValue(0);
    QTest::newRow("no message") << "message" << QJsonValue(QString());
    QTest::newRow("data that is no object") << "data" << QJsonValue(QJsonArray());
}

void TestEvent::theSchemaIsStrict()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    QJsonObject object = toJson(escape());
    object.insert(key, value);
    const QByteArray line = QJsonDocument(object).toJson(QJsonDocument::Compact);
    QVERIFY(!test::schemaComplaint({line.data(), static_cast<std::size_t>(line.size())}).empty());
}

void TestEvent::badEventsAreRefusedByName_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value"); // undefined: taken away
    for (const char* key : {"schema", "uuid", "context_uuid", "timestamp", "type", "message", "severity",
             "source_instrument", "source_sensor", "instrument_type", "sensor_event_id", "seq", "metadata", "data"}) {
        QTest::addRow("%s missing", key) << key << QJsonValue(QJsonValue::Undefined);
        QTest::addRow("%s of a wrong kind", key) << key << QJsonValue(true);
    }
    QTest::newRow("an empty type") << "type" << QJsonValue(QString());
    QTest::newRow("a message that is too long") << "message" << QJsonValue(QString(2'000, QLatin1Char('x')));
    QTest::newRow("a time before time") << "timestamp" << QJsonValue(-1);
    QTest::newRow("a time beyond time") << "timestamp" << QJsonValue(1e300);
    QTest::newRow("severity 0") << "severity" << QJsonValue(0);
    QTest::newRow("severity 2.5") << "severity" << QJsonValue(2.5);
    QTest::newRow("a negative seq") << "seq" << QJsonValue(-3);
}

void TestEvent::badEventsAreRefusedByName()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    QJsonObject object = toJson(escape());
    object.insert(key, value);
    if (value.isUndefined())
        object.remove(key);
    const auto event = eventFromJson(object);
    QVERIFY(!event);
    QCOMPARE(event.error().code, Errc::BadInput);
    QVERIFY2(describe(event.error()).starts_with("event: " + key.toStdString() + ' '), describe(event.error()).c_str());
}

void TestEvent::hugeAndDeepTextIsRefused()
{
    QByteArray huge = toLine(escape());
    huge += QByteArray(kMaxEventBytes, ' ');
    const auto tooLarge = eventFromLine(huge);
    QVERIFY(!tooLarge);
    QCOMPARE(tooLarge.error().code, Errc::TooLarge);
    Event event = escape();
    QByteArray deep = toLine(event);
    deep.replace("\"metadata\":{}", "\"metadata\":{\"a\":" + QByteArray(1'000, '[') + QByteArray(1'000, ']') + "}");
    const auto tooDeep = eventFromLine(deep);
    QVERIFY(!tooDeep);
    QVERIFY2(describe(tooDeep.error()).find("nested") != std::string::npos, describe(tooDeep.error()).c_str());
    QVERIFY(!eventFromLine("[]"));
    QVERIFY(!eventFromLine("nonsense"));
    QVERIFY(!eventFromLine(""));
}

QTEST_GUILESS_MAIN(TestEvent)
#include "tst_event.moc"
