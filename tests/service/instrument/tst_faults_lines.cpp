// The faults of a Beacon's lines, each for real: a Beacon with that fault, below a real Instrument, on a real veth. How
// lines are cut and made printable is tested byte by byte in tst_line_splitter, whose they are in tst_beacon_output,
// and row 26 to the millisecond in tst_liveness. The rows before 21 are in tst_faults_process.
#include "faulty_beacon.h"
#include "tests/support/net_fixture.h"

#include <QFile>
#include <QJsonArray>
#include <QSet>

#include <csignal>

using namespace beacon;
using namespace beacon::test;

namespace {

constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    true;
#else
    false;
#endif

/// Resident memory that no flood may drive an Instrument over.
constexpr qint64 kMostKb = 96 * 1'024;

bool staysSmall(const RunningInstrument& instrument)
{
    const qint64 resident = residentKbOf(instrument.pid());
    return kSanitized || (resident > 0 && resident < kMostKb);
}

QStringList outputOf(const RunningInstrument& instrument, const char* stream = nullptr)
{
    QStringList lines;
    for (const QJsonObject& event : instrument.events)
        if (event.value(QStringLiteral("type")).toString() == QStringLiteral("instruments.beacon.output")
            && (stream == nullptr || dataOf(event, "stream").toString() == QLatin1StringView(stream)))
            lines << dataOf(event, "line").toString();
    return lines;
}

struct Wrote {
    qint64 lines = 0, escapes = 0;
};

std::optional<Wrote> wrote(const RunningInstrument& instrument)
{
    QFile file{instrument.runtimeFile("wrote")};
    if (!file.open(QIODevice::ReadOnly))
        return std::nullopt;
    const QList<QByteArray> numbers = file.readAll().split(' ');
    return Wrote{numbers.value(0).toLongLong(), numbers.value(1).toLongLong()};
}

/// As of the last time that the Instrument looked at itself, which it does every two seconds here.
qint64 fact(FaultyBeacon& instrument, const char* name)
{
    return instrument.facts().value(QLatin1StringView(name)).toInteger();
}

} // namespace

class TstFaultsLines : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { QVERIFY(m_convalescents.measureAGoodOne()); }
    void fault21_linesSplitOverReads();
    void fault22_aHundredMegabytesWithoutANewline();
    void fault22_aLineWithoutAnEnd();
    void fault23_oddBytesOfAForeignBeacon();
    void fault23_oddBytesBetweenOurLines();
    void fault23_ourLinesEndInCrLf();
    void fault24_anUnterminatedEscapeAtTheEndIsNotLost();
    void fault24_anUnterminatedForeignLineIsNotLost();
    void fault25_aFloodOfOursLosesNoEscapeAndNoCount();
    void fault25_aForeignFloodCountsWhatItDrops();
    void fault26_ourLoopBlockedForFiveSecondsIsNoStall();
    void fault27_aFloodOnStderrIsNamedAndCounted();
    void fault28_aForeignBeaconMovesToStderr();
    void fault28_oursThatMovesToStderrIsReplaced();
    void allOfTheseRecovered();

private:
    void recover(std::unique_ptr<FaultyBeacon> instrument);

    Convalescents m_convalescents;
};

void TstFaultsLines::recover(std::unique_ptr<FaultyBeacon> instrument)
{
    instrument->mend();
    TRY(instrument->worksAgain());
    m_convalescents.add(QTest::currentTestFunction(), std::move(instrument));
}

void TstFaultsLines::fault21_linesSplitOverReads()
{
    FaultyBeacon instrument{"split"};
    QVERIFY(instrument.begin());
    TRY(instrument.attempts.size() >= 70); // 60 in pieces, 6 escapes, and some that came whole
    for (qsizetype i = 0, n = 0; i < 66; ++i) {
        const QJsonObject& line = instrument.attempts.at(i);
        const bool escaped = line.value(QStringLiteral("t")).toString() == QStringLiteral("escape");
        n += escaped ? 0 : 1;
        QCOMPARE(line.value(QStringLiteral("n")).toInteger(), n);
        QCOMPARE(line.value(QStringLiteral("port")).toInt(), 443);
    }
    TRY(fact(instrument, "attempts") > 60);
    QCOMPARE(fact(instrument, "lines_garbage"), 0);
    QCOMPARE(instrument.starts(), 1);
    QCOMPARE(instrument.healthStatus(), QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

void TstFaultsLines::fault22_aHundredMegabytesWithoutANewline()
{
    auto instrument = std::make_unique<FaultyBeacon>("endless");
    QVERIFY(instrument->begin());
    TRY(!instrument->last("beacon.escape.succeeded").isEmpty()); // it comes after the long line
    QVERIFY(staysSmall(*instrument));
    TRY(fact(*instrument, "lines_truncated") == 1);
    QCOMPARE(fact(*instrument, "lines_garbage"), 1);
    recover(std::move(instrument));
}

void TstFaultsLines::fault22_aLineWithoutAnEnd()
{
    auto instrument = std::make_unique<FaultyBeacon>("endlessly");
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_stalled", "unreadable lines");
    QVERIFY(staysSmall(*instrument));
    recover(std::move(instrument));
}

void TstFaultsLines::fault23_oddBytesOfAForeignBeacon()
{
    FaultyBeacon instrument{"foreign-odd"};
    QVERIFY(instrument.begin());
    const QString bad{QChar::ReplacementCharacter};
    const QStringList lines{QStringLiteral("NUL a") + bad + QLatin1Char('b'), QStringLiteral("colour red"),
        QStringLiteral("not UTF-8 ") + bad + bad + bad, QStringLiteral("half a character ") + bad,
        QStringLiteral("CRLF"), bad, QStringLiteral("bell ") + bad + QStringLiteral(" and a quote \"\\")};
    TRY(outputOf(instrument).size() >= lines.size());
    QCOMPARE(outputOf(instrument), lines);
    NO_COMPLAINTS(instrument); // each event is held against its schema
}

void TstFaultsLines::fault23_oddBytesBetweenOurLines()
{
    FaultyBeacon instrument{"odd"};
    QVERIFY(instrument.begin());
    TRY(!instrument.last("beacon.escape.succeeded").isEmpty());
    TRY(fact(instrument, "attempts") > 10);
    QCOMPARE(fact(instrument, "lines_garbage"), 7); // all but the empty one
    QCOMPARE(instrument.starts(), 1);
    NO_COMPLAINTS(instrument);
}

void TstFaultsLines::fault23_ourLinesEndInCrLf()
{
    FaultyBeacon instrument{"crlf"};
    QVERIFY(instrument.begin());
    TRY(instrument.attempts.size() >= 25);
    for (qsizetype i = 0; i < 20; ++i)
        QCOMPARE(instrument.attempts.at(i).value(QStringLiteral("n")).toInteger(), i + 1);
    TRY(fact(instrument, "attempts") > 20);
    QCOMPARE(fact(instrument, "lines_garbage"), 0);
    NO_COMPLAINTS(instrument);
}

void TstFaultsLines::fault24_anUnterminatedEscapeAtTheEndIsNotLost()
{
    auto instrument = std::make_unique<FaultyBeacon>("last-words");
    QVERIFY(instrument->begin());
    TRY(instrument->deaths() >= 2);
    QVERIFY(instrument->count("beacon.escape.succeeded") >= 2);
    QCOMPARE(dataOf(instrument->last("beacon.escape.succeeded"), "n").toInt(), 77);
    recover(std::move(instrument));
}

void TstFaultsLines::fault24_anUnterminatedForeignLineIsNotLost()
{
    auto instrument = std::make_unique<FaultyBeacon>("foreign-last");
    QVERIFY(instrument->begin());
    TRY(instrument->deaths() >= 1);
    const QStringList lines{QStringLiteral("the first words"), QStringLiteral("the last words")};
    QCOMPARE(outputOf(*instrument).mid(0, 2), lines);
    QCOMPARE(instrument->ofLastDeath("last_lines").toArray().toVariantList(), QVariantList(lines.begin(), lines.end()));
    recover(std::move(instrument));
}

void TstFaultsLines::fault25_aFloodOfOursLosesNoEscapeAndNoCount()
{
    auto instrument = std::make_unique<FaultyBeacon>("flood");
    instrument->setWantsLines(false);
    QVERIFY(instrument->begin());
    qint64 largestKb = 0;
    QTRY_VERIFY_WITH_TIMEOUT(
        (largestKb = std::max(largestKb, residentKbOf(instrument->pid())), wrote(*instrument).has_value()), 60'000);
    QVERIFY2(kSanitized || largestKb < kMostKb, qPrintable(QString::number(largestKb)));
    if (!kSanitized)
        TRY_SAID(*instrument, "beacon_floods", "escapes are never left out");
    // It goes on as a good one, which counts from 1 again: stop it, so that the counts stand still.
    instrument->call(QStringLiteral("beacon.stop"));
    TRY(instrument->life() == QStringLiteral("stopped"));
    const auto flooded = *wrote(*instrument);
    qInfo("%lld lines, %lld of them escapes, at most %lld kB", static_cast<long long>(flooded.lines),
        static_cast<long long>(flooded.escapes), static_cast<long long>(largestKb));
    const QJsonObject facts = instrument->facts();
    const qint64 attempts = facts.value(QStringLiteral("attempts")).toInteger();
    const qint64 escapes = facts.value(QStringLiteral("escapes")).toInteger();
    TRY(instrument->count("beacon.escape.succeeded") == escapes);
    // What came after the flood: escapes that are numbered by tens, and ten attempts for each.
    qint64 later = 0;
    QSet<qint64> told;
    for (const QJsonObject& event : instrument->events)
        if (event.value(QStringLiteral("type")).toString() == QStringLiteral("instruments.beacon.escape.succeeded"))
            told << dataOf(event, "n").toInteger();
    later = escapes - flooded.escapes;
    QVERIFY2(later >= 0, qPrintable(QString::number(later)));
    for (qint64 n = 1; n <= flooded.escapes; ++n)
        QVERIFY2(told.contains(n), qPrintable(QStringLiteral("escape %1 is lost").arg(n)));
    const qint64 laterAttempts = attempts - 1 - (flooded.lines - flooded.escapes);
    QVERIFY2(laterAttempts >= later * 10 && laterAttempts < (later + 1) * 10,
        qPrintable(QString::number(laterAttempts) + QStringLiteral(" for ") + QString::number(later)));
    QCOMPARE(facts.value(QStringLiteral("lines_garbage")).toInteger(), 0);
    instrument->call(QStringLiteral("beacon.start"));
    recover(std::move(instrument));
}

void TstFaultsLines::fault25_aForeignFloodCountsWhatItDrops()
{
    auto instrument = std::make_unique<FaultyBeacon>("foreign-flood");
    QVERIFY(instrument->begin());
    QTRY_VERIFY_WITH_TIMEOUT(wrote(*instrument).has_value(), 60'000);
    QVERIFY(staysSmall(*instrument));
    // Quiet lines come after the flood, numbered from 1; the first that is shown tells how many lines were left out.
    const QString quiet = QStringLiteral("quiet line ");
    TRY(outputOf(*instrument).filter(quiet).size() >= 3);
    qint64 dropped = 0;
    for (const QJsonObject& event : instrument->events)
        dropped += dataOf(event, "dropped").toInteger();
    const QStringList shown = outputOf(*instrument);
    QCOMPARE(shown.size() + dropped, wrote(*instrument)->lines + shown.last().mid(quiet.size()).toLongLong());
    TRY(fact(*instrument, "lines_dropped") == dropped);
    if (!kSanitized)
        QVERIFY(!instrument->said("beacon_floods").isEmpty());
    TRY(instrument->healthStatus() == QStringLiteral("OK"));
    QCOMPARE(instrument->starts(), 1);
    NO_COMPLAINTS(*instrument);
}

void TstFaultsLines::fault26_ourLoopBlockedForFiveSecondsIsNoStall()
{
    FaultyBeacon instrument{"good"};
    QVERIFY(instrument.begin());
    TRY(instrument.healthStatus() == QStringLiteral("OK") && instrument.beaconPid() > 0);
    const qint64 beacon = instrument.beaconPid();
    const auto pid = static_cast<pid_t>(instrument.pid());
    constexpr int kBlockedMs = 5'000; // --stall is 2 s
    ::kill(pid, SIGSTOP);
    QTest::qWait(kBlockedMs);
    ::kill(pid, SIGCONT);
    const qsizetype lines = instrument.attempts.size();
    TRY(instrument.attempts.size() >= lines + 120); // those of that time, and new ones
    QTest::qWait(3'000); // any verdict would have been spoken
    QCOMPARE(instrument.beaconPid(), beacon);
    QCOMPARE(instrument.starts(), 1);
    QCOMPARE(instrument.said("beacon_stalled"), QString{});
    QCOMPARE(instrument.healthStatus(), QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

void TstFaultsLines::fault27_aFloodOnStderrIsNamedAndCounted()
{
    auto instrument = std::make_unique<FaultyBeacon>("stderr-flood");
    QVERIFY(instrument->begin());
    QTRY_VERIFY_WITH_TIMEOUT(wrote(*instrument).has_value(), 60'000);
    QVERIFY(staysSmall(*instrument));
    if (!kSanitized)
        TRY_SAID(*instrument, "beacon_floods", "lines a second");
    QVERIFY(!instrument->last("beacon.escape.succeeded").isEmpty()); // stdout had its turn
    const auto logged = [&] { return instrument->log().count("line=\"64 bytes"); };
    QTRY_VERIFY_WITH_TIMEOUT(logged() + fact(*instrument, "lines_dropped") == wrote(*instrument)->lines, 60'000);
    QVERIFY2(logged() < 100 * 61, qPrintable(QString::number(logged())));
    QCOMPARE(instrument->starts(), 1);
    TRY(!instrument->holds("beacon_floods"));
    NO_COMPLAINTS(*instrument);
}

void TstFaultsLines::fault28_aForeignBeaconMovesToStderr()
{
    FaultyBeacon instrument{"foreign-moves"};
    QVERIFY(instrument.begin());
    TRY(outputOf(instrument, "stderr").size() >= 80); // 4 s, and --stall is 2
    const QStringList lines = outputOf(instrument);
    for (qsizetype i = 0; i < lines.size(); ++i)
        QCOMPARE(lines.at(i), QStringLiteral("line %1").arg(i));
    QCOMPARE(outputOf(instrument, "stdout").size(), 20);
    QCOMPARE(instrument.starts(), 1);
    QCOMPARE(instrument.healthStatus(), QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

void TstFaultsLines::fault28_oursThatMovesToStderrIsReplaced()
{
    // Design section 5: our lines come on stdout. What is on stderr counts for nothing once it has said hello.
    auto instrument = std::make_unique<FaultyBeacon>("moves");
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_stalled", "complaints");
    TRY(instrument->deaths() >= 1);
    recover(std::move(instrument));
}

void TstFaultsLines::allOfTheseRecovered()
{
    const QStringList complaints = m_convalescents.complaints();
    QVERIFY2(complaints.isEmpty(), qPrintable(complaints.join(QLatin1Char('\n'))));
}

BEACON_NETNS_MAIN(TstFaultsLines)
#include "tst_faults_lines.moc"
