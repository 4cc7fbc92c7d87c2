// The faults of a supervised process, each for real: a Beacon with that fault, below a real Instrument, on a real veth.
//
//   row                                  where
//   1-4, 6-8, 10-12, 14-19               here
//   5 SIGSTOP, 9 ignores SIGTERM         tst_instrument
//   13 dies at the grace boundary        tst_liveness, tst_supervisor: to the millisecond, so with time that is
//   injected 14 ENOMEM, EAGAIN, … in words        also tst_supervisor 18 what execve(2) says, told apart   also
//   tst_qt_process 20 clock jumps, suspend              tst_liveness, tst_supervisor: time that is injected 21-28 its
//   lines                      tst_faults_lines
//
// "Recovers" means: without help, with a Beacon that escapes again, health OK, and neither descriptors nor processes
// left over. A Beacon that died is trusted again after 10 s; those are waited for by all at once, in the last test.
#include "core/base/unique_fd.h"
#include "faulty_beacon.h"
#include "tests/support/net_fixture.h"
#include "tests/support/other_user.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QRandomGenerator>

#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

QStringList with(QStringList options, const char* name, const char* value)
{
    return options << QString::fromLatin1(name) << QString::fromLatin1(value);
}

/// A memory cgroup with room for 16 MiB, where one can be made; of either version.
class MemoryCgroup {
public:
    MemoryCgroup()
    {
        const QString name = QStringLiteral("beacon_faults_%1").arg(::getpid());
        for (const auto& [root, limit] : {std::pair{"/sys/fs/cgroup/memory/", "memory.limit_in_bytes"},
                 std::pair{"/sys/fs/cgroup/", "memory.max"}}) {
            const QString path = QString::fromLatin1(root) + name;
            if (!QDir{QString::fromLatin1(root)}.exists() || !QDir{}.mkdir(path))
                continue;
            m_path = path;
            if (write(limit, "16777216"))
                return;
            QDir{}.rmdir(path);
            m_path.clear();
        }
    }
    ~MemoryCgroup()
    {
        if (!m_path.isEmpty())
            (void)QTest::qWaitFor([this] { return QDir{}.rmdir(m_path); }, kPatienceMs);
    }
    MemoryCgroup(const MemoryCgroup&) = delete;
    MemoryCgroup& operator=(const MemoryCgroup&) = delete;

    bool add(qint64 pid) const { return !m_path.isEmpty() && write("cgroup.procs", QByteArray::number(pid)); }

private:
    bool write(const char* name, const QByteArray& text) const
    {
        QFile file{m_path + QLatin1Char('/') + QLatin1StringView(name)};
        return file.open(QIODevice::WriteOnly | QIODevice::Unbuffered) && file.write(text) == text.size();
    }

    QString m_path;
};

/// The soft limit only: the hard one could not be raised again.
bool limit(qint64 pid, __rlimit_resource resource, rlim_t most)
{
    rlimit now{};
    if (::prlimit(static_cast<pid_t>(pid), resource, nullptr, &now) != 0)
        return false;
    now.rlim_cur = std::min(most, now.rlim_max);
    return ::prlimit(static_cast<pid_t>(pid), resource, &now, nullptr) == 0;
}

constexpr uid_t kSomebody = 61'014; // nobody else runs as that: RLIMIT_NPROC counts all of a user's processes

void becomeSomebody()
{
    [[maybe_unused]] const bool became = ::setgroups(0, nullptr) == 0
        && ::setresgid(kSomebody, kSomebody, kSomebody) == 0 && ::setresuid(kSomebody, kSomebody, kSomebody) == 0;
}

/// In a child that is somebody: prlimit(2) is for processes of the same user.
template <class Function> bool asSomebody(Function function)
{
    const pid_t child = ::fork();
    if (child == 0) {
        becomeSomebody();
        ::_exit(function() ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    return status == 0;
}

/// A limit that leaves `spare` descriptors to a process that lacks none now.
rlim_t descriptorLimit(qint64 pid, qsizetype spare)
{
    const QStringList names =
        QDir{QStringLiteral("/proc/%1/fd").arg(pid)}.entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot);
    rlim_t most = 0;
    for (qsizetype free = 0; free < spare || most < static_cast<rlim_t>(names.size()); ++most)
        free += names.contains(QString::number(most)) ? 0 : 1;
    return most;
}

void forgetSysAdmin()
{
    ::prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN); // so that the execve(2) of root does not give it back
}

} // namespace

class TstFaultsProcess : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { QVERIFY(m_convalescents.measureAGoodOne()); }
    void fault01_exitsWithZero() { dies("exit0", 0, "exit code 0"); }
    void fault02_exitsWithNonZero() { dies("exit3", 3, "exit code 3"); }
    void fault03_crashes() { dies("crash", -SIGSEGV, "signal 11 (Segmentation fault)"); }
    void fault04_outOfMemory_data();
    void fault04_outOfMemory();
    void fault06_aliveButSilent_data();
    void fault06_aliveButSilent();
    void fault07_printsOnlyGarbage();
    void fault08_closesStdoutAndLives();
    void fault10_aGrandchildThatHoldsStdoutGoesWithIt() { leavesADescendant("grandchild"); }
    void fault11_aDaemonOfItsOwnSessionGoesWithIt() { leavesADescendant("daemonises"); }
    void fault12_diesInALoopOfFiveMilliseconds();
    void fault14_noDescriptorsForAStart_data();
    void fault14_noDescriptorsForAStart();
    void fault14_noProcessesForAStart_data();
    void fault14_noProcessesForAStart();
    void fault14_noMemoryForAStart();
    void fault15_stopInEachState_data() { eachState(); }
    void fault15_stopInEachState();
    void fault16_restartInEachState_data() { eachState(); }
    void fault16_restartInEachState();
    void fault17_startInEachState_data() { eachState(); }
    void fault17_startInEachState();
    void fault18_cannotBeExecuted_data();
    void fault18_cannotBeExecuted();
    void fault19_killedAtAnyMomentLeavesNoOrphanAndNoSecondBeacon_data();
    void fault19_killedAtAnyMomentLeavesNoOrphanAndNoSecondBeacon();
    void allOfTheseRecovered();

private:
    void dies(const char* fault, int codeOrSignal, const char* words);
    void leavesADescendant(const char* fault);
    void recover(std::unique_ptr<FaultyBeacon> instrument);
    void eachState();
    std::unique_ptr<FaultyBeacon> inState(const QByteArray& state);

    Convalescents m_convalescents;
};

void TstFaultsProcess::recover(std::unique_ptr<FaultyBeacon> instrument)
{
    instrument->mend();
    TRY(instrument->worksAgain());
    m_convalescents.add(QTest::currentTestFunction(), std::move(instrument));
}

void TstFaultsProcess::dies(const char* fault, int codeOrSignal, const char* words)
{
    auto instrument = std::make_unique<FaultyBeacon>(fault);
    QVERIFY(instrument->begin());
    TRY(instrument->deaths() >= 2 && instrument->starts() >= 2);
    QCOMPARE(instrument->ofLastDeath("code").isNull(), codeOrSignal < 0);
    QCOMPARE(instrument->ofLastDeath(codeOrSignal < 0 ? "signal" : "code").toInt(), std::abs(codeOrSignal));
    QVERIFY2(instrument->said("beacon_died").contains(QString::fromLatin1(words)),
        qPrintable(instrument->said("beacon_died")));
    recover(std::move(instrument));
}

void TstFaultsProcess::fault04_outOfMemory_data()
{
    QTest::addColumn<QByteArray>("interface");
    QTest::addColumn<bool>("cgroup");
    QTest::newRow("killed by the kernel in its memory cgroup") << QByteArray{"hungry"} << true;
    QTest::newRow("at its RLIMIT_AS") << QByteArray{"hungry2"} << false;
}

void TstFaultsProcess::fault04_outOfMemory()
{
    QFETCH(QByteArray, interface);
    QFETCH(bool, cgroup);
    auto instrument = std::make_unique<FaultyBeacon>(interface);
    QVERIFY(instrument->begin());
    TRY(instrument->healthStatus() == QStringLiteral("OK") && instrument->beaconPid() > 0);
    const MemoryCgroup room;
    if (cgroup && !room.add(instrument->beaconPid()))
        QSKIP("no memory cgroup can be made here");
    if (!cgroup) {
        constexpr rlim_t kLittle = 1'048'576; // less than it has, which it may keep
        QVERIFY(limit(instrument->beaconPid(), RLIMIT_AS, kLittle));
    }
    const QString eat = instrument->runtimeFile("eat");
    instrument->writeFile(eat, "");
    TRY(instrument->deaths() >= 1);
    QVERIFY(QFile::remove(eat));
    QCOMPARE(instrument->ofLastDeath("signal").toInt(), cgroup ? SIGKILL : SIGABRT);
    if (cgroup)
        TRY_SAID(*instrument, "beacon_died", "by the kernel for want of memory");
    else
        TRY_SAID(*instrument, "beacon_died", "signal 6 (Aborted)");
    recover(std::move(instrument));
}

void TstFaultsProcess::fault06_aliveButSilent_data()
{
    QTest::addColumn<QByteArray>("fault");
    QTest::newRow("after its hello") << QByteArray{"silent"};
    QTest::newRow("from the beginning") << QByteArray{"mute"};
}

void TstFaultsProcess::fault06_aliveButSilent()
{
    QFETCH(QByteArray, fault);
    auto instrument = std::make_unique<FaultyBeacon>(fault, with(kQuick, "--grace", "2"));
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_stalled", "said nothing for 2 s");
    QVERIFY(instrument->log().contains("silent"));
    recover(std::move(instrument));
}

void TstFaultsProcess::fault07_printsOnlyGarbage()
{
    // After its hello: a program whose first line is garbage is a foreign one, of which each line counts as life.
    auto instrument = std::make_unique<FaultyBeacon>("garbage");
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_stalled", "unreadable lines");
    TRY(instrument->deaths() >= 1);
    QVERIFY(!instrument->ofLastDeath("last_lines").toArray().isEmpty()); // so that a person can see them
    QVERIFY(instrument->facts().value(QStringLiteral("lines_garbage")).toInteger() > 20);
    recover(std::move(instrument));
}

void TstFaultsProcess::fault08_closesStdoutAndLives()
{
    auto instrument = std::make_unique<FaultyBeacon>("closes-stdout");
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_stalled", "said nothing for 2 s");
    TRY(instrument->deaths() >= 1);
    recover(std::move(instrument));
}

void TstFaultsProcess::leavesADescendant(const char* fault)
{
    auto instrument = std::make_unique<FaultyBeacon>(fault);
    QVERIFY(instrument->begin());
    // With stdout held, nobody waits for its end: it would be held for minutes.
    TRY(instrument->deaths() >= 2);
    TRY_SAID(*instrument, "beacon_died", "exit code 0");
    recover(std::move(instrument)); // with one Beacon in the end, and no descendant of an earlier one
}

void TstFaultsProcess::fault12_diesInALoopOfFiveMilliseconds()
{
    auto instrument = std::make_unique<FaultyBeacon>("loop5ms");
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_crash_loop", "keeps dying (exit code 1)");
    QCOMPARE(instrument->healthStatus(), QStringLiteral("ERROR"));
    QCOMPARE(instrument->deaths(), 6);
    QVERIFY2(instrument->count("beacon.health") <= 4, "a health event for each death"); // pending, died, crash loop
    QTest::qWait(1'000);
    QCOMPARE(instrument->deaths(), 6);
    NO_COMPLAINTS(*instrument);
    if (qEnvironmentVariableIsSet("BEACON_SOAK")) {
        instrument->mend();
        QTRY_VERIFY_WITH_TIMEOUT(instrument->worksAgain(), 90'000); // it is started once a minute
        m_convalescents.add(QTest::currentTestFunction(), std::move(instrument));
    } else {
        QVERIFY(instrument->end(SIGTERM, 5'000)); // in backoff: there is nothing to wait for
    }
}

void TstFaultsProcess::fault14_noDescriptorsForAStart_data()
{
    QTest::addColumn<QByteArray>("interface");
    QTest::addColumn<int>("spare");
    QTest::newRow("not even for its pipes") << QByteArray{"good1"} << 0;
    QTest::newRow("for its pipes only") << QByteArray{"good2"} << 4;
    QTest::newRow("for all but its process") << QByteArray{"good6"} << 6;
}

void TstFaultsProcess::fault14_noDescriptorsForAStart()
{
    QFETCH(QByteArray, interface);
    QFETCH(int, spare);
    auto instrument = std::make_unique<FaultyBeacon>(interface);
    QVERIFY(instrument->begin());
    TRY(instrument->healthStatus() == QStringLiteral("OK") && instrument->beaconPid() > 0);
    QVERIFY(limit(instrument->pid(), RLIMIT_NOFILE, descriptorLimit(instrument->pid(), spare)));
    ::kill(static_cast<pid_t>(instrument->beaconPid()), SIGKILL);
    // How many QProcess needs is its own affair: where it can do with what there is, it starts.
    TRY(!instrument->said("beacon_not_started").isEmpty() || (spare > 0 && instrument->starts() >= 2));
    if (!instrument->said("beacon_not_started").isEmpty())
        TRY_SAID(*instrument, "beacon_not_started", "could not be started: Too many open files");
    QVERIFY(limit(instrument->pid(), RLIMIT_NOFILE, 1'024));
    recover(std::move(instrument));
}

void TstFaultsProcess::fault14_noProcessesForAStart_data()
{
    QTest::addColumn<QByteArray>("interface");
    QTest::addColumn<bool>("launcher");
    QTest::newRow("not even for its launcher") << QByteArray{"good3"} << false;
    QTest::newRow("for its launcher only") << QByteArray{"good4"} << true;
}

void TstFaultsProcess::fault14_noProcessesForAStart()
{
    QFETCH(QByteArray, interface);
    QFETCH(bool, launcher);
    if (!canBecomeOthers())
        QSKIP("needs root: RLIMIT_NPROC is not for root, so the Instrument must be somebody else");
    if (!asSomebody([] { return ::access(qPrintable(kBadBeacon), X_OK) == 0; }))
        QSKIP("the build directory is private: another user cannot execute what is in it");
    auto instrument = std::make_unique<FaultyBeacon>(interface);
    QCOMPARE(::chown(qPrintable(instrument->dir()), kSomebody, kSomebody), 0);
    instrument->setChildModifier(becomeSomebody);
    QVERIFY(instrument->begin());
    TRY(instrument->healthStatus() == QStringLiteral("OK") && instrument->beaconPid() > 0);
    const pid_t pid = static_cast<pid_t>(instrument->pid());
    const auto tasks =
        QDir{QStringLiteral("/proc/%1/task").arg(pid)}.entryList(QDir::Dirs | QDir::NoDotAndDotDot).size();
    QVERIFY(asSomebody([&] { return limit(pid, RLIMIT_NPROC, launcher ? static_cast<rlim_t>(tasks) + 1 : 1); }));
    ::kill(static_cast<pid_t>(instrument->beaconPid()), SIGKILL);
    TRY_SAID(*instrument, "beacon_not_started", "could not be started: Resource temporarily unavailable");
    QVERIFY(asSomebody([&] { return limit(pid, RLIMIT_NPROC, RLIM_INFINITY); }));
    recover(std::move(instrument));
}

void TstFaultsProcess::fault14_noMemoryForAStart()
{
    // A launcher that tells what execve(2) told it: no process can be short of memory without its test being it, too.
    QStringList options = kQuick;
    options << QStringLiteral("--launcher") << kBadBeacon;
    auto instrument = std::make_unique<FaultyBeacon>("good5", options);
    QVERIFY(instrument->begin());
    TRY_SAID(*instrument, "beacon_not_started", "could not be started: Cannot allocate memory");
    QCOMPARE(instrument->starts(), 0);
    recover(std::move(instrument));
}

void TstFaultsProcess::eachState()
{
    QTest::addColumn<QByteArray>("state");
    for (const char* state : {"stopped", "starting", "running", "waiting", "held", "failing", "stopping", "restarting"})
        QTest::newRow(state) << QByteArray{state};
}

/// An Instrument whose Beacon is in `state`. nullptr: it does not get there.
std::unique_ptr<FaultyBeacon> TstFaultsProcess::inState(const QByteArray& state)
{
    const bool held = state == "held";
    const bool ladder = state == "failing" || state == "stopping" || state == "restarting";
    const QByteArray fault = state == "waiting" ? "crash2"
        : state == "starting"                   ? "mute2"
        : state == "failing"                    ? "stubborn"
        : ladder                                ? "slow-to-end"
                                                : "good";
    const QStringList options = with(ladder ? QStringList{QStringLiteral("--stop"), QStringLiteral("1.5"),
                                         QStringLiteral("--stall"), QStringLiteral("1")}
                                            : kQuick,
        "--grace", "2");
    auto instrument =
        std::make_unique<FaultyBeacon>(fault, options, held ? QStringLiteral("/nonexistent/beacon") : kBadBeacon);
    const auto reaches = [&](const QByteArray& life) {
        return QTest::qWaitFor([&] { return instrument->life() == QString::fromLatin1(life); }, kPatienceMs);
    };
    if (!instrument->begin())
        return nullptr;
    if (state == "waiting") // long enough that nobody misses it
        return QTest::qWaitFor([&] { return instrument->deaths() >= 4; }, kPatienceMs) && reaches(state)
            ? std::move(instrument)
            : nullptr;
    if ((state == "stopped" || state == "stopping" || state == "restarting")) {
        if (!reaches("running"))
            return nullptr;
        instrument->call(QStringLiteral("beacon.stop"));
        if (state == "restarting")
            instrument->call(QStringLiteral("beacon.restart"));
    }
    return reaches(state) ? std::move(instrument) : nullptr;
}

void TstFaultsProcess::fault15_stopInEachState()
{
    QFETCH(QByteArray, state);
    const auto instrument = inState(state);
    QVERIFY(instrument);
    instrument->call(QStringLiteral("beacon.stop"));
    instrument->call(QStringLiteral("beacon.stop"));
    TRY(instrument->life() == QStringLiteral("stopped") && instrument->beacons() == 0);
    TRY_SAID(*instrument, "beacon_stopped", "stopped by hand");
    QCOMPARE(instrument->healthStatus() == QStringLiteral("OK"), false);
    const int starts = instrument->starts();
    QTest::qWait(state == "waiting" ? 2'000 : 300); // longer than the backoff would have taken
    QCOMPARE(instrument->life(), QStringLiteral("stopped"));
    QCOMPARE(instrument->starts(), starts);
    QVERIFY(instrument->children().isEmpty());
    QVERIFY(!instrument->last("beacon.audit").isEmpty());
    NO_COMPLAINTS(*instrument);
    QVERIFY(instrument->end(SIGTERM, 10'000));
    QCOMPARE(instrument->exitCode(), 0);
}

void TstFaultsProcess::fault16_restartInEachState()
{
    QFETCH(QByteArray, state);
    const auto instrument = inState(state);
    QVERIFY(instrument);
    const qint64 before = instrument->beaconPid();
    instrument->mend();
    instrument->call(QStringLiteral("beacon.restart"));
    instrument->call(QStringLiteral("beacon.restart"));
    if (state == "held") { // there is still nothing to start
        TRY(instrument->life() == QStringLiteral("held"));
        return;
    }
    TRY(instrument->life() == QStringLiteral("running") && instrument->worksAgain());
    QCOMPARE(instrument->beacons(), 1);
    QVERIFY(instrument->beaconPid() != before);
    QVERIFY(!instrument->holds("beacon_stopped"));
    NO_COMPLAINTS(*instrument);
}

void TstFaultsProcess::fault17_startInEachState()
{
    QFETCH(QByteArray, state);
    const auto instrument = inState(state);
    QVERIFY(instrument);
    const qint64 before = instrument->beaconPid();
    instrument->mend();
    instrument->call(QStringLiteral("beacon.start"));
    instrument->call(QStringLiteral("beacon.start"));
    if (state == "held") {
        QCOMPARE(instrument->life(), QStringLiteral("held"));
        return;
    }
    TRY(instrument->life() == QStringLiteral("running") && instrument->worksAgain());
    QCOMPARE(instrument->beacons(), 1);
    if (state == "running")
        QCOMPARE(instrument->beaconPid(), before);
    QVERIFY(!instrument->holds("beacon_stopped"));
    NO_COMPLAINTS(*instrument);
}

void TstFaultsProcess::fault18_cannotBeExecuted_data()
{
    QTest::addColumn<QString>("reason");
    QTest::addColumn<QString>("words");
    const auto held = QStringLiteral("beacon_held");
    QTest::newRow("not executable") << held << QStringLiteral("cannot be executed: Permission denied");
    QTest::newRow("wrong architecture") << held << QStringLiteral("cannot be executed: Exec format error");
    QTest::newRow("missing") << held << QStringLiteral("cannot be executed: No such file or directory");
    QTest::newRow("a directory") << held << QStringLiteral("cannot be executed: Permission denied");
    QTest::newRow("text file busy") << QStringLiteral("beacon_not_started")
                                    << QStringLiteral("could not be started: Text file busy");
}

void TstFaultsProcess::fault18_cannotBeExecuted()
{
    QFETCH(QString, reason);
    QFETCH(QString, words);
    const QByteArray row = QTest::currentDataTag();
    const QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("beacon"));
    const auto put = [&] { return QFile::copy(kBadBeacon, path); };
    UniqueFd writer;
    if (row == "a directory") {
        QVERIFY(QDir{}.mkdir(path));
    } else if (row != "missing") {
        QVERIFY(put());
        writer.reset(::open(qPrintable(path), O_WRONLY | O_CLOEXEC));
        QVERIFY(writer);
    }
    if (row == "not executable")
        QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner));
    if (row == "wrong architecture") {
        constexpr off_t kMachineAt = 18; // elf(5), e_machine
        QCOMPARE(::pwrite(writer.get(), "\xff\xfe", 2, kMachineAt), 2);
    }
    if (row != "text file busy")
        writer.reset();

    FaultyBeacon instrument{"good", kQuick, path};
    QVERIFY(instrument.begin());
    TRY(instrument.holds(qPrintable(reason)));
    QVERIFY2(instrument.said(qPrintable(reason)).contains(words), qPrintable(instrument.said(qPrintable(reason))));
    QCOMPARE(instrument.starts(), 0);
    QCOMPARE(instrument.deaths(), 0); // there was nothing that could have died

    instrument.mend();
    writer.reset();
    if (row == "not executable") {
        QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::ExeOwner | QFile::ReadOther | QFile::ExeOther));
    } else if (row != "text file busy") {
        QVERIFY(row == "missing" || (row == "a directory" ? QDir{}.rmdir(path) : QFile::remove(path)));
        QVERIFY(put());
    }
    TRY(instrument.worksAgain());
    QVERIFY(!instrument.holds("beacon_held"));
    NO_COMPLAINTS(instrument);
    QVERIFY(instrument.end(SIGTERM, 10'000));
}

void TstFaultsProcess::fault19_killedAtAnyMomentLeavesNoOrphanAndNoSecondBeacon_data()
{
    QTest::addColumn<bool>("contained");
    QTest::newRow("in a PID namespace") << true;
    QTest::newRow("in a process group, with a daemon that leaves it") << false;
}

void TstFaultsProcess::fault19_killedAtAnyMomentLeavesNoOrphanAndNoSecondBeacon()
{
    QFETCH(bool, contained);
    FaultyBeacon instrument{"with-daemon"};
    if (!contained)
        instrument.setChildModifier(forgetSysAdmin);
    QVERIFY(instrument.makeInterface());
    QRandomGenerator random{19}; // the same moments each time, as far as a machine allows
    constexpr int kMoments = 10, kLatestMs = 500;
    for (int i = 0; i < kMoments; ++i) {
        const int moment = i == 0 ? 0 : random.bounded(kLatestMs);
        QVERIFY(instrument.startAlone());
        QTest::qWait(moment);
        QVERIFY(instrument.end(SIGKILL, kPatienceMs));
        QTRY_VERIFY2_WITH_TIMEOUT(instrument.beacons() <= (contained ? 0 : 1),
            qPrintable(QStringLiteral("%1 left after %2 ms").arg(instrument.beacons()).arg(moment)), kPatienceMs);
    }
    QVERIFY(instrument.start()); // the lock and the socket that were left are no obstacle
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    QCOMPARE(instrument.facts().value(QStringLiteral("containment")).toString().section(QLatin1Char(','), 0, 0),
        contained ? QStringLiteral("pid_namespace") : QStringLiteral("process_group"));
    TRY(instrument.beacons() == 2);
    QVERIFY(instrument.end(SIGKILL, kPatienceMs)); // for once with both there for certain
    // The daemon may get away, as nobody is left to kill it; or its Beacon ended of the closed pipe first, and it with
    // it.
    QTRY_VERIFY2_WITH_TIMEOUT(instrument.beacons() <= (contained ? 0 : 1),
        qPrintable(QStringLiteral("%1 are left").arg(instrument.beacons())), kPatienceMs);
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(instrument.beacons() == 2); // the Beacon, and its daemon: the earlier one was swept
    NO_COMPLAINTS(instrument);
    QVERIFY(instrument.end(SIGTERM, 10'000));
    TRY(instrument.beacons() == 0);
}

void TstFaultsProcess::allOfTheseRecovered()
{
    const QStringList complaints = m_convalescents.complaints();
    QVERIFY2(complaints.isEmpty(), qPrintable(complaints.join(QLatin1Char('\n'))));
}

BEACON_NETNS_MAIN(TstFaultsProcess)
#include "tst_faults_process.moc"
