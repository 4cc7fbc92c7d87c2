#include "service/instrument/beacon_output.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;
using Kind = BeaconOutput::Kind;

namespace {

const QByteArray kHello = R"({"v":1,"t":"hello","version":"1","interface":"eth0","rate_pps":1,"run":7,"techniques":[]})"
                          "\n";
const QByteArray kAttempt =
    R"({"v":1,"t":"attempt","n":1,"technique":"IcmpEcho","family":"ipv4","dst":"192.0.2.1","proto":1,"outcome":"sent"})"
    "\n";
const QByteArray kEscape =
    R"({"v":1,"t":"escape","n":1,"technique":"IcmpEcho","family":"ipv4","dst":"192.0.2.1","proto":1,"rtt_us":5})"
    "\n";
const QByteArray kIdle = R"({"v":1,"t":"idle","for_s":10})"
                         "\n";

struct Rig {
    Rig()
    {
        QObject::connect(&output, &BeaconOutput::alive, &output, [this](bool attempt) { alive << attempt; });
        QObject::connect(&output, &BeaconOutput::attempt, &output, [this] { ++attempts; });
        QObject::connect(&output, &BeaconOutput::escape, &output, [this] { ++escapes; });
        QObject::connect(&output, &BeaconOutput::diagnostic, &output, [this] { ++diagnostics; });
        QObject::connect(
            &output, &BeaconOutput::outputLine, &output, [this](const std::string& text, Stream, bool, quint64 left) {
                lines << QString::fromStdString(text);
                dropped += left;
            });
        output.begin();
    }

    ManualClock clock;
    BeaconOutput output{clock};
    QList<bool> alive;
    QStringList lines;
    int attempts = 0, escapes = 0, diagnostics = 0;
    quint64 dropped = 0;
};

} // namespace

class TstBeaconOutput : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void helloFirstMeansOurs();
    void anythingElseFirstMeansForeign();
    void stderrBeforeHelloCountsAsLifeOnly();
    void aForeignOneThatUsesStderrOnlyIsHeard();
    void outputThatMovesToStderrIsStillHeard();
    void garbageOfOursIsNoLife();
    void fault27_aFloodOfOursOnStderrIsCounted();
    void idleIsLifeButNoAttempt();
    void atMostAHundredLinesASecondAndTheRestIsCounted();
    void escapesAreNeverDropped();
    void theNextProcessIsJudgedAnew();
    void theLastLinesAreKept();
};

void TstBeaconOutput::helloFirstMeansOurs()
{
    Rig rig;
    rig.output.feed(Stream::Out, "\n  \n" + kHello + kAttempt + kEscape);
    QCOMPARE(rig.output.kind(), Kind::Ours);
    QCOMPARE(rig.output.hello()->run, 7U);
    QCOMPARE(rig.attempts, 1);
    QCOMPARE(rig.escapes, 1);
    QCOMPARE(rig.alive, QList<bool>({false, true, true}));
    QVERIFY(rig.lines.isEmpty());
}

void TstBeaconOutput::anythingElseFirstMeansForeign()
{
    Rig rig;
    rig.output.feed(Stream::Out, "ARPING 192.0.2.1\n\n" + kHello);
    QCOMPARE(rig.output.kind(), Kind::Foreign);
    QCOMPARE(rig.lines.size(), 2); // an empty line is none, and a late hello changes nothing
    QCOMPARE(rig.alive, QList<bool>({true, true}));
}

void TstBeaconOutput::stderrBeforeHelloCountsAsLifeOnly()
{
    Rig rig;
    rig.output.feed(Stream::Err, "warming up\n");
    QCOMPARE(rig.output.kind(), Kind::Undecided);
    QCOMPARE(rig.alive, QList<bool>({false}));
    rig.output.feed(Stream::Out, kHello);
    QCOMPARE(rig.output.kind(), Kind::Ours);
    QVERIFY(rig.lines.isEmpty());
    QCOMPARE(rig.diagnostics, 1);
}

void TstBeaconOutput::aForeignOneThatUsesStderrOnlyIsHeard()
{
    Rig rig;
    rig.output.feed(Stream::Err, "probe 1\n");
    QVERIFY(rig.lines.isEmpty());
    rig.clock.advance(3s);
    rig.output.feed(Stream::Err, "probe 2\n");
    QCOMPARE(rig.lines, QStringList({QStringLiteral("probe 1"), QStringLiteral("probe 2")}));

    Rig brief;
    brief.output.feed(Stream::Err, "usage: x");
    brief.output.end();
    QCOMPARE(brief.lines, QStringList{QStringLiteral("usage: x")});
}

void TstBeaconOutput::outputThatMovesToStderrIsStillHeard()
{
    Rig rig;
    rig.output.feed(Stream::Out, "probe 1\n");
    rig.output.feed(Stream::Err, "probe 2\n");
    QCOMPARE(rig.lines.size(), 2);
    QCOMPARE(rig.alive.size(), 2);
}

void TstBeaconOutput::garbageOfOursIsNoLife()
{
    Rig rig;
    rig.output.feed(Stream::Out, kHello);
    rig.output.feed(Stream::Out, QByteArray{"\0\xff{\n[1]\n{\"t\":5}\n", 14} + QByteArray(9'000, '{') + '\n');
    QCOMPARE(rig.alive.size(), 1);
    QVERIFY(rig.output.counters().garbage >= 3);
    QCOMPARE(rig.output.counters().truncated, 1U);
    QVERIFY(rig.output.onlyNoise());
    rig.output.feed(Stream::Out, kAttempt);
    QCOMPARE(rig.attempts, 1);
    QVERIFY(!rig.output.onlyNoise());
    rig.output.feed(Stream::Out, QByteArray(9'000, 'x')); // a line without an end is noise, too
    QVERIFY(rig.output.onlyNoise());
}

void TstBeaconOutput::fault27_aFloodOfOursOnStderrIsCounted()
{
    Rig rig;
    for (int i = 0; i < 100; ++i) // read before the hello, which came first
        rig.output.feed(Stream::Err, "an early complaint\n");
    const auto early = rig.output.counters().dropped;
    QVERIFY(early > 0);
    rig.output.feed(Stream::Out, kHello);
    QCOMPARE(rig.diagnostics + early, 100U);

    rig.output.begin();
    rig.clock.advance(std::chrono::seconds{1});
    rig.diagnostics = 0;
    rig.alive.clear();
    int noise = 0;
    connect(&rig.output, &BeaconOutput::noise, this, [&] { ++noise; });
    rig.output.feed(Stream::Out, kHello);
    QVERIFY(!rig.output.onlyNoise());
    for (int i = 0; i < 1'000; ++i)
        rig.output.feed(Stream::Err, "a complaint\n");
    QCOMPARE(noise, 1'000);
    QCOMPARE(rig.diagnostics, 100);
    QCOMPARE(rig.output.counters().dropped, early + 900);
    QVERIFY(rig.output.onlyNoise());
    QCOMPARE(rig.alive.size(), 1);
    QVERIFY(rig.lines.isEmpty());
}

void TstBeaconOutput::idleIsLifeButNoAttempt()
{
    Rig rig;
    rig.output.feed(Stream::Out, kHello + kIdle);
    QCOMPARE(rig.alive, QList<bool>({false, false}));
}

void TstBeaconOutput::atMostAHundredLinesASecondAndTheRestIsCounted()
{
    Rig rig;
    for (int i = 0; i < 1'000; ++i)
        rig.output.feed(Stream::Out, "line\n");
    QCOMPARE(rig.lines.size(), 100);
    QCOMPARE(rig.alive.size(), 1'000); // life is not dropped
    rig.clock.advance(1s);
    rig.output.feed(Stream::Out, "line\n");
    QCOMPARE(rig.lines.size(), 101);
    QCOMPARE(rig.dropped, 900U);
    QCOMPARE(rig.output.counters().dropped, 900U);
}

void TstBeaconOutput::escapesAreNeverDropped()
{
    Rig rig;
    rig.output.feed(Stream::Out, kHello);
    for (int i = 0; i < 5'000; ++i)
        rig.output.feed(Stream::Out, kEscape);
    QCOMPARE(rig.escapes, 5'000);
}

void TstBeaconOutput::theNextProcessIsJudgedAnew()
{
    Rig rig;
    rig.output.feed(Stream::Out, kHello + "{\"half");
    rig.output.end();
    rig.output.begin();
    rig.output.feed(Stream::Out, "plain\n");
    QCOMPARE(rig.output.kind(), Kind::Foreign);
    QVERIFY(!rig.output.hello());
    QCOMPARE(rig.lines, QStringList{QStringLiteral("plain")});
}

void TstBeaconOutput::theLastLinesAreKept()
{
    Rig rig;
    for (int i = 0; i < 20; ++i)
        rig.output.feed(Stream::Err, QByteArray::number(i) + '\n');
    rig.output.feed(Stream::Err, QByteArray(600, 'x') + '\n');
    const auto last = rig.output.lastLines();
    QCOMPARE(last.size(), 10U);
    QCOMPARE(last.front(), std::string{"11"});
    QCOMPARE(last.back().size(), 512U);
}

QTEST_GUILESS_MAIN(TstBeaconOutput)
#include "tst_beacon_output.moc"
