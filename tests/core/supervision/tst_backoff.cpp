#include "core/supervision/backoff.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {
constexpr milliseconds kNever{0};
}

class TstBackoff : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void doublesFrom200Milliseconds();
    void jitterStaysWithinItsShare();
    void whoLivedTenSecondsStartsAtOnce();
    void moreThanFiveDeathsInAMinuteAreACrashLoop();
    void fiveDeathsInAMinuteAreNone();
    void deathsOutsideTheWindowAreForgotten();
    void aCrashLoopEndsWithTenSecondsOfHealth();
    void tenMinutesOfHealthForgiveAll();
};

void TstBackoff::doublesFrom200Milliseconds()
{
    Backoff backoff{{}};
    ManualClock clock;
    for (const milliseconds expected : {200ms, 400ms, 800ms, 1600ms, 3200ms})
        QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), expected.count());
}

void TstBackoff::jitterStaysWithinItsShare()
{
    ManualClock clock;
    QCOMPARE(Backoff{{}}.died(clock.now(), kNever, 1).count(), 220);
    QCOMPARE(Backoff{{}}.died(clock.now(), kNever, -1).count(), 180);
}

void TstBackoff::whoLivedTenSecondsStartsAtOnce()
{
    Backoff backoff{{}};
    ManualClock clock;
    QCOMPARE(backoff.died(clock.now(), 9'999ms, 0).count(), 200);
    QCOMPARE(backoff.died(clock.now(), 10'000ms, 0).count(), 0);
    QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), 400); // health of 10 s forgives no doubling
}

void TstBackoff::moreThanFiveDeathsInAMinuteAreACrashLoop()
{
    Backoff backoff{{}};
    ManualClock clock;
    for (int i = 0; i < 5; ++i)
        (void)backoff.died(clock.now(), kNever, 0);
    QVERIFY(!backoff.crashLoop());
    QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), 60'000);
    QVERIFY(backoff.crashLoop());
    clock.advance(60s);
    QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), 60'000); // and stays at that pace
}

void TstBackoff::fiveDeathsInAMinuteAreNone()
{
    Backoff backoff{{}};
    ManualClock clock;
    for (int i = 0; i < 12; ++i) {
        clock.advance(12'001ms); // five within any 60 s
        (void)backoff.died(clock.now(), kNever, 0);
        QVERIFY(!backoff.crashLoop());
    }
}

void TstBackoff::deathsOutsideTheWindowAreForgotten()
{
    Backoff backoff{{}};
    ManualClock clock;
    for (int i = 0; i < 5; ++i)
        (void)backoff.died(clock.now(), kNever, 0);
    clock.advance(60'001ms);
    (void)backoff.died(clock.now(), kNever, 0);
    QVERIFY(!backoff.crashLoop());
    QCOMPARE(backoff.recentDeaths(), 1U);
}

void TstBackoff::aCrashLoopEndsWithTenSecondsOfHealth()
{
    Backoff backoff{{}};
    ManualClock clock;
    for (int i = 0; i < 6; ++i)
        (void)backoff.died(clock.now(), kNever, 0);
    backoff.alive(9'999ms);
    QVERIFY(backoff.crashLoop());
    backoff.alive(10s);
    QVERIFY(!backoff.crashLoop());
}

void TstBackoff::tenMinutesOfHealthForgiveAll()
{
    Backoff backoff{{}};
    ManualClock clock;
    (void)backoff.died(clock.now(), kNever, 0);
    (void)backoff.died(clock.now(), kNever, 0);
    backoff.alive(599'999ms);
    QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), 800);
    backoff.alive(600s);
    QCOMPARE(backoff.died(clock.now(), kNever, 0).count(), 200);
}

QTEST_GUILESS_MAIN(TstBackoff)
#include "tst_backoff.moc"
