#include "gui/models/self_test_result.h"

#include <QJsonDocument>
#include <QTest>

using namespace beacon;

class TestSelfTestResult : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void anEscapeHasItsFigures();
    void withoutAnEscapeTheReasonComesFirst();
    void aForeignBeaconIsSaidToBeOne();
    void whatIsNoResultIsRefused_data();
    void whatIsNoResultIsRefused();
    void wrongKindsAndCrowdsDoNoHarm();

private:
    static Result<SelfTest> read(const QByteArray& json)
    {
        return selfTestFromJson(QJsonDocument::fromJson(json).object());
    }
};

void TestSelfTestResult::anEscapeHasItsFigures()
{
    const auto result = read(R"({"escaped":true,"two_way":true,"attempts":12,"recognised":11,"escapes":1,
        "techniques":{"IcmpEcho":{"attempts":4,"recognised":4,"escapes":0},
                      "TcpConnection":{"attempts":8,"recognised":7,"escapes":1}},"seconds":3.21})");
    QVERIFY(result);
    QCOMPARE(headline(*result), QStringLiteral("Escaped: this Beacon finds a leak"));
    QCOMPARE(figures(*result),
        QStringLiteral("12 attempts, 11 recognised at Home, 1 escape, in 3.2 s.\n"
                       "Home's answer came back: proven both ways."));
    QCOMPARE(result->techniques.size(), 2);
    QCOMPARE(result->techniques[1].name, QStringLiteral("TcpConnection"));
    QCOMPARE(result->techniques[1].attempts, 8);
    QCOMPARE(result->techniques[1].recognised, 7);
    QCOMPARE(result->techniques[1].escapes, 1);
}

void TestSelfTestResult::withoutAnEscapeTheReasonComesFirst()
{
    const auto result = read(R"({"escaped":false,"two_way":false,"attempts":1,"recognised":0,"escapes":0,
        "techniques":{},"seconds":20,"reason":"the Beacon told of no attempt"})");
    QVERIFY(result);
    QCOMPARE(headline(*result), QStringLiteral("Did not escape: its silence proves nothing"));
    QCOMPARE(figures(*result),
        QStringLiteral("The Beacon told of no attempt.\n"
                       "1 attempt, 0 recognised at Home, 0 escapes, in 20.0 s.\n"
                       "No answer of Home's came back: not proven both ways."));
}

void TestSelfTestResult::aForeignBeaconIsSaidToBeOne()
{
    const auto result = read(R"({"escaped":true,"foreign":true,"attempts":3,"frames":9,"seconds":1})");
    QVERIFY(result);
    QCOMPARE(
        figures(*result), QStringLiteral("A Beacon that is not ours: 3 lines told of, 9 frames arrived, in 1.0 s."));
}

void TestSelfTestResult::whatIsNoResultIsRefused_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("nothing") << QByteArray("{}");
    QTest::newRow("a word is no yes") << QByteArray(R"({"escaped":"true"})");
    QTest::newRow("a number is no yes") << QByteArray(R"({"escaped":1})");
    QTest::newRow("another answer") << QByteArray(R"({"life":"running"})");
}

void TestSelfTestResult::whatIsNoResultIsRefused()
{
    QFETCH(QByteArray, json);
    QVERIFY(!read(json));
}

void TestSelfTestResult::wrongKindsAndCrowdsDoNoHarm()
{
    QJsonObject crowd;
    for (int i = 0; i < 1'000; ++i)
        crowd.insert(QString(500, QLatin1Char('t')) + QString::number(i), i);
    const auto result = selfTestFromJson({{QStringLiteral("escaped"), false}, {QStringLiteral("attempts"), -5},
        {QStringLiteral("recognised"), QStringLiteral("x")}, {QStringLiteral("techniques"), crowd},
        {QStringLiteral("reason"), QString(10'000, QLatin1Char('r'))}});
    QVERIFY(result);
    QCOMPARE(result->attempts, 0);
    QCOMPARE(result->recognised, 0);
    QCOMPARE(result->techniques.size(), 64);
    QCOMPARE(result->techniques[0].name.size(), 65);
    QVERIFY(result->reason.size() <= 301);
}

QTEST_GUILESS_MAIN(TestSelfTestResult)
#include "tst_self_test_result.moc"
