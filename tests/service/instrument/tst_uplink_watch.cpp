#include "service/instrument/uplink_watch.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kCountingBegan{std::chrono::seconds{1'764'000'000}};
constexpr std::uint8_t kUdp = 17;

/// A Sensor that counts every ten seconds, and a Beacon that sends ten attempts meanwhile.
struct Rig {
    UplinkWatch watch;
    ManualClock clock;
    platform::UplinkCounted count{QStringLiteral("eth0"), 0, 0, kCountingBegan, std::nullopt};

    void countNow() { watch.counted(clock.now(), count); }
    void send(int attempts, std::uint8_t proto = kUdp, Outcome outcome = Outcome::Sent)
    {
        AttemptLine line;
        line.target.proto = proto;
        line.outcome = outcome;
        for (int i = 0; i < attempts; ++i)
            watch.sent(line);
    }
    void tenSeconds(int attempts = 10, std::uint8_t proto = kUdp, Outcome outcome = Outcome::Sent)
    {
        send(attempts, proto, outcome);
        clock.advance(10s);
        countNow();
    }
    [[nodiscard]] bool warns() const { return watch.notLeavingSince().has_value(); }
};

} // namespace

class TstUplinkWatch : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void withoutASensorThatCountsNothingIsClaimed();
    void aMinuteOfAttemptsWithoutOneTokenIsTold();
    void fewerThanThirtyAttemptsProveNothing();
    void whatWasSentBeforeTheCountingIsNoProof();
    void aTokenEndsIt();
    void silenceOfTheSensorIsNoProof();
    void onlyWhatCarriesItsTokenInTheFirstFrameIsHeldAgainstIt_data();
    void onlyWhatCarriesItsTokenInTheFirstFrameIsHeldAgainstIt();
    void countingAnewProvesNothingYet();
    void anEscapeIsProofEnough();
    void sinceIsTheLastTokenThatWasSeen();
    void forgettingTakesAllBack();
};

void TstUplinkWatch::withoutASensorThatCountsNothingIsClaimed()
{
    Rig rig;
    rig.send(1'000);
    rig.clock.advance(1h);
    QVERIFY(!rig.warns());
    QVERIFY(rig.watch.facts().isEmpty());
}

void TstUplinkWatch::aMinuteOfAttemptsWithoutOneTokenIsTold()
{
    Rig rig;
    rig.countNow();
    for (int i = 0; i < 5; ++i) {
        rig.count.frames += 3; // ARP and the like
        rig.tenSeconds();
        QVERIFY(!rig.warns());
    }
    rig.tenSeconds();
    QVERIFY(rig.warns());
    QCOMPARE(*rig.watch.notLeavingSince(), kCountingBegan);
    QCOMPARE(rig.watch.facts(),
        (QJsonObject{{QStringLiteral("uplink_frames"), 15}, {QStringLiteral("uplink_tokens"), 0},
            {QStringLiteral("uplink_since"), 1'764'000'000.0}}));
}

void TstUplinkWatch::fewerThanThirtyAttemptsProveNothing()
{
    Rig rig;
    rig.countNow();
    rig.tenSeconds(29);
    for (int i = 0; i < 20; ++i)
        rig.tenSeconds(0);
    QVERIFY(!rig.warns());
    rig.tenSeconds(1);
    QVERIFY(rig.warns());
}

void TstUplinkWatch::whatWasSentBeforeTheCountingIsNoProof()
{
    Rig rig;
    rig.send(1'000);
    rig.countNow();
    for (int i = 0; i < 20; ++i)
        rig.tenSeconds(0);
    QVERIFY(!rig.warns());
}

void TstUplinkWatch::aTokenEndsIt()
{
    Rig rig;
    rig.countNow();
    for (int i = 0; i < 6; ++i)
        rig.tenSeconds();
    QVERIFY(rig.warns());
    rig.count.tokens = 1;
    rig.tenSeconds();
    QVERIFY(!rig.warns());
    for (int i = 0; i < 5; ++i) // and all begins anew
        rig.tenSeconds();
    QVERIFY(!rig.warns());
    rig.tenSeconds();
    QVERIFY(rig.warns());
}

void TstUplinkWatch::silenceOfTheSensorIsNoProof()
{
    Rig rig;
    rig.countNow();
    rig.send(1'000);
    rig.clock.advance(1h);
    QVERIFY(!rig.warns());
    rig.countNow();
    QVERIFY(rig.warns());
}

void TstUplinkWatch::onlyWhatCarriesItsTokenInTheFirstFrameIsHeldAgainstIt_data()
{
    QTest::addColumn<int>("proto");
    QTest::addColumn<Outcome>("outcome");
    QTest::addColumn<bool>("warns");
    QTest::newRow("UDP that was sent") << 17 << Outcome::Sent << true;
    QTest::newRow("ICMP that was sent") << 1 << Outcome::Sent << true;
    QTest::newRow("TCP, whose token follows the handshake") << 6 << Outcome::Sent << false;
    QTest::newRow("without a next hop") << 17 << Outcome::NoNextHop << false;
    QTest::newRow("refused by this host") << 17 << Outcome::LocalError << false;
    QTest::newRow("skipped") << 17 << Outcome::Skipped << false;
}

void TstUplinkWatch::onlyWhatCarriesItsTokenInTheFirstFrameIsHeldAgainstIt()
{
    QFETCH(int, proto);
    QFETCH(Outcome, outcome);
    QFETCH(bool, warns);
    Rig rig;
    rig.countNow();
    for (int i = 0; i < 10; ++i)
        rig.tenSeconds(10, static_cast<std::uint8_t>(proto), outcome);
    QCOMPARE(rig.warns(), warns);
}

void TstUplinkWatch::countingAnewProvesNothingYet()
{
    Rig rig;
    rig.count.tokens = 50;
    rig.countNow();
    for (int i = 0; i < 6; ++i)
        rig.tenSeconds();
    QVERIFY(rig.warns());
    rig.count.since += 1h; // the Sensor was started anew
    rig.count.tokens = 0;
    rig.tenSeconds();
    QVERIFY(!rig.warns());
    for (int i = 0; i < 6; ++i)
        rig.tenSeconds();
    QVERIFY(rig.warns());
}

void TstUplinkWatch::anEscapeIsProofEnough()
{
    Rig rig;
    rig.countNow();
    for (int i = 0; i < 20; ++i) {
        rig.watch.escaped();
        rig.tenSeconds();
        QVERIFY(!rig.warns());
    }
}

void TstUplinkWatch::sinceIsTheLastTokenThatWasSeen()
{
    Rig rig;
    rig.count.tokens = 3;
    rig.count.last = kCountingBegan + 5min;
    rig.countNow();
    for (int i = 0; i < 6; ++i)
        rig.tenSeconds();
    QVERIFY(rig.warns());
    QCOMPARE(*rig.watch.notLeavingSince(), kCountingBegan + 5min);
}

void TstUplinkWatch::forgettingTakesAllBack()
{
    Rig rig;
    rig.countNow();
    for (int i = 0; i < 6; ++i)
        rig.tenSeconds();
    QVERIFY(rig.warns());
    rig.watch.forget();
    QVERIFY(!rig.warns());
    QVERIFY(rig.watch.facts().isEmpty());
}

QTEST_GUILESS_MAIN(TstUplinkWatch)
#include "tst_uplink_watch.moc"
