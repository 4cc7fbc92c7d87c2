#include "core/supervision/liveness.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;
using State = Liveness::State;
using Sign = Liveness::Sign;

namespace {

struct Rig {
    explicit Rig(const Liveness::Policy& policy = {})
        : liveness(policy)
    {
        liveness.started(clock.now());
    }
    /// Lets time pass with every check in time.
    State pass(std::chrono::milliseconds time)
    {
        while (time > 0ms && liveness.nextCheck()) {
            const auto by = std::clamp(*liveness.nextCheck() - m_since, 0ms, time);
            clock.advance(by);
            time -= by;
            m_since += by;
            if (m_since < *liveness.nextCheck())
                break;
            m_since = 0ms;
            if (liveness.check(clock.now()) == State::Stalled)
                return State::Stalled;
        }
        clock.advance(std::max(time, 0ms));
        return liveness.stateAt(clock.now());
    }
    void line(Sign sign = Sign::Attempt) { liveness.line(clock.now(), sign); }

    ManualClock clock;
    Liveness liveness;

private:
    std::chrono::milliseconds m_since{0};
};

} // namespace

class TstLiveness : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void withoutAFirstLineTheGraceDecides();
    void fault13_atTheGraceBoundaryTheFirstToComeDecides();
    void oursStallsAfterThirtySeconds();
    void aLineInTimeKeepsItAlive();
    void foreignIsJudgedByItsOwnPace();
    void theConfiguredLimitReplacesWhatWasLearnt();
    void aLateCheckBlamesNobody();
    void withoutCarrierNothingIsJudged();
    void idleIsAliveButNotTesting();
    void fault25_aFloodIsAStateOfItsOwn();
    void fault27_aFloodThatProvesNoLifeIsAFloodAndNoLife();
    void whatWasAnnouncedIsNoFlood();
    void fault20_suspendAndClockJumpsBlameNobody();
    void fault26_aLoopThatStoodStillBlamesNobody();
    void aPunctualBeaconCausesFewChecks();
    void ourOwnLatenessIsNoGapOfAStrangers_data();
    void ourOwnLatenessIsNoGapOfAStrangers();
};

void TstLiveness::withoutAFirstLineTheGraceDecides()
{
    Rig rig;
    QCOMPARE(rig.pass(29'999ms), State::Starting);
    QCOMPARE(rig.pass(1s), State::Stalled);
}

void TstLiveness::fault13_atTheGraceBoundaryTheFirstToComeDecides()
{
    Rig spoke; // at 30,000 ms, just before the check
    QVERIFY(spoke.pass(29'999ms) != State::Stalled);
    spoke.clock.advance(1ms);
    spoke.line();
    QCOMPARE(spoke.liveness.check(spoke.clock.now()), State::Testing);

    Rig died; // and this one died
    QVERIFY(died.pass(29'999ms) != State::Stalled);
    died.clock.advance(1ms);
    died.liveness.ended();
    QCOMPARE(died.liveness.check(died.clock.now()), State::Off);
    QVERIFY(!died.liveness.nextCheck());

    Rig silent;
    QVERIFY(silent.pass(29'999ms) != State::Stalled);
    silent.clock.advance(1ms);
    QCOMPARE(silent.liveness.check(silent.clock.now()), State::Stalled);
    silent.liveness.started(silent.clock.now()); // its successor has all of the grace
    QVERIFY(silent.liveness.nextCheck() == 30'000ms);
}

void TstLiveness::oursStallsAfterThirtySeconds()
{
    Rig rig;
    rig.liveness.isOurs(true);
    rig.line();
    QCOMPARE(rig.pass(9s), State::Testing);
    QCOMPARE(rig.pass(11'500ms), State::Silent);
    QVERIFY(rig.pass(9s) != State::Stalled);
    QCOMPARE(rig.pass(2s), State::Stalled);
}

void TstLiveness::aLineInTimeKeepsItAlive()
{
    Rig rig;
    rig.liveness.isOurs(true);
    for (int i = 0; i < 20; ++i) {
        rig.line();
        QVERIFY(rig.pass(29s) != State::Stalled);
    }
}

void TstLiveness::foreignIsJudgedByItsOwnPace()
{
    Rig rig;
    rig.line();
    rig.pass(20s);
    rig.line();
    QCOMPARE(rig.liveness.limit().count(), 60'000);
    QVERIFY(rig.pass(58s) != State::Stalled);
    QCOMPARE(rig.pass(5s), State::Stalled);

    Rig quick;
    for (int i = 0; i < 100; ++i) {
        quick.line();
        quick.pass(100ms);
    }
    QCOMPARE(quick.liveness.limit().count(), 30'000); // at least
}

void TstLiveness::theConfiguredLimitReplacesWhatWasLearnt()
{
    Liveness::Policy policy;
    policy.fixed = 3s;
    Rig rig{policy};
    rig.line();
    rig.pass(2s);
    rig.line();
    QCOMPARE(rig.pass(4s), State::Stalled);
}

void TstLiveness::aLateCheckBlamesNobody()
{
    Rig rig;
    rig.liveness.isOurs(true);
    rig.line();
    rig.pass(25s);
    rig.clock.advance(40s); // our own loop stood still
    QVERIFY(rig.liveness.check(rig.clock.now()) != State::Stalled);
    rig.line(); // which then came out of the pipe
    QVERIFY(rig.pass(25s) != State::Stalled);
}

void TstLiveness::withoutCarrierNothingIsJudged()
{
    Rig rig;
    rig.liveness.isOurs(true);
    rig.line();
    rig.liveness.setCarrier(false, rig.clock.now());
    QVERIFY(!rig.liveness.nextCheck());
    rig.clock.advance(1h);
    QVERIFY(rig.liveness.check(rig.clock.now()) != State::Stalled);
    rig.liveness.setCarrier(true, rig.clock.now());
    QVERIFY(rig.pass(29s) != State::Stalled);
    QCOMPARE(rig.pass(5s), State::Stalled);
}

void TstLiveness::idleIsAliveButNotTesting()
{
    Rig rig;
    rig.liveness.isOurs(true);
    rig.line(Sign::Attempt);
    QCOMPARE(rig.liveness.state(), State::Testing);
    for (int i = 0; i < 4; ++i) {
        rig.pass(10s);
        rig.line(Sign::Other);
    }
    QCOMPARE(rig.liveness.state(), State::Alive);
}

void TstLiveness::fault25_aFloodIsAStateOfItsOwn()
{
    Rig rig;
    const auto print = [&](int lines, std::chrono::milliseconds within) {
        for (int i = 0; i < lines; ++i)
            rig.line();
        rig.pass(within);
    };
    print(60'000, 1s);
    print(1, 1ms);
    QCOMPARE(rig.liveness.state(), State::Flooding);
    QVERIFY(rig.liveness.linesPerSecond() > 59'000);
    print(10, 1s);
    print(1, 1ms);
    QCOMPARE(rig.liveness.state(), State::Testing);
    print(60'000, 1s);
    print(1, 1ms);
    QCOMPARE(rig.liveness.state(), State::Flooding);
    QCOMPARE(rig.pass(4s), State::Testing); // nothing came after it that would have said so
}

void TstLiveness::fault27_aFloodThatProvesNoLifeIsAFloodAndNoLife()
{
    Rig rig;
    rig.liveness.isOurs(true, 1);
    rig.line();
    for (int second = 0; second < 29; ++second) {
        for (int i = 0; i < 60'000; ++i)
            rig.liveness.noise(rig.clock.now());
        QVERIFY(rig.pass(1s) != State::Stalled);
        QCOMPARE(rig.liveness.stateAt(rig.clock.now()), second < 1 ? State::Testing : State::Flooding);
    }
    QCOMPARE(rig.pass(2s), State::Stalled);
}

void TstLiveness::whatWasAnnouncedIsNoFlood()
{
    Rig rig;
    rig.liveness.isOurs(true, 100'000);
    for (int i = 0; i < 100'000; ++i)
        rig.line();
    rig.pass(1s);
    rig.line();
    QCOMPARE(rig.liveness.state(), State::Testing);
}

void TstLiveness::fault20_suspendAndClockJumpsBlameNobody()
{
    Rig rig;
    rig.liveness.isOurs(true);
    rig.line();
    rig.clock.jumpWall(24h); // the wall's: nothing here looks at it
    QVERIFY(rig.pass(29s) != State::Stalled);
    rig.clock.jumpWall(-48h);
    rig.line();
    QVERIFY(rig.pass(29s) != State::Stalled);
    rig.line();
    rig.clock.advance(8h); // a monotonic clock that counts a suspend
    QVERIFY(rig.liveness.check(rig.clock.now()) != State::Stalled);
    rig.line();
    QVERIFY(rig.pass(29s) != State::Stalled);
    QCOMPARE(rig.pass(2s), State::Stalled);
}

void TstLiveness::fault26_aLoopThatStoodStillBlamesNobody()
{
    Liveness::Policy policy;
    policy.fixed = 3s;
    Rig rig{policy};
    rig.line();
    rig.clock.advance(5s);
    QVERIFY(rig.liveness.check(rig.clock.now()) != State::Stalled);
    rig.line(); // it was in the pipe all the time
    QCOMPARE(rig.liveness.state(), State::Testing);
    QVERIFY(rig.pass(2s) != State::Stalled);
}

void TstLiveness::aPunctualBeaconCausesFewChecks()
{
    Rig rig;
    rig.liveness.isOurs(true);
    int checks = 0;
    auto due = rig.clock.now() + *rig.liveness.nextCheck();
    for (int second = 0; second < 600; ++second) {
        if (second % 10 == 0)
            rig.line(Sign::Other);
        rig.clock.advance(1s);
        if (rig.clock.now() < due)
            continue;
        ++checks;
        QVERIFY(rig.liveness.check(rig.clock.now()) != State::Stalled);
        due = rig.clock.now() + *rig.liveness.nextCheck();
    }
    QVERIFY2(checks <= 35, qPrintable(QString::number(checks))); // in ten minutes
}

void TstLiveness::ourOwnLatenessIsNoGapOfAStrangers_data()
{
    QTest::addColumn<bool>("checkFirst");
    QTest::newRow("the loop looks at the clock first") << true;
    QTest::newRow("the loop reads first") << false;
}

void TstLiveness::ourOwnLatenessIsNoGapOfAStrangers()
{
    QFETCH(bool, checkFirst);
    Rig rig;
    for (int i = 0; i < 5; ++i) {
        rig.line();
        rig.pass(1s);
    }
    rig.clock.advance(10min); // our own loop stood still
    if (checkFirst)
        static_cast<void>(rig.liveness.check(rig.clock.now()));
    rig.line();
    rig.line();
    QVERIFY2(rig.liveness.limit() <= 90s, qPrintable(QString::number(rig.liveness.limit().count())));
}

QTEST_GUILESS_MAIN(TstLiveness)
#include "tst_liveness.moc"
