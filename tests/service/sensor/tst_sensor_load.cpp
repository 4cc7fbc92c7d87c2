// A real sensord under the load that the design promises: 50 listeners that publish 100 events a second each.

#include "tests/support/sensor_load.h"

#include <QTest>

using namespace beacon::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true; // its own memory is no bound's affair, and it is three times as slow
#else
constexpr bool kSanitized = false;
#endif
constexpr qint64 kMostKb = 100'000'000 / 1'024;
constexpr double kMostHealthMs = 1'000;

} // namespace

class TestSensorLoad : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void noneIsLostAndAllAnswerInTime();
};

void TestSensorLoad::noneIsLostAndAllAnswerInTime()
{
    SensorLoad::Plan plan;
    plan.program = QStringLiteral(TARGETS_DIR "/busy_instrument");
    if (kSanitized)
        plan.rate = 20;
    if (const int seconds = qEnvironmentVariableIntValue("BEACON_LOAD_SECONDS"); seconds > 0)
        plan.seconds = seconds;
    SensorLoad load{plan};
    QVERIFY2(load.start(), qPrintable(load.problem()));
    QVERIFY2(load.run(), qPrintable(load.problem()));
    const SensorLoad::Outcome& outcome = load.outcome();
    qInfo("%lld events, %lld kB, health within %.0f ms, %.2f of a processor", static_cast<long long>(outcome.stored),
        static_cast<long long>(outcome.peakKb), outcome.slowestHealthMs, outcome.cpuShare);
    QCOMPARE(outcome.published, qint64{plan.instruments} * plan.rate * plan.seconds);
    QCOMPARE(outcome.stored, outcome.published);
    QCOMPARE(outcome.repeated, 0);
    QCOMPARE(outcome.delivered, outcome.stored);
    QCOMPARE(outcome.outOfOrder, 0);
    QCOMPARE(outcome.restarts, 0);
    QVERIFY2(outcome.slowestHealthMs < kMostHealthMs, QByteArray::number(outcome.slowestHealthMs));
    if (!kSanitized)
        QVERIFY2(outcome.peakKb < kMostKb, QByteArray::number(outcome.peakKb));
}

BEACON_HOST_MAIN(TestSensorLoad)
#include "tst_sensor_load.moc"
