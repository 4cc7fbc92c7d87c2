#include "service/beacon/pace.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

class TestPace final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void keepsItsRate();
    void everyFurtherFrameCosts();
    void doesNotCatchUpAfterAPause();
};

namespace {

int framesWithin(Pace& pace, ManualClock& clock, std::chrono::milliseconds span, std::size_t further = 0)
{
    int frames = 0;
    for (auto at = 0ms; at < span; at += 1ms, clock.advance(1ms)) {
        while (pace.due(clock.now())) {
            pace.sent(clock.now());
            pace.charge(further);
            ++frames;
        }
    }
    return frames;
}

} // namespace

void TestPace::keepsItsRate()
{
    ManualClock clock;
    Pace pace{200, 1};
    const int frames = framesWithin(pace, clock, 10s);
    QVERIFY2(frames >= 1'940 && frames <= 2'060, qPrintable(QString::number(frames)));
}

void TestPace::everyFurtherFrameCosts()
{
    ManualClock clock;
    Pace pace{200, 1};
    const int frames = framesWithin(pace, clock, 10s, 3); // four frames each
    QVERIFY2(frames >= 480 && frames <= 520, qPrintable(QString::number(frames)));
}

void TestPace::doesNotCatchUpAfterAPause()
{
    ManualClock clock;
    Pace pace{100, 1};
    pace.sent(clock.now());
    clock.advance(1h);
    const int frames = framesWithin(pace, clock, 100ms);
    QVERIFY2(frames <= 15, qPrintable(QString::number(frames)));
}

QTEST_GUILESS_MAIN(TestPace)
#include "tst_pace.moc"
