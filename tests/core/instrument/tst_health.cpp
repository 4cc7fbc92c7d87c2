#include "core/instrument/health.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {
struct Rig {
    ManualClock clock;
    HealthModel health{clock};
    HealthStatus status() const { return health.snapshot().status; }
};
} // namespace

class TstHealth : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pendingAtFirstAndOkWhenItWorks();
    void pendingLastsAMinuteAtMost();
    void whatMayPassDoesNotFlashAtTheStart();
    void whatCannotPassShowsAtOnce();
    void worstFirstThenOldestAndEachOnce();
    void raisingAgainKeepsSince();
    void clearingRecovers();
    void nextChangeTellsWhenToLookAgain();
};

void TstHealth::pendingAtFirstAndOkWhenItWorks()
{
    Rig rig;
    QCOMPARE(rig.status(), HealthStatus::Pending);
    rig.health.noteWorking();
    QCOMPARE(rig.status(), HealthStatus::Ok);
    QVERIFY(rig.health.snapshot().reasons.empty());
}

void TstHealth::pendingLastsAMinuteAtMost()
{
    Rig rig;
    rig.clock.advance(59'999ms);
    QCOMPARE(rig.status(), HealthStatus::Pending);
    rig.clock.advance(1ms);
    QCOMPARE(rig.status(), HealthStatus::Error);
    QCOMPARE(rig.health.snapshot().reasons.at(0).code, std::string{"not_working"});
    rig.health.noteWorking();
    QCOMPARE(rig.status(), HealthStatus::Ok);
}

void TstHealth::whatMayPassDoesNotFlashAtTheStart()
{
    Rig rig;
    rig.health.raise(Reason::InterfaceAbsent, "eth0");
    rig.clock.advance(9'999ms);
    QCOMPARE(rig.status(), HealthStatus::Pending);
    QCOMPARE(rig.health.snapshot().reasons.size(), 1U); // but why it is pending can be read
    rig.clock.advance(1ms);
    QCOMPARE(rig.status(), HealthStatus::Error);
}

void TstHealth::whatCannotPassShowsAtOnce()
{
    Rig rig;
    rig.health.raise(Reason::BeaconHeld, "/x cannot be executed");
    QCOMPARE(rig.status(), HealthStatus::Error);
    rig.health.clear(Reason::BeaconHeld);
    rig.health.noteWorking();
    rig.health.raise(Reason::InterfaceAbsent, "eth0"); // and everything does, once it has worked
    QCOMPARE(rig.status(), HealthStatus::Error);
}

void TstHealth::worstFirstThenOldestAndEachOnce()
{
    Rig rig;
    rig.health.noteWorking();
    rig.health.raise(Reason::LogFailed, "disk full");
    rig.clock.advance(1s);
    rig.health.raise(Reason::NoNextHop);
    rig.clock.advance(1s);
    rig.health.raise(Reason::InterfaceDown, "eth0 has no carrier");
    rig.health.raise(Reason::NoNextHop);
    std::vector<std::string> codes;
    for (const HealthReason& reason : rig.health.snapshot().reasons)
        codes.push_back(reason.code);
    QCOMPARE(codes, (std::vector<std::string>{"no_next_hop", "interface_down", "log_failed"}));
}

void TstHealth::raisingAgainKeepsSince()
{
    Rig rig;
    rig.health.raise(Reason::LogFailed, "disk full");
    const auto since = rig.health.snapshot().reasons.at(0).since;
    rig.clock.advance(1s);
    rig.health.raise(Reason::LogFailed, "read-only");
    const auto reason = rig.health.snapshot().reasons.at(0);
    QVERIFY(reason.since == since);
    QVERIFY(reason.text.find("read-only") != std::string::npos);
    QVERIFY(reason.text.find("%1") == std::string::npos);
}

void TstHealth::clearingRecovers()
{
    Rig rig;
    rig.health.noteWorking();
    rig.health.raise(Reason::NoNextHop);
    rig.health.clear(Reason::NoNextHop);
    QCOMPARE(rig.status(), HealthStatus::Ok);
}

void TstHealth::nextChangeTellsWhenToLookAgain()
{
    Rig rig;
    QVERIFY(rig.health.nextChange() == 60s);
    rig.health.raise(Reason::InterfaceAbsent, "eth0");
    QVERIFY(rig.health.nextChange() == 10s);
    rig.clock.advance(10s);
    QVERIFY(rig.health.nextChange() == 50s);
    rig.health.noteWorking();
    QVERIFY(!rig.health.nextChange());
}

QTEST_GUILESS_MAIN(TstHealth)
#include "tst_health.moc"
