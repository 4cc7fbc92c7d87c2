// service/sensor/hub.h: events into the store and out of it.

#include "core/event/event_source.h"
#include "tests/service/sensor/hub_lab.h"
#include "tests/support/event_schema.h"

#include <QDir>
#include <QJsonDocument>
#include <QTest>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kBeacon = QStringLiteral("beacon_0");
const QString kListener = QStringLiteral("listener_0");
const QString kPublish = QStringLiteral("event.publish");
const QString kSubscribe = QStringLiteral("event.subscribe");
const QString kUnsubscribe = QStringLiteral("event.unsubscribe");
constexpr int kInvalidParams = -32602, kBusy = -32000, kTooLarge = -32003;

QList<qint64> idsIn(const QJsonObject& answer)
{
    QList<qint64> ids;
    const QJsonArray list = answer[QStringLiteral("result")][QStringLiteral("ids")].toArray();
    for (const auto& id : list)
        ids << (id.isDouble() ? id.toInteger() : -1);
    return ids;
}

QJsonObject matching(const QString& match, int history = 0)
{
    return {{QStringLiteral("match"), match}, {QStringLiteral("history"), history}};
}

QStringList wordsOf(const RawGuest& guest)
{
    QStringList words;
    for (const QJsonObject& event : guest.delivered)
        words << event.value(QStringLiteral("message")).toString();
    return words;
}

/// "1", "2" … "n".
QStringList numbers(int from, int to)
{
    QStringList list;
    for (int i = from; i <= to; ++i)
        list << QString::number(i);
    return list;
}

/// Publishes one for each of `messages`.
bool publish(HubLab& lab, RawGuest& guest, const QString& name, const QStringList& messages,
    const QString& word = QStringLiteral("a"))
{
    QJsonArray events;
    for (const QString& message : messages) {
        QJsonObject event = lab.eventOf(name, word);
        event.insert(QStringLiteral("message"), message);
        events.append(event);
    }
    return guest.call(kPublish, {{QStringLiteral("events"), events}}).contains(QStringLiteral("result"));
}

} // namespace

class TestHubEvents : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whatIsPublishedIsStoredAndAcknowledged();
    void aRepeatIsAcknowledgedAndStoredOnce();
    void eventsOfOthersAreRefused_data();
    void eventsOfOthersAreRefused();
    void whatIsTooMuchIsRefused();
    void tooManyTypesAreRefused();
    void whatCannotBeStoredIsNotAcknowledged();
    void subscribersGetWhatMatches();
    void eachEventComesOnce();
    void historyComesFirst();
    void whoUnsubscribesHearsNoMore();
    void whoComesBackGoesOnByHistory();
    void manySubscriptionsAreRefused();
    void whoRefusesEventsIsNotAskedForEver();
    void theSensorPublishesToo();
    void theSensorsEventsWaitForTheStore();
    void whatIsDeliveredIsValid();
};

void TestHubEvents::whatIsPublishedIsStoredAndAcknowledged()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    QCOMPARE(idsIn(guest->call(kPublish, lab.eventsOf(kBeacon, 3))), (QList<qint64>{1, 2, 3}));
    QCOMPARE(lab.store.lastId(), 3); // before the answer
    const auto stored = lab.store.read(0, QStringLiteral("*"), 1, 10);
    QVERIFY(stored);
    for (const StoredEvent& event : *stored) {
        const auto whole = eventFromLine(event.json);
        QVERIFY(whole);
        QCOMPARE(whole->sensorEventId.value_or(0), event.id);
        QCOMPARE(whole->uuid.toRfc4122(), event.uuid);
        QVERIFY(whole->data.contains(QStringLiteral("sensor_event_id"))); // its own affair
        QCOMPARE(event.severity, 3);
    }
    QCOMPARE(idsIn(guest->call(kPublish, {{QStringLiteral("events"), QJsonArray{}}})), QList<qint64>{});
}

void TestHubEvents::aRepeatIsAcknowledgedAndStoredOnce()
{
    HubLab lab;
    auto guest = lab.arrive(kBeacon);
    const QJsonObject events = lab.eventsOf(kBeacon, 2);
    QCOMPARE(idsIn(guest->call(kPublish, events)), (QList<qint64>{1, 2}));
    QCOMPARE(idsIn(guest->call(kPublish, events)), (QList<qint64>{1, 2}));
    guest = lab.arrive(kBeacon);
    const qint64 first = guest->ask(kPublish, events), second = guest->ask(kPublish, events); // both at once
    QCOMPARE(idsIn(guest->waitForAnswer(first)), (QList<qint64>{1, 2}));
    QCOMPARE(idsIn(guest->waitForAnswer(second)), (QList<qint64>{1, 2}));
    QCOMPARE(lab.store.read(0, QStringLiteral("*"), 1, 10)->size(), std::size_t{2});
}

void TestHubEvents::eventsOfOthersAreRefused_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    const auto row = [](const char* name, const char* key, const QJsonValue& value) {
        QTest::newRow(name) << QString::fromLatin1(key) << value;
    };
    row("the source of another", "source_instrument", QStringLiteral("listener_0@plant7"));
    row("another of the same type", "source_instrument", QStringLiteral("beacon_1@plant7"));
    row("no source", "source_instrument", QString{});
    row("another Sensor", "source_sensor", QStringLiteral("plant8"));
    row("another type of Instrument", "instrument_type", QStringLiteral("listener"));
    row("an event type of the Sensor", "type", QStringLiteral("instruments.sensor.instrument.stopped"));
    row("an event type of another", "type", QStringLiteral("instruments.listener.hosts.active"));
    row("an event type that only begins like ours", "type", QStringLiteral("instruments.beaconx.a"));
    row("no event type", "type", QString{});
    row("a pattern in place of a type", "type", QStringLiteral("instruments.beacon.*"));
    row("an empty word in the type", "type", QStringLiteral("instruments.beacon..a"));
    row("a strange character in the type", "type", QStringLiteral("instruments.beacon.a b"));
    row("a severity that is none", "severity", 9);
    row("no uuid", "uuid", QStringLiteral("x"));
    row("no message", "message", QString{});
    row("a message that is long", "message", QString(2'000, QLatin1Char('x')));
    row("no seq", "seq", 0);
    row("data that is no object", "data", 3);
    row("another schema", "schema", QStringLiteral("event/2"));
}

void TestHubEvents::eventsOfOthersAreRefused()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    QVERIFY(guest);
    QJsonObject forged = lab.eventOf(kBeacon);
    forged.insert(key, value);
    const QJsonArray events{lab.eventOf(kBeacon), forged};
    const QJsonObject answer = guest->call(kPublish, {{QStringLiteral("events"), events}});
    QCOMPARE(errorCode(answer), kInvalidParams);
    QVERIFY2(errorText(answer).contains(QStringLiteral("events/1")), qPrintable(errorText(answer)));
    QCOMPARE(idsIn(guest->call(kPublish, lab.eventsOf(kBeacon, 1))), QList<qint64>{1}); // none of the two was stored
}

void TestHubEvents::whatIsTooMuchIsRefused()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    const auto sized = [&](qsizetype bytes) {
        QJsonObject event = lab.eventOf(kBeacon);
        event.insert(QStringLiteral("data"), QJsonObject{{QStringLiteral("text"), QString(bytes, QLatin1Char('x'))}});
        return event;
    };
    const auto publishAll = [&](const QJsonArray& events) {
        return guest->call(kPublish, {{QStringLiteral("events"), events}});
    };
    QCOMPARE(idsIn(publishAll({sized(250'000)})).size(), 1);
    QCOMPARE(errorCode(publishAll({sized(270'000)})), kTooLarge);
    QCOMPARE(errorCode(publishAll({sized(150'000), sized(150'000)})), kTooLarge);
    QCOMPARE(idsIn(publishAll({sized(120'000), sized(120'000)})).size(), 2);
    QJsonArray many;
    for (int i = 0; i < 1'100; ++i)
        many.append(QJsonObject{});
    QCOMPARE(errorCode(publishAll(many)), kTooLarge);
    // What is not stored yet is bounded: the rest is told to come later.
    QJsonArray large{sized(240'000)};
    std::vector<qint64> tickets;
    for (int i = 0; i < 20; ++i)
        tickets.push_back(guest->ask(kPublish, {{QStringLiteral("events"), large}}));
    for (const qint64 ticket : tickets) {
        const QJsonObject answer = guest->waitForAnswer(ticket);
        QVERIFY(answer.contains(QStringLiteral("result")) || errorCode(answer) == kBusy);
    }
    QCOMPARE(idsIn(publishAll(large)).size(), 1);
}

void TestHubEvents::tooManyTypesAreRefused()
{
    HubLab lab;
    const auto guest = lab.arrive(kBeacon);
    int refused = 0;
    for (int round = 0; round < 10; ++round) {
        QJsonArray events;
        for (int i = 0; i < 32; ++i)
            events.append(lab.eventOf(kBeacon, QStringLiteral("n%1").arg(round * 32 + i)));
        refused += errorCode(guest->call(kPublish, {{QStringLiteral("events"), events}})) == kInvalidParams;
    }
    QCOMPARE(refused, 2); // 256 are the most
    QVERIFY(publish(lab, *guest, kBeacon, {QStringLiteral("x")}, QStringLiteral("n7")));
}

void TestHubEvents::whatCannotBeStoredIsNotAcknowledged()
{
    const QTemporaryDir dir;
    const SystemClock clock;
    EventStore::Options options;
    options.patience = std::chrono::milliseconds{100};
    EventStore store{dir.filePath(QStringLiteral("no/events.db")), clock, options};
    store.start();
    Hub hub{store, clock, QStringLiteral("plant7")};
    HubLab lab; // for its words
    QVERIFY(
        hub.admit({lab.addressOf(kBeacon), QStringLiteral("beacon"), dir.filePath(QStringLiteral("b/sensor/p.sock"))}));
    RawGuest guest{dir.filePath(QStringLiteral("b/sensor/p.sock"))};
    QVERIFY(guest.call(QStringLiteral("instrument.hello"), lab.helloOf(QStringLiteral("beacon")))
                .contains(QStringLiteral("result")));
    const QJsonObject events = lab.eventsOf(kBeacon, 1);
    const QJsonObject answer = guest.call(kPublish, events);
    QVERIFY(errorCode(answer) != 0 && errorCode(answer) != kInvalidParams && errorCode(answer) != kTooLarge);
    QVERIFY(!errorText(answer).isEmpty());
    QVERIFY(QDir{dir.path()}.mkdir(QStringLiteral("no")));
    QCOMPARE(idsIn(guest.call(kPublish, events)), QList<qint64>{1});
}

void TestHubEvents::subscribersGetWhatMatches()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(1, 3))); // before anybody listens
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.a")))
                .contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("4")}));
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("5")}, QStringLiteral("a.b")));
    QVERIFY(publish(lab, *listener, kListener, {QStringLiteral("6")}));
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("7")}));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), (QStringList{QStringLiteral("4"), QStringLiteral("7")}), kPatienceMs);
    QVERIFY(beacon->delivered.empty());
    QCOMPARE(errorCode(listener->call(kSubscribe, matching(QStringLiteral("*.beacon")))), kInvalidParams);
    QCOMPARE(errorCode(listener->call(kSubscribe, {})), kInvalidParams);
    QCOMPARE(errorCode(listener->call(kSubscribe, matching(QStringLiteral("*"), 20'000))), kInvalidParams);
}

void TestHubEvents::eachEventComesOnce()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    for (const char* match : {"*", "instruments.*", "instruments.beacon.a", "instruments.beacon.*"})
        QVERIFY(listener->call(kSubscribe, matching(QString::fromLatin1(match))).contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(1, 100)));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(1, 100), kPatienceMs);
    // A later one brings only what the others have not brought.
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(101, 102)));
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.a*"), 50))
                .contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(103, 104)));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(1, 104), kPatienceMs);
    QTest::qWait(50);
    QCOMPARE(wordsOf(*listener), numbers(1, 104));
}

void TestHubEvents::historyComesFirst()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    for (int i = 0; i < 10; ++i)
        QVERIFY(publish(lab, *beacon, kBeacon, numbers(i * 100 + 1, i * 100 + 100)));
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.*"), 700))
                .contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(1'001, 1'010)));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(301, 1'010), kPatienceMs);
    // The same again with more of the past brings only that.
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.*"), 810))
                .contains(QStringLiteral("result")));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener).mid(710), numbers(201, 300), kPatienceMs);
    QTest::qWait(50);
    QCOMPARE(listener->delivered.size(), std::size_t{810});
}

void TestHubEvents::whoUnsubscribesHearsNoMore()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.a")))
                .contains(QStringLiteral("result")));
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.beacon.b")))
                .contains(QStringLiteral("result")));
    bool gone = false;
    listener->onRequest = [&](const QString&, const QJsonObject&) { // while it is being told
        if (!std::exchange(gone, true))
            (void)listener->ask(kUnsubscribe, matching(QStringLiteral("instruments.beacon.a")));
    };
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("1")}));
    QTRY_VERIFY_WITH_TIMEOUT(gone, kPatienceMs);
    QVERIFY(listener->call(kUnsubscribe, matching(QStringLiteral("instruments.beacon.x")))
                .contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("2")}));
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("3")}, QStringLiteral("b")));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), (QStringList{QStringLiteral("1"), QStringLiteral("3")}), kPatienceMs);
}

void TestHubEvents::whoComesBackGoesOnByHistory()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon);
    auto listener = lab.arrive(kListener);
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("*"))).contains(QStringLiteral("result")));
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(1, 10)));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(1, 10), kPatienceMs);
    listener.reset();
    QVERIFY(publish(lab, *beacon, kBeacon, numbers(11, 20)));
    listener = lab.arrive(kListener);
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("21")}));
    QTest::qWait(50);
    QVERIFY(listener->delivered.empty()); // subscriptions are those of a connection
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("*"), 11)).contains(QStringLiteral("result")));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(11, 21), kPatienceMs);
}

void TestHubEvents::manySubscriptionsAreRefused()
{
    HubLab lab;
    const auto other = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    int taken = 0;
    std::vector<qint64> tickets;
    for (int i = 0; i < 10'000; ++i)
        tickets.push_back(listener->ask(kSubscribe, matching(QStringLiteral("instruments.n%1.*").arg(i), i % 2)));
    for (const qint64 ticket : tickets)
        taken += listener->waitForAnswer(ticket).contains(QStringLiteral("result"));
    QCOMPARE(taken, 64);
    QVERIFY(
        listener->call(kUnsubscribe, matching(QStringLiteral("instruments.n3.*"))).contains(QStringLiteral("result")));
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("*"))).contains(QStringLiteral("result")));
    // Looking far back, again and again, is bounded, too.
    int busy = 0;
    for (int i = 0; i < 300; ++i)
        busy += errorCode(listener->call(kSubscribe, matching(QStringLiteral("*"), 10'000))) == kBusy;
    QVERIFY(busy > 100);
    QVERIFY(publish(lab, *other, kBeacon, {QStringLiteral("1")}));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), QStringList{QStringLiteral("1")}, kPatienceMs);
}

void TestHubEvents::whoRefusesEventsIsNotAskedForEver()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon), listener = lab.arrive(kListener);
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("*"))).contains(QStringLiteral("result")));
    listener->answers[QStringLiteral("event.deliver")] = {{QStringLiteral("error"),
        QJsonObject{{QStringLiteral("code"), kInvalidParams}, {QStringLiteral("message"), QStringLiteral("No")}}}};
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("1")}));
    QTRY_COMPARE_WITH_TIMEOUT(listener->delivered.size(), std::size_t{1}, kPatienceMs);
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("2")}));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(1, 2), kPatienceMs);
    // One that cannot now gets the same again.
    listener->answers[QStringLiteral("event.deliver")] = {{QStringLiteral("error"),
        QJsonObject{{QStringLiteral("code"), kBusy}, {QStringLiteral("message"), QStringLiteral("Later")}}}};
    QVERIFY(publish(lab, *beacon, kBeacon, {QStringLiteral("3")}));
    QTRY_COMPARE_WITH_TIMEOUT(listener->delivered.size(), std::size_t{3}, kPatienceMs);
    listener->answers.clear();
    QTRY_COMPARE_WITH_TIMEOUT(
        wordsOf(*listener).mid(2), (QStringList{QStringLiteral("3"), QStringLiteral("3")}), kPatienceMs);
}

void TestHubEvents::theSensorPublishesToo()
{
    HubLab lab;
    const auto listener = lab.arrive(kListener);
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("instruments.sensor.*")))
                .contains(QStringLiteral("result")));
    EventSource source{{QStringLiteral("sensor"), QStringLiteral("plant7"), QStringLiteral("sensor")}, lab.clock};
    for (int i = 0; i < 200; ++i)
        lab.hub.publish(source.make(EventId::InstrumentStarted, QString::number(i + 1),
            {{QStringLiteral("address"), QStringLiteral("beacon_0@plant7")},
                {QStringLiteral("backend"), QStringLiteral("process")}, {QStringLiteral("pid"), 7}}));
    QTRY_COMPARE_WITH_TIMEOUT(wordsOf(*listener), numbers(1, 200), kPatienceMs);
}

void TestHubEvents::theSensorsEventsWaitForTheStore()
{
    const QTemporaryDir dir;
    const SystemClock clock;
    EventStore::Options options;
    options.patience = std::chrono::milliseconds{50};
    options.retry = std::chrono::milliseconds{20};
    EventStore store{dir.filePath(QStringLiteral("no/events.db")), clock, options};
    store.start();
    Hub hub{store, clock, QStringLiteral("plant7")};
    EventSource source{{QStringLiteral("sensor"), QStringLiteral("plant7"), QStringLiteral("sensor")}, clock};
    for (int i = 0; i < 1'500; ++i)
        hub.publish(source.make(EventId::InstrumentStarted, QString::number(i + 1), {}));
    QTest::qWait(200);
    QVERIFY(QDir{dir.path()}.mkdir(QStringLiteral("no")));
    QTRY_COMPARE_WITH_TIMEOUT(store.lastId(), 1'000, kPatienceMs);
    const auto stored = store.read(0, QStringLiteral("*"), 1, 2'000);
    QCOMPARE(eventFromLine(stored->back().json)->message, QStringLiteral("1500"));
    QTest::qWait(50);
    QCOMPARE(store.lastId(), 1'000); // bounded, and each once
}

void TestHubEvents::whatIsDeliveredIsValid()
{
    HubLab lab;
    const auto listener = lab.arrive(kListener);
    QVERIFY(listener->call(kSubscribe, matching(QStringLiteral("*"))).contains(QStringLiteral("result")));
    QJsonObject event = lab.eventOf(kListener, QStringLiteral("health"));
    event.insert(QStringLiteral("message"), QStringLiteral("\"Größe\" \\ \u0001 \U0001F600 ,\"sensor_event_id\":null"));
    event.insert(QStringLiteral("data"),
        QJsonObject{{QStringLiteral("from"), QStringLiteral("OK")}, {QStringLiteral("to"), QStringLiteral("ERROR")},
            {QStringLiteral("reasons"), QJsonArray{}}});
    event.insert(QStringLiteral("unknown"), QStringLiteral("is left out"));
    QVERIFY(
        listener->call(kPublish, {{QStringLiteral("events"), QJsonArray{event}}}).contains(QStringLiteral("result")));
    QTRY_COMPARE_WITH_TIMEOUT(listener->delivered.size(), std::size_t{1}, kPatienceMs);
    const QJsonObject& got = listener->delivered.front();
    const QByteArray text = QJsonDocument{got}.toJson();
    QCOMPARE(QString::fromStdString(schemaComplaint({text.data(), static_cast<std::size_t>(text.size())})), QString{});
    QCOMPARE(got.value(QStringLiteral("sensor_event_id")).toInteger(), 1);
    QCOMPARE(got.value(QStringLiteral("message")), event.value(QStringLiteral("message")));
    QCOMPARE(got.value(QStringLiteral("timestamp")), event.value(QStringLiteral("timestamp")));
    QCOMPARE(got.value(QStringLiteral("data")), event.value(QStringLiteral("data")));
}

QTEST_GUILESS_MAIN(TestHubEvents)
#include "tst_hub_events.moc"
