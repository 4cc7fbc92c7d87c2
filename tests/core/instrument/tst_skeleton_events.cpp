// The field notes' paragraph on events, as far as an Instrument can break it.

#include "tests/core/instrument/skeleton_rig.h"

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kLeak = QStringLiteral("instruments.beacon.escape.succeeded"); // NOLINT(cert-err58-cpp)

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

QJsonObject deliver(const QJsonArray& events)
{
    return {{text("events"), events}};
}

} // namespace

class TstSkeletonEvents : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void bulkDoesNotDelayWhatIsUrgent();
    void aNullContextCrashesNobody_data();
    void aNullContextCrashesNobody();
    void aBundleLosesNoMember();
    void whatComesTwiceReachesUsOnce();
    void dottedKeysAndBinaryTextSurvive();
    void unsubscribingInAHandlerIsFine();
    void resumingLeavesNoGapAndSubscribesAgain();
    void theQueueBeforeTheFirstWelcomeIsBounded();
    void eventsMadeBeforeTheWelcomeCarryTheAddress();
    void whatTheManifestDoesNotNameIsDroppedAndCounted();

private:
    SystemClock m_clock;
    EventSource m_other{{text("beacon_1@plant7"), text("plant7"), text("beacon")}, m_clock};
    QJsonObject leak(const QString& message = QStringLiteral("Leak"))
    {
        return toJson(m_other.make(EventId::EscapeSucceeded, message, {}));
    }
};

void TstSkeletonEvents::bulkDoesNotDelayWhatIsUrgent()
{
    Rig rig;
    QVERIFY(rig.up());
    rig.platform->holdBulk = true;
    for (int i = 0; i < 1'000; ++i)
        rig.output(QString::number(i));
    rig.leak(1);
    QTRY_COMPARE(rig.platform->count(kLeak), 1);
    QVERIFY(rig.platform->count(text("instruments.beacon.output")) < 1'000);
    QVERIFY2(rig.platform->bad.isEmpty(), qPrintable(rig.platform->bad.join(QLatin1Char('\n'))));
}

void TstSkeletonEvents::aNullContextCrashesNobody_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    QTest::newRow("a null context") << text("context_uuid") << QJsonValue{QJsonValue::Null};
    QTest::newRow("no uuid") << text("uuid") << QJsonValue{QJsonValue::Undefined};
    QTest::newRow("a type that is a list") << text("type") << QJsonValue{QJsonArray{1}};
    QTest::newRow("data that is text") << text("data") << QJsonValue{text("x")};
    QTest::newRow("a severity of 9") << text("severity") << QJsonValue{9};
}

void TstSkeletonEvents::aNullContextCrashesNobody()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    int got = 0;
    Handlers handlers;
    handlers.onEvent = [&got](const Event&) { ++got; };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QJsonObject bad = leak();
    bad.insert(key, value);
    if (value.isUndefined())
        bad.remove(key);
    QCOMPARE(codeOf(rig.platform->ask(method::kEventDeliver, deliver({bad}))), number(rpc::Code::InvalidParams));
    QCOMPARE(codeOf(rig.platform->ask(method::kEventDeliver, {})), number(rpc::Code::InvalidParams));
    QCOMPARE(got, 0);
    QCOMPARE(codeOf(rig.platform->ask(method::kEventDeliver, deliver({leak()}))), 0); // and goes on
    QCOMPARE(got, 1);
}

void TstSkeletonEvents::aBundleLosesNoMember()
{
    QStringList got;
    Handlers handlers;
    handlers.onEvent = [&got](const Event& event) { got.append(event.message); };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QJsonArray events;
    QStringList sent;
    for (int i = 0; i < 64; ++i) {
        sent.append(QString::number(i));
        events.append(leak(sent.back()));
    }
    const QJsonArray ids =
        resultOf(rig.platform->ask(method::kEventDeliver, deliver(events))).value(text("ids")).toArray();
    QCOMPARE(got, sent);
    QCOMPARE(ids.size(), 64);
    for (qsizetype i = 0; i < 64; ++i)
        QCOMPARE(ids.at(i).toString(), events.at(i)[text("uuid")].toString());
}

void TstSkeletonEvents::whatComesTwiceReachesUsOnce()
{
    int got = 0;
    Handlers handlers;
    handlers.onEvent = [&got](const Event&) { ++got; };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    const QJsonObject event = leak();
    for (int i = 0; i < 3; ++i) {
        const Answer answer = rig.platform->ask(method::kEventDeliver, deliver({event, event}));
        QCOMPARE(resultOf(answer).value(text("ids")).toArray().size(), 2); // acknowledged each time
    }
    QCOMPARE(got, 1);
}

void TstSkeletonEvents::dottedKeysAndBinaryTextSurvive()
{
    Rig rig;
    QVERIFY(rig.up());
    const QString binary = QString::fromUtf8("a\0b\x1b[31m\xff", 9) + QChar{0xfffd};
    const Event event = rig.skeleton->events().make(EventId::BeaconOutput, text("Output"),
        {{text("line"), binary}, {text("stream"), text("stdout")}, {text("truncated"), false}});
    Event dotted = rig.skeleton->events().make(EventId::InterfaceUp, text("Up"), {});
    dotted.metadata = {{text("a.b"), 1}, {text("a"), QJsonObject{{text("b"), 2}}}};
    rig.skeleton->publish(event);
    rig.skeleton->publish(dotted);
    QTRY_COMPARE(rig.platform->count(text("instruments.beacon.output")), 1);
    QCOMPARE(rig.platform->last(text("instruments.beacon.output")).value(text("line")).toString(), binary);
    QTRY_COMPARE(rig.platform->count(text("instruments.beacon.interface.up")), 1);
    for (const Event& arrived : rig.platform->events)
        if (arrived.uuid == dotted.uuid)
            QCOMPARE(arrived.metadata, dotted.metadata);
}

void TstSkeletonEvents::unsubscribingInAHandlerIsFine()
{
    Skeleton* skeleton = nullptr;
    int got = 0;
    Handlers handlers;
    handlers.onEvent = [&](const Event&) {
        ++got;
        skeleton->unsubscribe(kLeak);
    };
    Rig rig{std::move(handlers)};
    skeleton = rig.skeleton.get();
    skeleton->subscribe(kLeak);
    QVERIFY(rig.up());
    (void)rig.platform->ask(method::kEventDeliver, deliver({leak(), leak(), leak()}));
    QCOMPARE(got, 3); // what was on its way still comes
    QTRY_COMPARE(rig.platform->unsubscribed, QStringList{kLeak});
    rig.platform->subscribed.clear();
    rig.near->cut();
    QTRY_VERIFY(!rig.near->isUp());
    rig.near->restore();
    QTRY_COMPARE(rig.platform->hellos, 2);
    (void)rig.platform->ask(method::kHealthGet);
    QVERIFY(rig.platform->subscribed.empty());
}

void TstSkeletonEvents::resumingLeavesNoGapAndSubscribesAgain()
{
    Rig rig;
    rig.skeleton->subscribe(kLeak, 25);
    QVERIFY(rig.up());
    QTRY_COMPARE(rig.platform->subscribed.size(), std::size_t{1});
    rig.leak(0);
    QTRY_COMPARE(rig.platform->count(kLeak), 1);
    rig.near->cut();
    QTRY_VERIFY(!rig.near->isUp());
    for (int i = 1; i < 50; ++i)
        rig.leak(i);
    rig.near->restore();
    QTRY_COMPARE(rig.platform->count(kLeak), 50);
    qint64 n = 0;
    quint64 seq = 0;
    for (const Event& event : rig.platform->events) {
        if (event.type != kLeak)
            continue;
        QCOMPARE(event.data.value(text("n")).toInteger(), n++);
        QVERIFY(event.seq > seq);
        seq = event.seq;
    }
    QTRY_COMPARE(rig.platform->subscribed.size(), std::size_t{2});
    QCOMPARE(rig.platform->subscribed.back().match, kLeak);
    QCOMPARE(rig.platform->subscribed.back().history, 25);
}

void TstSkeletonEvents::theQueueBeforeTheFirstWelcomeIsBounded()
{
    Rig rig;
    rig.platform->refuseHello = true;
    rig.skeleton->start();
    for (int i = 0; i < 3'000; ++i)
        rig.leak(i);
    QVERIFY(rig.reasons().contains(text("events_dropped")));
    rig.platform->refuseHello = false;
    QTRY_VERIFY(rig.skeleton->welcome().has_value());
    QTRY_COMPARE(rig.platform->count(kLeak), 1'000);
}

void TstSkeletonEvents::eventsMadeBeforeTheWelcomeCarryTheAddress()
{
    Rig rig;
    rig.leak(1);
    QVERIFY(rig.up());
    QTRY_COMPARE(rig.platform->count(kLeak), 1);
    for (const Event& event : rig.platform->events) {
        QCOMPARE(event.sourceInstrument, kAddress);
        QCOMPARE(event.sourceSensor, text("plant7"));
    }
    QVERIFY2(rig.platform->bad.isEmpty(), qPrintable(rig.platform->bad.join(QLatin1Char('\n'))));
}

void TstSkeletonEvents::whatTheManifestDoesNotNameIsDroppedAndCounted()
{
    Rig rig;
    QVERIFY(rig.up());
    QStringList made;
    connect(rig.skeleton.get(), &Skeleton::published, this, [&](const Event& event) { made.append(event.type); });
    const auto undeclared = [&rig] {
        return rig.skeleton->healthJson()[text("facts")][text("events_undeclared")].toInt(-1);
    };
    QCOMPARE(undeclared(), -1); // no such fact
    Event stranger = rig.skeleton->events().make(EventId::InterfaceUp, text("x"), {});
    stranger.type = text("instruments.home.finding.new");
    rig.skeleton->publish(stranger);
    rig.skeleton->publish(stranger);
    rig.leak(1);
    QTRY_COMPARE_WITH_TIMEOUT(rig.platform->count(text("instruments.beacon.escape.succeeded")), 1, 5'000);
    QCOMPARE(rig.platform->count(stranger.type), 0);
    QVERIFY(!made.contains(stranger.type));
    QCOMPARE(undeclared(), 2);
}

QTEST_GUILESS_MAIN(TstSkeletonEvents)
#include "tst_skeleton_events.moc"
