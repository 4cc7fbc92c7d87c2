#include "service/instrument/attempt_watch.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;
using Verdict = AttemptWatch::Verdict;

namespace {

AttemptLine line(Outcome outcome, Family family = Family::Ipv4)
{
    AttemptLine made;
    made.target.family = family;
    made.outcome = outcome;
    made.errnoName = outcome == Outcome::LocalError ? "EPERM" : "";
    return made;
}

struct Rig {
    Rig() { watch.restart(clock.now()); }
    void attempts(int count, Outcome outcome, Family family = Family::Ipv4)
    {
        for (int i = 0; i < count; ++i) {
            clock.advance(1s);
            watch.attempt(clock.now(), line(outcome, family));
        }
    }
    Verdict judge() const { return watch.judge(clock.now()); }

    ManualClock clock;
    AttemptWatch watch{30s};
};

} // namespace

class TstAttemptWatch : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whatKeepsFailingIsNamedAfterTheLimit_data();
    void whatKeepsFailingIsNamedAfterTheLimit();
    void whatLeavesIsNoFault_data();
    void whatLeavesIsNoFault();
    void oneThatLeavesRecovers();
    void noAttemptAtAllIsAFault();
    void oneFamilyThatNeverLeavesImpairs();
};

void TstAttemptWatch::whatKeepsFailingIsNamedAfterTheLimit_data()
{
    QTest::addColumn<Outcome>("outcome");
    QTest::addColumn<Verdict>("verdict");
    QTest::newRow("no next hop") << Outcome::NoNextHop << Verdict::NoNextHop;
    QTest::newRow("local errors") << Outcome::LocalError << Verdict::LocalErrors;
    QTest::newRow("skipped") << Outcome::Skipped << Verdict::Skipped;
}

void TstAttemptWatch::whatKeepsFailingIsNamedAfterTheLimit()
{
    QFETCH(Outcome, outcome);
    QFETCH(Verdict, verdict);
    Rig rig;
    rig.attempts(29, outcome);
    QCOMPARE(rig.judge(), Verdict::Leaving);
    rig.attempts(1, outcome);
    QCOMPARE(rig.judge(), verdict);
    QCOMPARE(rig.watch.detail(), std::string{outcome == Outcome::LocalError ? "EPERM" : ""});
}

void TstAttemptWatch::whatLeavesIsNoFault_data()
{
    QTest::addColumn<Outcome>("outcome");
    QTest::newRow("sent and silent is what isolation looks like") << Outcome::Sent;
    QTest::newRow("refused by somebody else") << Outcome::Refused;
    QTest::newRow("unreachable") << Outcome::Unreachable;
}

void TstAttemptWatch::whatLeavesIsNoFault()
{
    QFETCH(Outcome, outcome);
    Rig rig;
    rig.attempts(100, outcome);
    QCOMPARE(rig.judge(), Verdict::Leaving);
}

void TstAttemptWatch::oneThatLeavesRecovers()
{
    Rig rig;
    rig.attempts(60, Outcome::LocalError);
    QCOMPARE(rig.judge(), Verdict::LocalErrors);
    rig.attempts(1, Outcome::Sent);
    QCOMPARE(rig.judge(), Verdict::Leaving);
    rig.attempts(40, Outcome::NoNextHop);
    QCOMPARE(rig.judge(), Verdict::NoNextHop); // the earlier errors are forgotten
}

void TstAttemptWatch::noAttemptAtAllIsAFault()
{
    Rig rig;
    rig.clock.advance(30s);
    QCOMPARE(rig.judge(), Verdict::NothingTested);
}

void TstAttemptWatch::oneFamilyThatNeverLeavesImpairs()
{
    Rig rig;
    for (int i = 0; i < 20; ++i) {
        QVERIFY(!rig.watch.impaired(rig.clock.now()) || i >= 15);
        rig.attempts(1, Outcome::Sent, Family::Ipv4);
        rig.attempts(1, Outcome::Skipped, Family::Ipv6);
    }
    QVERIFY(rig.watch.impaired(rig.clock.now()) == Family::Ipv6);
    rig.attempts(1, Outcome::Sent, Family::Ipv6);
    QVERIFY(!rig.watch.impaired(rig.clock.now()));
}

QTEST_GUILESS_MAIN(TstAttemptWatch)
#include "tst_attempt_watch.moc"
