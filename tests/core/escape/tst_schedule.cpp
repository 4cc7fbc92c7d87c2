#include "core/escape/schedule.h"

#include <QSet>
#include <QTest>

using namespace beacon;

class TestSchedule final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void eachProbeOnceACycle();
    void techniquesTakeTurns();
    void nothingToTryIsACycleAtOnce();
};

namespace {

Aim sampleAim()
{
    constexpr std::uint16_t kPorts[] = {53, 80, 443};
    Aim aim;
    aim.home = {*IpAddress::parse("192.0.2.10"), *IpAddress::parse("2001:db8::10")};
    aim.ports = PortSet{kPorts};
    aim.zone = "leak.example";
    return aim;
}

std::vector<const Technique*> all()
{
    return {techniques().begin(), techniques().end()};
}

} // namespace

void TestSchedule::eachProbeOnceACycle()
{
    const Aim aim = sampleAim();
    RoundRobin schedule{all()};
    for (int cycle = 0; cycle < 2; ++cycle) {
        QSet<QString> seen;
        int turns = 0;
        while (const auto turn = schedule.next(aim)) {
            seen.insert(QString::fromLatin1(turn->technique->name.data()) + QString::number(turn->index));
            QVERIFY(++turns < 100);
        }
        QCOMPARE(turns, 6 + 6 + 2 + 2);
        QCOMPARE(seen.size(), turns);
    }
}

void TestSchedule::techniquesTakeTurns()
{
    const Aim aim = sampleAim();
    RoundRobin schedule{all()};
    QSet<const Technique*> first;
    for (std::size_t i = 0; i < techniques().size(); ++i)
        first.insert(schedule.next(aim)->technique);
    QCOMPARE(static_cast<std::size_t>(first.size()), techniques().size());
}

void TestSchedule::nothingToTryIsACycleAtOnce()
{
    RoundRobin schedule{all()};
    QVERIFY(!schedule.next(Aim{}));
    RoundRobin none{{}};
    QVERIFY(!none.next(sampleAim()));
}

QTEST_GUILESS_MAIN(TestSchedule)
#include "tst_schedule.moc"
