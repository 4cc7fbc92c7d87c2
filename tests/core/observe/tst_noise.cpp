#include "core/observe/noise.h"

#include <QTest>

#include <array>

using namespace beacon;

class TestNoise : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void sourcesAreRankedAndTheMeterStartsAnew()
    {
        NoiseMeter meter;
        for (int i = 0; i < 30; ++i) {
            for (int n = 0; n <= i; ++n)
                meter.count(TokenClass::Noise, address(i));
        }
        meter.count(TokenClass::Replay, address(0));
        meter.count(TokenClass::Duplicate, address(99));
        const auto rollUp = meter.take();
        QCOMPARE(rollUp.byClass[static_cast<std::size_t>(TokenClass::Noise)], std::uint64_t{465});
        QCOMPARE(rollUp.total(), std::uint64_t{467});
        QCOMPARE(rollUp.topSources.size(), NoiseMeter::kTopSources);
        QCOMPARE(rollUp.topSources.front().first, address(29));
        QCOMPARE(rollUp.topSources.front().second, std::uint64_t{30});
        QCOMPARE(meter.take().total(), std::uint64_t{0});
    }

    void aFloodFromEverywhereIsCountedInBoundedMemory()
    {
        NoiseMeter meter;
        for (int i = 0; i < 500'000; ++i)
            meter.count(TokenClass::Noise, address(i));
        meter.count(TokenClass::Noise, address(1)); // has a count of its own: it came early
        QCOMPARE(meter.sources(), NoiseMeter::kMaxSources);
        const auto rollUp = meter.take();
        QCOMPARE(rollUp.total(), std::uint64_t{500'001});
        QCOMPARE(rollUp.topSources.front().first, address(1));
        QCOMPARE(meter.sources(), std::size_t{0});
    }

private:
    static IpAddress address(int i)
    {
        const std::array<Byte, 4> bytes{
            10, static_cast<Byte>(i >> 16), static_cast<Byte>(i >> 8), static_cast<Byte>(i)};
        return IpAddress{ByteView{bytes}};
    }
};

QTEST_GUILESS_MAIN(TestNoise)
#include "tst_noise.moc"
