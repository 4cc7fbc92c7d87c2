#include "service/beacon/neighbours.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;
using State = Neighbours::State;

namespace {

const IpAddress kHop = *IpAddress::parse("192.0.2.1");
const MacAddress kMac{{2, 0, 0, 0, 0, 1}};

} // namespace

class TestNeighbours final : public QObject {
    Q_OBJECT
    ManualClock m_clock;

    State state(Neighbours& neighbours) { return neighbours.lookup(kHop, m_clock.now()).state; }

private Q_SLOTS:
    void asksThreeTimesAndThenIsSilent();
    void anAnswerIsKnown();
    void asksAgainWhileInUse();
    void aHopThatFallsSilentIsNoticed();
    void nobodyAskedNobodyIsLearned();
};

void TestNeighbours::asksThreeTimesAndThenIsSilent()
{
    Neighbours neighbours;
    QVERIFY(state(neighbours) == State::Asking);
    for (int ask = 0; ask < Neighbours::kAsks; ++ask) {
        QCOMPARE(neighbours.due(m_clock.now()).size(), 1U);
        QCOMPARE(neighbours.due(m_clock.now()).size(), 0U);
        QVERIFY(state(neighbours) == State::Asking);
        m_clock.advance(Neighbours::kAskEvery);
    }
    QCOMPARE(neighbours.due(m_clock.now()).size(), 0U);
    QVERIFY(state(neighbours) == State::Silent);
    m_clock.advance(Neighbours::kSilentFor);
    QVERIFY(state(neighbours) == State::Asking);
    QCOMPARE(neighbours.due(m_clock.now()).size(), 1U);
}

void TestNeighbours::anAnswerIsKnown()
{
    Neighbours neighbours;
    QVERIFY(state(neighbours) == State::Asking);
    neighbours.heard(kHop, MacAddress{{1, 0, 0, 0, 0, 0}}, m_clock.now()); // a group address is nobody's
    QVERIFY(state(neighbours) == State::Asking);
    neighbours.heard(kHop, kMac, m_clock.now());
    QVERIFY(neighbours.lookup(kHop, m_clock.now()).mac == kMac);
    QCOMPARE(neighbours.due(m_clock.now()).size(), 0U);
}

void TestNeighbours::asksAgainWhileInUse()
{
    Neighbours neighbours;
    static_cast<void>(state(neighbours));
    neighbours.heard(kHop, kMac, m_clock.now());
    m_clock.advance(Neighbours::kFreshFor);
    QVERIFY(state(neighbours) == State::Known);
    QCOMPARE(neighbours.due(m_clock.now()).size(), 1U);
    neighbours.heard(kHop, kMac, m_clock.now());
    QCOMPARE(neighbours.due(m_clock.now()).size(), 0U);
}

void TestNeighbours::aHopThatFallsSilentIsNoticed()
{
    Neighbours neighbours;
    static_cast<void>(state(neighbours));
    neighbours.heard(kHop, kMac, m_clock.now());
    m_clock.advance(Neighbours::kFreshFor);
    for (int i = 0; i <= Neighbours::kAsks; ++i) {
        static_cast<void>(state(neighbours));
        static_cast<void>(neighbours.due(m_clock.now()));
        m_clock.advance(Neighbours::kAskEvery);
    }
    QVERIFY(state(neighbours) == State::Silent);
}

void TestNeighbours::nobodyAskedNobodyIsLearned()
{
    Neighbours neighbours;
    neighbours.heard(kHop, kMac, m_clock.now());
    QVERIFY(state(neighbours) == State::Asking);
}

QTEST_GUILESS_MAIN(TestNeighbours)
#include "tst_neighbours.moc"
