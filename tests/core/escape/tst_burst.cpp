#include "core/escape/burst.h"

#include <QTest>

#include <set>

using namespace beacon;
using namespace std::chrono_literals;
using Cause = Burst::Cause;

class TstBurst : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aBurstIsBoundedAndPaced();
    void aCauseHasOneInTenMinutes();
    void anotherCauseBeginsItAnew();
    void littleToTryEndsIt();

private:
    static Aim aim()
    {
        Aim aim;
        aim.home = {*IpAddress::parse("198.51.100.1"), *IpAddress::parse("2001:db8:1::1")};
        aim.ports = PortSet::all();
        return aim;
    }
    static std::vector<const Technique*> techniques()
    {
        return {findTechnique("TcpConnection"), findTechnique("UdpDatagram")};
    }
    std::size_t drain(Burst& burst, const Aim& aim)
    {
        std::size_t taken = 0;
        while (burst.active()) {
            m_clock.advance(100ms);
            taken += burst.take(aim, m_clock.now()) ? 1 : 0;
        }
        return taken;
    }
    ManualClock m_clock;
};

void TstBurst::aBurstIsBoundedAndPaced()
{
    Burst burst{techniques()};
    QVERIFY(!burst.active());
    QVERIFY(burst.begin(Cause::Route, m_clock.now()));
    QVERIFY(burst.due(m_clock.now())); // at once
    std::set<std::pair<const Technique*, std::size_t>> seen;
    std::size_t taken = 0;
    const auto began = m_clock.now();
    while (burst.active()) {
        if (!burst.due(m_clock.now())) {
            m_clock.advance(1ms);
            continue;
        }
        const auto turn = burst.take(aim(), m_clock.now());
        QVERIFY(turn);
        seen.emplace(turn->technique, turn->index);
        ++taken;
    }
    QCOMPARE(taken, Burst::kMost);
    QCOMPARE(seen.size(), Burst::kMost); // none twice
    QVERIFY(m_clock.now() - began >= 5'800ms);
    QVERIFY(!burst.due(m_clock.now() + 1h));
}

void TstBurst::aCauseHasOneInTenMinutes()
{
    Burst burst{techniques()};
    QVERIFY(burst.begin(Cause::Route, m_clock.now()));
    const auto began = m_clock.now();
    drain(burst, aim());
    QVERIFY(!burst.begin(Cause::Route, m_clock.now()));
    QVERIFY(burst.begin(Cause::Address, m_clock.now())); // another one
    drain(burst, aim());
    m_clock.advance(Burst::kBetween - (m_clock.now() - began) - 1ns);
    QVERIFY(!burst.begin(Cause::Route, m_clock.now()));
    m_clock.advance(1ns);
    QVERIFY(burst.begin(Cause::Route, m_clock.now()));
}

void TstBurst::anotherCauseBeginsItAnew()
{
    Burst burst{techniques()};
    QVERIFY(burst.begin(Cause::Link, m_clock.now()));
    const auto first = burst.take(aim(), m_clock.now());
    QVERIFY(burst.begin(Cause::Address, m_clock.now()));
    const auto again = burst.take(aim(), m_clock.now());
    QVERIFY(first && again && first->technique == again->technique && first->index == again->index);
    QVERIFY(!burst.begin(Cause::Link, m_clock.now()));
    QCOMPARE(drain(burst, aim()), Burst::kMost - 1);
}

void TstBurst::littleToTryEndsIt()
{
    Burst burst{{findTechnique("TcpConnection")}};
    Aim small = aim();
    const std::array<std::uint16_t, 1> port{443};
    small.ports = PortSet{port};
    QVERIFY(burst.begin(Cause::Resolver, m_clock.now()));
    QCOMPARE(drain(burst, small), std::size_t{2}); // one family each
}

QTEST_GUILESS_MAIN(TstBurst)
#include "tst_burst.moc"
