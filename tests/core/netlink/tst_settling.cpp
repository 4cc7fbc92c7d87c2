#include "core/netlink/settling.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

class TstSettling : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aChangeThatStandsIsAcceptedOnce();
    void aBlinkIsNoChange();
    void aFlapOfTenHertzMakesOneChangePerPatience();
};

void TstSettling::aChangeThatStandsIsAcceptedOnce()
{
    Settling<int> settling{300ms, 5s};
    ManualClock clock;
    settling.reset(1);
    QVERIFY(!settling.sample(2, clock.now()));
    QVERIFY(!settling.settled());
    clock.advance(299ms);
    QVERIFY(!settling.sample(2, clock.now()));
    clock.advance(1ms);
    QVERIFY(settling.sample(2, clock.now()));
    QCOMPARE(settling.accepted(), 2);
    QVERIFY(settling.settled());
    QVERIFY(!settling.sample(2, clock.now()));
}

void TstSettling::aBlinkIsNoChange()
{
    Settling<int> settling{300ms, 5s};
    ManualClock clock;
    settling.reset(1);
    QVERIFY(!settling.sample(2, clock.now()));
    clock.advance(100ms);
    QVERIFY(!settling.sample(1, clock.now()));
    QVERIFY(!settling.settled()); // it may blink again
    clock.advance(300ms);
    QVERIFY(!settling.sample(1, clock.now()));
    QVERIFY(settling.settled());
}

void TstSettling::aFlapOfTenHertzMakesOneChangePerPatience()
{
    Settling<int> settling{300ms, 5s};
    ManualClock clock;
    settling.reset(0);
    int changes = 0;
    for (int i = 0; i < 600; ++i) { // 30 s
        changes += settling.sample(i % 2, clock.now()) ? 1 : 0;
        clock.advance(50ms);
    }
    QVERIFY2(changes >= 4 && changes <= 6, qPrintable(QString::number(changes)));
}

QTEST_GUILESS_MAIN(TstSettling)
#include "tst_settling.moc"
