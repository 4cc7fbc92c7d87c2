#include "core/store/steady_wall.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

class TestSteadyWall : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void itFollowsTheClock()
    {
        SteadyWall steady;
        for (int i = 0; i < 5; ++i) {
            QVERIFY(read(steady) == m_clock.wall());
            m_clock.advance(7h);
        }
        m_clock.jumpWall(30s); // NTP
        QVERIFY(read(steady) == m_clock.wall());
    }

    void aJumpForwardIsBelievedAfterAnHour()
    {
        SteadyWall steady;
        QVERIFY(read(steady) == m_clock.wall());
        m_clock.jumpWall(24h);
        QVERIFY(read(steady) == m_clock.wall() - 24h);
        m_clock.advance(SteadyWall::kBelievedAfter - 1us);
        QVERIFY(read(steady) == m_clock.wall() - 24h);
        m_clock.advance(1us);
        QVERIFY(read(steady) == m_clock.wall());
    }

    void aSecondJumpBeginsTheHourAnew()
    {
        SteadyWall steady;
        QVERIFY(read(steady) == m_clock.wall());
        m_clock.jumpWall(24h);
        (void)read(steady);
        m_clock.advance(59min);
        m_clock.jumpWall(48h);
        QVERIFY(read(steady) == m_clock.wall() - 72h);
        m_clock.advance(59min);
        QVERIFY(read(steady) == m_clock.wall() - 72h);
        m_clock.advance(1min);
        QVERIFY(read(steady) == m_clock.wall());
    }

    void forwardAndBackIsNothing()
    {
        SteadyWall steady;
        const WallTime begin = read(steady);
        m_clock.jumpWall(24h);
        QVERIFY(read(steady) == begin);
        m_clock.jumpWall(-24h);
        QVERIFY(read(steady) == begin);
        m_clock.advance(2h);
        QVERIFY(read(steady) == begin + 2h);
    }

    void aJumpBackIsBelievedAtOnce()
    {
        SteadyWall steady;
        (void)read(steady);
        m_clock.jumpWall(-24h);
        QVERIFY(read(steady) == m_clock.wall());
    }

    void aClockThatIsAheadAfterARestartIsNotBelievedEither()
    {
        const WallTime known = m_clock.wall();
        m_clock.jumpWall(48h);
        SteadyWall steady{known};
        QVERIFY(read(steady) == known);
        m_clock.advance(SteadyWall::kBelievedAfter);
        QVERIFY(read(steady) == m_clock.wall());
    }

    void whatIsKnownFromTheFutureIsNoTime()
    {
        SteadyWall steady{m_clock.wall() + 24h};
        QVERIFY(read(steady) == m_clock.wall());
    }

private:
    WallTime read(SteadyWall& steady) const { return steady.read(m_clock.now(), m_clock.wall()); }

    ManualClock m_clock;
};

QTEST_GUILESS_MAIN(TestSteadyWall)
#include "tst_steady_wall.moc"
