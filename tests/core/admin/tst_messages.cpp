#include "core/admin/messages.h"

#include <QJsonDocument>
#include <QTest>

using namespace beacon;
using namespace beacon::admin;

namespace {

QJsonObject json(const QByteArray& text)
{
    return QJsonDocument::fromJson(text).object();
}

} // namespace

class TestMessages : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everythingSurvivesJson();
    void aSubscriptionHasDefaults();
    void aSubscriptionFilters_data();
    void aSubscriptionFilters();
    void badMessagesAreRefusedByName_data();
    void badMessagesAreRefusedByName();
};

void TestMessages::everythingSurvivesJson()
{
    Hello hello;
    hello.role = Role::Admin;
    hello.instrument = QStringLiteral("beacon_0@plant7");
    hello.run = QUuid::createUuid();
    hello.lastSeq = 4711;
    const auto greeted = helloFromJson(toJson(hello));
    QVERIFY(greeted);
    QCOMPARE(toJson(*greeted), toJson(hello));
    QCOMPARE(greeted->role, Role::Admin);

    Subscription subscription;
    subscription.types = QStringList{QStringLiteral("instruments.home.")};
    subscription.severity = Severity::Medium;
    subscription.attempts = false;
    subscription.sinceSeq = 0;
    const auto subscribed = subscriptionFromJson(toJson(subscription));
    QVERIFY(subscribed);
    QCOMPARE(toJson(*subscribed), toJson(subscription));
    QCOMPARE(subscribed->sinceSeq, std::optional<quint64>(0));

    const EventBatch batch{{json(R"({"seq":1})")}, {json(R"({"seq":2})"), json(R"({"seq":3})")}, 5};
    const auto received = eventBatchFromJson(toJson(batch));
    QVERIFY(received);
    QCOMPARE(toJson(*received), toJson(batch));

    const Health health{Status::Error,
        {{QStringLiteral("interface_absent"), Severity::High, QStringLiteral("eth1 is not there"),
            WallTime{std::chrono::microseconds{1'764'000'000'500'000}}}},
        json(R"({"mac":"02:00:00:00:00:01"})")};
    const auto healthy = healthFromJson(toJson(health));
    QVERIFY(healthy);
    QVERIFY(*healthy == health);
}

void TestMessages::aSubscriptionHasDefaults()
{
    const auto subscription = subscriptionFromJson({});
    QVERIFY(subscription);
    QVERIFY(subscription->types.isEmpty());
    QCOMPARE(subscription->severity, Severity::Informational);
    QVERIFY(subscription->attempts);
    QVERIFY(!subscription->sinceSeq);
}

void TestMessages::aSubscriptionFilters_data()
{
    QTest::addColumn<QByteArray>("subscription");
    QTest::addColumn<bool>("wanted"); // instruments.home.noise of severity 2
    QTest::newRow("nothing given takes all") << QByteArray("{}") << true;
    QTest::newRow("a prefix takes it") << QByteArray(R"({"types":["x","instruments.home"]})") << true;
    QTest::newRow("another prefix does not") << QByteArray(R"({"types":["instruments.beacon"]})") << false;
    QTest::newRow("its own severity takes it") << QByteArray(R"({"severity":2})") << true;
    QTest::newRow("a higher severity does not") << QByteArray(R"({"severity":3})") << false;
}

void TestMessages::aSubscriptionFilters()
{
    QFETCH(QByteArray, subscription);
    QFETCH(bool, wanted);
    const auto parsed = subscriptionFromJson(json(subscription));
    QVERIFY(parsed);
    QCOMPARE(parsed->wantsEvent(QStringLiteral("instruments.home.noise"), Severity::Low), wanted);
}

void TestMessages::badMessagesAreRefusedByName_data()
{
    QTest::addColumn<QByteArray>("what");
    QTest::addColumn<QByteArray>("object");
    QTest::addColumn<QByteArray>("key");
    const char* hello =
        R"({"protocol":1,"role":"admin","instrument":"i","interface":"e","version":"v","run":"x","last_seq":0})";
    QTest::newRow("a hello of protocol 2")
        << QByteArray("hello") << QByteArray(R"({"protocol":2})") << QByteArray("protocol");
    QTest::newRow("a hello without a role")
        << QByteArray("hello") << QByteArray(R"({"protocol":1})") << QByteArray("role");
    QTest::newRow("a hello without a run") << QByteArray("hello") << QByteArray(hello) << QByteArray("run");
    QTest::newRow("severity 9") << QByteArray("subscription") << QByteArray(R"({"severity":9})")
                                << QByteArray("severity");
    QTest::newRow("types that are no list")
        << QByteArray("subscription") << QByteArray(R"({"types":"a"})") << QByteArray("types");
    QTest::newRow("a type that is a number")
        << QByteArray("subscription") << QByteArray(R"({"types":[1]})") << QByteArray("types");
    QTest::newRow("attempts that are a number")
        << QByteArray("subscription") << QByteArray(R"({"attempts":1})") << QByteArray("attempts");
    QTest::newRow("a negative since_seq")
        << QByteArray("subscription") << QByteArray(R"({"since_seq":-1})") << QByteArray("since_seq");
    QTest::newRow("events that are no objects")
        << QByteArray("batch") << QByteArray(R"({"events":[1]})") << QByteArray("events");
    QTest::newRow("attempts that are no list")
        << QByteArray("batch") << QByteArray(R"({"attempts":{}})") << QByteArray("attempts");
    QTest::newRow("a negative missed") << QByteArray("batch") << QByteArray(R"({"missed":-4})") << QByteArray("missed");
    QTest::newRow("an unknown status") << QByteArray("health") << QByteArray(R"({"status":"FINE"})")
                                       << QByteArray("status");
    QTest::newRow("a reason without text")
        << QByteArray("health") << QByteArray(R"({"status":"OK","reasons":[{"code":"x","severity":1,"since":1}]})")
        << QByteArray("reasons");
}

void TestMessages::badMessagesAreRefusedByName()
{
    QFETCH(QByteArray, what);
    QFETCH(QByteArray, object);
    QFETCH(QByteArray, key);
    const auto complaint = [](const auto& result) {
        return result ? std::string("accepted") : describe(result.error());
    };
    const QJsonObject parsed = json(object);
    const std::string said = what == "hello" ? complaint(helloFromJson(parsed))
        : what == "subscription"             ? complaint(subscriptionFromJson(parsed))
        : what == "batch"                    ? complaint(eventBatchFromJson(parsed))
                                             : complaint(healthFromJson(parsed));
    QVERIFY2(said.starts_with(key.toStdString() + ' '), said.c_str());
}

QTEST_GUILESS_MAIN(TestMessages)
#include "tst_messages.moc"
