#include "core/event/uuid7.h"

#include <QSet>
#include <QTest>

using namespace beacon;

namespace {

quint64 millisecondsOf(const QUuid& uuid)
{
    return (static_cast<quint64>(uuid.data1) << 16) | uuid.data2;
}

} // namespace

class TestUuid7 : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void itIsAVersion7Uuid();
    void aMillisecondsBurstRisesAndRepeatsNothing();
    void aSmallStepBackKeepsTheOrder();
    void aLargeStepBackIsBelieved();
    void otherVersionsAreToldApart();
};

void TestUuid7::itIsAVersion7Uuid()
{
    ManualClock clock;
    Uuid7 uuids(clock);
    const QUuid uuid = uuids.next();
    QCOMPARE(millisecondsOf(uuid), quint64{1'764'000'000'000});
    const QString text = uuid.toString(QUuid::WithoutBraces);
    QCOMPARE(text.at(14), QLatin1Char('7'));
    QVERIFY2(QStringLiteral("89ab").contains(text.at(19)), qPrintable(text));
    QVERIFY(isUuid7(uuid));
}

void TestUuid7::aMillisecondsBurstRisesAndRepeatsNothing()
{
    ManualClock clock;
    Uuid7 uuids(clock);
    QSet<QUuid> seen;
    QString last;
    for (int i = 0; i < 10'000; ++i) { // more than the counter holds
        const QUuid uuid = uuids.next();
        QVERIFY(isUuid7(uuid));
        const QString text = uuid.toString(QUuid::WithoutBraces);
        QVERIFY2(text > last, qPrintable(last + u' ' + text));
        last = text;
        seen.insert(uuid);
    }
    QCOMPARE(seen.size(), 10'000);
}

void TestUuid7::aSmallStepBackKeepsTheOrder()
{
    ManualClock clock;
    Uuid7 uuids(clock);
    const QString before = uuids.next().toString();
    clock.jumpWall(-std::chrono::seconds{5});
    QVERIFY(uuids.next().toString() > before);
}

void TestUuid7::aLargeStepBackIsBelieved()
{
    ManualClock clock;
    Uuid7 uuids(clock);
    (void)uuids.next();
    clock.jumpWall(-std::chrono::hours{24});
    QCOMPARE(millisecondsOf(uuids.next()), quint64{1'764'000'000'000 - 86'400'000});
}

void TestUuid7::otherVersionsAreToldApart()
{
    QVERIFY(!isUuid7(QUuid::createUuid()));
    QVERIFY(!isUuid7(QUuid()));
}

QTEST_GUILESS_MAIN(TestUuid7)
#include "tst_uuid7.moc"
