#include "core/store/journal_file.h"
#include "running_instrument.h"
#include "tests/support/net_fixture.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QProcess>
#include <QTest>

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kFake = QStringLiteral(TARGETS_DIR "/fake_beacon");
const QString kMisbehave = QStringLiteral(TARGETS_DIR "/misbehave"); // does what the interface is called
const QStringList kQuick{QStringLiteral("--stall"), QStringLiteral("2"), QStringLiteral("--stop"), QStringLiteral("1")};
constexpr int kPatienceMs = 20'000;

bool makeInterface(const QString& name = QStringLiteral("seg0"))
{
    return ip(QStringLiteral("link add %1 type veth peer name peer0").arg(name))
        && ip(QStringLiteral("link set peer0 up")) && ip(QStringLiteral("link set %1 up").arg(name));
}

QJsonValue dataOf(const QJsonObject& event, const char* key)
{
    return event.value(QStringLiteral("data")).toObject().value(QLatin1StringView(key));
}

int healthProbe(const RunningInstrument& instrument)
{
    QProcess process;
    process.start(
        QStringLiteral(BEACON_BIN_DIR "/beacon-instrument"), instrument.arguments() << QStringLiteral("--health"));
    return process.waitForFinished() ? process.exitCode() : -1;
}

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)
#define NO_COMPLAINTS(instrument) QVERIFY2((instrument).complaints().isEmpty(), qPrintable((instrument).complaints()))

class TstInstrument : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void cleanup() { ip(QStringLiteral("link del peer0 2>/dev/null || true")); }
    void theInterfaceComesGoesAndComesBack();
    void aRenamedInterfaceGetsABeaconOfItsNewName();
    void aKilledBeaconIsReplaced();
    void fault05_aStoppedBeaconIsReplacedAndStopContinuesItFirst();
    void ourOwnDeathLeavesNoBeacon();
    void nothingLeavingTheHostIsNamedAndRecovers_data();
    void nothingLeavingTheHostIsNamedAndRecovers();
    void aBadConfigurationChangesNothingAndAGoodOneRestartsOnce();
    void aSecondInstanceIsTurnedAway();
    void aForeignBeaconNeedsNoConfiguration();
    void aFloodIsBoundedAndCounted();
    void fault09_aBeaconThatIgnoresTermIsStoppedWithinTenSeconds();
    void whoComesBackGetsWhatWasMissed();
    void aRestartKeepsYesterdaysLines();
    void fault67_journalCannotBeWritten();
    void nobodyToAskIs69();
};

void TstInstrument::theInterfaceComesGoesAndComesBack()
{
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.healthCodes().contains(QStringLiteral("interface_absent")));
    QCOMPARE(instrument.healthStatus(), QStringLiteral("PENDING")); // nothing else flashes by
    QVERIFY(instrument.children().isEmpty());

    QVERIFY(makeInterface());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(!instrument.last("beacon.escape.succeeded").isEmpty());
    QCOMPARE(dataOf(instrument.last("beacon.escape.succeeded"), "port").toInt(), 443);
    QCOMPARE(dataOf(instrument.last("beacon.escape.succeeded"), "run").toInt(), 7);
    QCOMPARE(dataOf(instrument.last("beacon.process.started"), "version").toString(), QStringLiteral("9.9.9"));
    QCOMPARE(instrument.count("beacon.interface.up"), 1);
    const auto isEscape = [](const QJsonObject& line) {
        return line.value(QStringLiteral("t")).toString() == QStringLiteral("escape");
    };
    QVERIFY(std::any_of(instrument.attempts.begin(), instrument.attempts.end(), isEscape));
    QVERIFY(instrument.attempts.first().value(QStringLiteral("at")).toDouble() > 1e9);
    QCOMPARE(healthProbe(instrument), 0);
    QCOMPARE(QFile::permissions(instrument.runtimeFile("beacon.json")) & (QFile::ReadGroup | QFile::ReadOther),
        QFile::Permissions{});

    const qint64 child = instrument.beaconPid();
    QVERIFY(ip(QStringLiteral("link del seg0")));
    TRY(instrument.healthStatus() == QStringLiteral("ERROR"));
    QCOMPARE(instrument.healthCodes().value(0), QStringLiteral("interface_absent"));
    TRY(!isAlive(child) && instrument.children().isEmpty());
    QCOMPARE(instrument.count("beacon.interface.down"), 1);
    QCOMPARE(healthProbe(instrument), 1);

    QVERIFY(makeInterface());
    const qint64 seq = instrument.lastSeq();
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(!instrument.last("beacon.escape.succeeded", seq).isEmpty());
    QVERIFY(instrument.end(SIGTERM, 10'000));
    QCOMPARE(instrument.exitCode(), 0);
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aRenamedInterfaceGetsABeaconOfItsNewName()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.count("beacon.process.started") == 1);
    const qint64 child = instrument.beaconPid();
    QVERIFY(ip(QStringLiteral("link set seg0 name other")));
    TRY(instrument.count("beacon.process.started") == 2);
    QVERIFY(!isAlive(child));
    QFile commandLine{QStringLiteral("/proc/%1/cmdline").arg(instrument.beaconPid())};
    QVERIFY(commandLine.open(QIODevice::ReadOnly));
    QVERIFY(commandLine.readAll().endsWith(QByteArray{"\0other\0", 7}));
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aKilledBeaconIsReplaced()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.count("beacon.process.started") == 1);
    const qint64 child = instrument.beaconPid();
    ::kill(static_cast<pid_t>(child), SIGKILL);
    TRY(instrument.count("beacon.process.started") == 2);
    QCOMPARE(dataOf(instrument.last("beacon.process.exited"), "signal").toInt(), SIGKILL);
    QVERIFY(dataOf(instrument.last("beacon.process.exited"), "code").isNull());
    QVERIFY(instrument.beaconPid() != 0 && instrument.beaconPid() != child);
    TRY(instrument.healthStatus() == QStringLiteral("WARNING") || instrument.healthStatus() == QStringLiteral("OK"));
    NO_COMPLAINTS(instrument);
}

void TstInstrument::fault05_aStoppedBeaconIsReplacedAndStopContinuesItFirst()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.attempts.size() >= 5);
    const qint64 child = instrument.beaconPid();
    QElapsedTimer timer;
    timer.start();
    ::kill(static_cast<pid_t>(child), SIGSTOP);
    TRY(instrument.count("beacon.process.started") == 2);
    QVERIFY2(timer.elapsed() >= 1'900, qPrintable(QString::number(timer.elapsed())));
    QVERIFY(!isAlive(child));
    QVERIFY(instrument.log().contains("silent"));
    QVERIFY2(instrument.said("beacon_stalled").contains(QStringLiteral("said nothing for 2 s")),
        qPrintable(instrument.said("beacon_stalled")));
    // It ended of the SIGTERM that was pending while it was stopped: nobody had to kill it.
    QCOMPARE(dataOf(instrument.last("beacon.process.exited"), "signal").toInt(), SIGTERM);
    NO_COMPLAINTS(instrument);
}

void TstInstrument::ourOwnDeathLeavesNoBeacon()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.count("beacon.process.started") == 1);
    const qint64 child = instrument.beaconPid();
    QVERIFY(instrument.end(SIGKILL, 5'000));
    TRY(!isAlive(child));
    QVERIFY(instrument.start()); // the lock and the socket that were left are no obstacle
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
}

void TstInstrument::nothingLeavingTheHostIsNamedAndRecovers_data()
{
    QTest::addColumn<QByteArray>("outcome");
    QTest::addColumn<QString>("code");
    QTest::newRow("no next hop") << QByteArray{"no_next_hop"} << QStringLiteral("no_next_hop");
    QTest::newRow("local error") << QByteArray{"local_error"} << QStringLiteral("local_errors");
}

void TstInstrument::nothingLeavingTheHostIsNamedAndRecovers()
{
    QFETCH(QByteArray, outcome);
    QFETCH(QString, code);
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    instrument.writeFile(instrument.runtimeFile("outcome"), outcome);
    TRY(instrument.healthStatus() == QStringLiteral("ERROR"));
    QCOMPARE(instrument.healthCodes(), QStringList{code});
    QVERIFY(QFile::remove(instrument.runtimeFile("outcome")));
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    QCOMPARE(instrument.count("beacon.process.started"), 1); // nobody was blamed
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aBadConfigurationChangesNothingAndAGoodOneRestartsOnce()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.beaconPid() != 0 && instrument.count("beacon.process.started") == 1);
    const qint64 child = instrument.beaconPid();
    const auto hangUp = [&] { ::kill(static_cast<pid_t>(instrument.pid()), SIGHUP); };

    instrument.writeFile(instrument.configPath(), R"({"rate":"fast"})");
    hangUp();
    TRY(instrument.count("beacon.config.rejected") == 1);
    QCOMPARE(dataOf(instrument.last("beacon.config.rejected"), "errors")
                 .toArray()
                 .at(0)
                 .toObject()
                 .value(QStringLiteral("pointer"))
                 .toString(),
        QStringLiteral("/rate"));
    TRY(instrument.healthCodes().contains(QStringLiteral("config_rejected")));
    QCOMPARE(instrument.beaconPid(), child);

    instrument.writeFile(instrument.configPath(), R"({"grace":20})");
    hangUp();
    TRY(instrument.count("beacon.config.applied") == 2); // the first is that of the start
    QCOMPARE(dataOf(instrument.last("beacon.config.applied"), "changed_keys").toArray(),
        QJsonArray{QStringLiteral("grace")});
    TRY(!instrument.healthCodes().contains(QStringLiteral("config_rejected")));
    QTest::qWait(300);
    QCOMPARE(instrument.beaconPid(), child); // nothing that the Beacon knows of changed

    instrument.writeFile(instrument.configPath(), R"({"grace":20,"rate":5,"ports":[53,80]})");
    hangUp();
    TRY(instrument.count("beacon.process.started") == 2);
    QTest::qWait(500);
    QCOMPARE(instrument.count("beacon.process.started"), 2);
    QFile file{instrument.runtimeFile("beacon.json")};
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), QByteArray{R"({"ports":[53,80],"rate":5})"});
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aSecondInstanceIsTurnedAway()
{
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    QProcess second;
    second.start(QStringLiteral(BEACON_BIN_DIR "/beacon-instrument"), instrument.arguments());
    QVERIFY(second.waitForFinished());
    QCOMPARE(second.exitCode(), 75);
    QCOMPARE(healthProbe(instrument), 0); // the first one is unharmed: pending
}

void TstInstrument::aForeignBeaconNeedsNoConfiguration()
{
    QVERIFY(makeInterface(QStringLiteral("ticks")));
    RunningInstrument instrument{QStringLiteral("ticks"), kMisbehave};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(instrument.count("beacon.output") >= 5);
    QCOMPARE(dataOf(instrument.events.last(), "stream").toString(), QStringLiteral("stdout"));
    QVERIFY(dataOf(instrument.last("beacon.process.started"), "version").isNull());
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aFloodIsBoundedAndCounted()
{
    QVERIFY(makeInterface(QStringLiteral("flood")));
    RunningInstrument instrument{QStringLiteral("flood"), kMisbehave};
    QVERIFY(instrument.start());
    TRY(instrument.count("beacon.output") >= 100);
    QTest::qWait(2'000);
    QVERIFY2(instrument.count("beacon.output") <= 100 + 100 * 4,
        qPrintable(QString::number(instrument.count("beacon.output"))));
    QVERIFY(dataOf(instrument.last("beacon.output"), "dropped").toInteger() > 100);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const qint64 resident = residentKbOf(instrument.pid());
    QVERIFY2(resident > 0 && resident < 80'000, qPrintable(QString::number(resident)));
#endif
    QCOMPARE(healthProbe(instrument), 0); // and it still answers
    QVERIFY(instrument.end(SIGTERM, 10'000));
    NO_COMPLAINTS(instrument);
}

void TstInstrument::fault09_aBeaconThatIgnoresTermIsStoppedWithinTenSeconds()
{
    QVERIFY(makeInterface(QStringLiteral("ignore-term")));
    RunningInstrument instrument{
        QStringLiteral("ignore-term"), kMisbehave, {QStringLiteral("--stop"), QStringLiteral("2")}};
    QVERIFY(instrument.start());
    TRY(instrument.count("beacon.output") == 1);
    const qint64 child = instrument.beaconPid();
    QElapsedTimer timer;
    timer.start();
    QVERIFY(instrument.end(SIGTERM, 10'000));
    QVERIFY(timer.elapsed() >= 1'800);
    QCOMPARE(instrument.exitCode(), 0);
    QVERIFY(!isAlive(child));
    QVERIFY(!QFile::exists(instrument.runtimeFile("admin.sock")));
}

void TstInstrument::whoComesBackGetsWhatWasMissed()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.attempts.size() >= 20);
    const qint64 seq = instrument.lastSeq();
    instrument.events.clear();
    instrument.attempts.clear();
    QVERIFY(instrument.connectClient(static_cast<quint64>(seq)));
    TRY(instrument.attempts.size() >= 20);
    const qint64 entries = instrument.events.size() + instrument.attempts.size();
    QCOMPARE(instrument.lastSeq() - seq, entries); // no gap
    NO_COMPLAINTS(instrument);
}

void TstInstrument::aRestartKeepsYesterdaysLines()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    QVERIFY(instrument.start());
    TRY(instrument.attempts.size() >= 20);
    QVERIFY(instrument.end(SIGTERM, 10'000));
    const auto read = [&] {
        const auto entries = JournalFile::read(instrument.journalPath(), 0, std::numeric_limits<qint64>::max(), 10'000);
        return entries ? *entries : std::vector<JournalEntry>{};
    };
    const auto yesterday = read();
    const auto linesOf = [](const std::vector<JournalEntry>& entries) {
        return std::ranges::count(entries, false, &JournalEntry::isEvent);
    };
    QVERIFY(linesOf(yesterday) >= 20);
    QVERIFY(std::ranges::count(yesterday, true, &JournalEntry::isEvent) >= 3);
    {
        const auto file = Database::open(instrument.journalPath(), std::array{""}, {});
        QVERIFY(file);
        QVERIFY((*file)->run(QStringLiteral("UPDATE entry SET at = at - 23 * 3600000000")));
    }
    instrument.attempts.clear();
    QVERIFY(instrument.start());
    TRY(instrument.attempts.size() >= 20);
    QVERIFY(instrument.end(SIGTERM, 10'000));
    const auto both = read();
    QVERIFY(both.size() > yesterday.size() + 20);
    for (std::size_t i = 0; i < yesterday.size(); ++i)
        QCOMPARE(both.at(i).json, yesterday.at(i).json);
    QVERIFY(both.at(yesterday.size()).json.contains("\"seq\":")); // the new run's, from its beginning
    QVERIFY(both.back().at > yesterday.back().at - std::chrono::hours{1});
    NO_COMPLAINTS(instrument);
}

void TstInstrument::fault67_journalCannotBeWritten()
{
    QVERIFY(makeInterface());
    RunningInstrument instrument{QStringLiteral("seg0"), kFake, kQuick};
    instrument.writeFile(instrument.stateDir(), "a file, where the directory should be");
    QVERIFY(instrument.start());
    TRY(instrument.healthCodes().contains(QStringLiteral("log_failed")));
    TRY(instrument.attempts.size() >= 20); // the rest goes on
    QVERIFY(QFile::remove(instrument.stateDir()));
    QVERIFY(QDir{}.mkpath(QFileInfo{instrument.journalPath()}.path()));
    TRY(!instrument.healthCodes().contains(QStringLiteral("log_failed")));
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    const auto first = JournalFile::read(instrument.journalPath(), 0, 2, 1); // what came meanwhile is not lost
    QVERIFY(first && first->size() == 1);
    NO_COMPLAINTS(instrument);
}

void TstInstrument::nobodyToAskIs69()
{
    const RunningInstrument instrument{QStringLiteral("seg0"), kFake};
    QCOMPARE(healthProbe(instrument), 69);
}

BEACON_NETNS_MAIN(TstInstrument)
#include "tst_instrument.moc"
