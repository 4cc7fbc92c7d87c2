#include "tests/service/room/room_lab.h"

#include <QDir>
#include <QFile>
#include <QScopeGuard>
#include <QTest>

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

const QString kMisbehave = QStringLiteral("/tmp/targets/misbehave");

QStringList misbehave(const char* how)
{
    return {kMisbehave, QString::fromLatin1(how)};
}

ino_t inodeOf(const QString& path)
{
    struct stat facts { };
    return ::stat(qPrintable(path), &facts) == 0 ? facts.st_ino : 0;
}

/// Living processes in the user namespace of kUserPin, as the program's are.
QList<pid_t> processesOfTheRoom()
{
    QList<pid_t> found;
    for (const QString& entry : QDir{QStringLiteral("/proc")}.entryList(QDir::Dirs)) {
        if (entry.toInt() > 0 && inodeOf(QStringLiteral("/proc/%1/ns/user").arg(entry)) == inodeOf(kUserPin)
            && !contentOf(QStringLiteral("/proc/%1/status").arg(entry)).contains("State:\tZ"))
            found.append(entry.toInt());
    }
    return found;
}

} // namespace

class TstRoomLife : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { QVERIFY(makeUsual()); }
    void cleanupTestCase() { QVERIFY(dropUsual()); }
    void cleanup() { QTRY_COMPARE(processesOfTheRoom(), QList<pid_t>{}); } // of none of the tests is anything left

    void wrongUsageIsOneSentence_data();
    void wrongUsageIsOneSentence();
    void itEndsAsItsProgramDoes_data();
    void itEndsAsItsProgramDoes();
    void whatCannotBeExecutedIsReported_data();
    void whatCannotBeExecutedIsReported();
    void theProgramGetsNothingOfOurs();
    void itDiesWithItsParent();
    void killedItTakesAllWithIt();
    void nothingOutlivesTheProgram();
    void signalsArePassedOn();
    void itRefusesAnotherParentsChild();
    void aMissingPinIsReported_data();
    void aMissingPinIsReported();
    void itJoinsItsControlGroups();
    void aControlGroupThatIsNotThereIsReported();
    void aRealControlGroupHoldsAllOfIt();
    void aForkBombIsBounded();
    void theNetworkStaysWhenItStartsAgain();
};

void TstRoomLife::wrongUsageIsOneSentence_data()
{
    QTest::addColumn<QString>("arguments");
    QTest::newRow("nothing") << "";
    QTest::newRow("an unknown verb") << "launch -- /bin/true";
    QTest::newRow("no program after --") << "run --";
    QTest::newRow("no --") << "run /bin/true";
    QTest::newRow("an option without a value") << "run --cgroup";
    QTest::newRow("an unknown option") << "run --shell x -- /bin/true";
    QTest::newRow("a pid that is none") << "run --parent 1x -- /bin/true";
    QTest::newRow("a bind without a target") << "run --bind /etc -- /bin/true";
    QTest::newRow("a bind to a relative path") << "run --bind /etc:etc -- /bin/true";
    QTest::newRow("a bind over everything") << "run --bind /etc:// -- /bin/true";
    QTest::newRow("a bind in /proc") << "run --bind /etc:/proc/x -- /bin/true";
    QTest::newRow("everything hidden") << "run --hide / -- /bin/true";
    QTest::newRow("a relative pin") << "run --network-namespace x.net -- /bin/true";
    QTest::newRow("no processes") << "run --processes 0 -- /bin/true";
    QTest::newRow("a name that is too long")
        << QStringLiteral("run --hostname %1 -- /bin/true").arg(QString{65, QLatin1Char('x')});
    QTest::newRow("make without a file") << "make";
    QTest::newRow("make a user namespace alone") << "make --user-namespace /run/u --id-base 1200000000";
    QTest::newRow("make without ids") << "make --network-namespace /run/n --user-namespace /run/u";
    QTest::newRow("ids without a user namespace") << "make --network-namespace /run/n --id-base 1200000000";
    QTest::newRow("the host's own ids") << "make --network-namespace /run/n --user-namespace /run/u --id-base 0";
    QTest::newRow("ids of which there are too few")
        << "make --network-namespace /run/n --user-namespace /run/u --id-base 4294950000";
    QTest::newRow("drop nothing") << "drop";
    QTest::newRow("drop a relative path") << "drop x.net";
}

void TstRoomLife::wrongUsageIsOneSentence()
{
    QFETCH(QString, arguments);
    const Ran ran = room(arguments.split(QLatin1Char(' '), Qt::SkipEmptyParts));
    QCOMPARE(ran.code, 64);
    QCOMPARE(ran.err.count('\n'), 1);
    QVERIFY(ran.out.isEmpty());
}

void TstRoomLife::itEndsAsItsProgramDoes_data()
{
    QTest::addColumn<QByteArray>("how");
    QTest::addColumn<int>("code");
    QTest::newRow("an exit code") << QByteArray{"exit3"} << 3;
    QTest::newRow("127 of its own") << QByteArray{"exit127"} << 127;
    QTest::newRow("a crash") << QByteArray{"crash"} << -1;
}

void TstRoomLife::itEndsAsItsProgramDoes()
{
    QFETCH(QByteArray, how);
    QFETCH(int, code);
    InRoom guest{misbehave(how.constData())};
    QCOMPARE(guest.end().code, code);
    if (code < 0)
        QCOMPARE(guest.process.exitCode(), SIGSEGV);
    QVERIFY(guest.pid() > 0 && guest.reported("errno").isEmpty() && guest.reported("failed").isEmpty());
}

void TstRoomLife::whatCannotBeExecutedIsReported_data()
{
    QTest::addColumn<QString>("program");
    QTest::addColumn<int>("code");
    QTest::addColumn<int>("sys");
    QTest::newRow("it is not there") << "/tmp/bin/none" << 127 << ENOENT;
    QTest::newRow("it is no program") << "/etc/passwd" << 126 << EACCES;
    QTest::newRow("only the host's root may read it") << "/mnt/private" << 126 << EACCES;
    QTest::newRow("it is a relative path") << "true" << 126 << EINVAL;
    QTest::newRow("it is hidden by its own /tmp") << "/tmp/of-the-host" << 127 << ENOENT;
}

void TstRoomLife::whatCannotBeExecutedIsReported()
{
    QFETCH(QString, program);
    QFETCH(int, code);
    QFETCH(int, sys);
    QVERIFY(writeFile(QStringLiteral("/mnt/private"), "#!/bin/sh\n", 0700));
    InRoom guest{{program}};
    const Ran ran = guest.end();
    QCOMPARE(ran.code, code);
    QCOMPARE(guest.reported("errno"), QByteArray::number(sys));
    QCOMPARE(ran.err.count('\n'), 1);
    QVERIFY(ran.err.startsWith("sensor-room: cannot execute " + program.toLocal8Bit()));
}

void TstRoomLife::theProgramGetsNothingOfOurs()
{
    InRoom guest{misbehave("state")};
    for (const char* name : {"SENSOR_SOCKET", "SECRET", "BEACON_CONFIG", "LD_PRELOAD_NOT"})
        guest.environment.insert(QString::fromLatin1(name), QStringLiteral("/run/sensor/platform.sock"));
    QVERIFY(guest.start());
    const Ran ran = guest.end();
    QVERIFY2(ran.out.startsWith(
                 "sigterm_blocked=0 hup_default=1 leader=1 session=1 stdin_empty=1 descriptors=0 cwd_root=1\n"),
        ran.out.constData());
    QVERIFY(ran.out.contains("env=SENSOR_SOCKET\n") && ran.out.contains("env=PATH\n"));
    QVERIFY(!ran.out.contains("SECRET") && !ran.out.contains("BEACON_CONFIG") && !ran.out.contains("LD_PRELOAD_NOT"));
    QVERIFY(!ran.out.contains("env=HOME"));
}

void TstRoomLife::itDiesWithItsParent()
{
    const pid_t middle = ::fork();
    if (middle == 0) { // the parent that is killed
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // also where this test fails before
        if (::fork() == 0) {
            ::execl(qPrintable(kRoom), "sensor-room", "run", "--network-namespace", qPrintable(kNetPin),
                "--user-namespace", qPrintable(kUserPin), "--bind", TARGETS_DIR ":/tmp/targets", "--",
                "/tmp/targets/misbehave", "daemonise", "stay", nullptr);
            ::_exit(1);
        }
        ::pause();
        ::_exit(0);
    }
    QTRY_COMPARE(processesOfTheRoom().size(), 2); // the program, and a daemon that left its session
    ::kill(middle, SIGKILL);
    ::waitpid(middle, nullptr, 0);
    QTRY_COMPARE(processesOfTheRoom(), QList<pid_t>{});
}

void TstRoomLife::killedItTakesAllWithIt()
{
    InRoom guest{{kMisbehave, QStringLiteral("daemonise"), QStringLiteral("stay")}};
    QVERIFY(guest.start());
    QTRY_COMPARE(processesOfTheRoom().size(), 2);
    guest.process.kill();
    QVERIFY(guest.process.waitForFinished());
    QTRY_COMPARE(processesOfTheRoom(), QList<pid_t>{});
}

void TstRoomLife::nothingOutlivesTheProgram()
{
    InRoom guest{misbehave("daemonise")};
    QCOMPARE(guest.end().code, 0);
    QCOMPARE(processesOfTheRoom(), QList<pid_t>{}); // already when sensor-room has ended
}

void TstRoomLife::signalsArePassedOn()
{
    InRoom guest{misbehave("ticks")};
    QVERIFY(guest.start());
    QVERIFY(guest.process.waitForReadyRead());
    guest.process.terminate();
    QVERIFY(guest.process.waitForFinished());
    QCOMPARE(guest.process.exitStatus(), QProcess::CrashExit);
    QCOMPARE(guest.process.exitCode(), SIGTERM);

    InRoom deaf{misbehave("ignore-term")};
    QVERIFY(deaf.start());
    QVERIFY(deaf.process.waitForReadyRead());
    deaf.process.terminate();
    QVERIFY(!deaf.process.waitForFinished(200));
}

void TstRoomLife::itRefusesAnotherParentsChild()
{
    InRoom guest{misbehave("exit3"), {QStringLiteral("--parent"), QString::number(::getppid())}};
    QCOMPARE(guest.end().code, 69);
    QVERIFY(guest.report().isEmpty());
}

void TstRoomLife::aMissingPinIsReported_data()
{
    QTest::addColumn<QString>("option");
    QTest::addColumn<QString>("file");
    QTest::addColumn<QByteArray>("words");
    const QString network = QStringLiteral("--network-namespace"), user = QStringLiteral("--user-namespace");
    QTest::newRow("not there") << network << "/run/sensor/net/none" << QByteArray{"pins no namespace"};
    QTest::newRow("a file") << user << "/etc/passwd" << QByteArray{"something else than a pin"};
    QTest::newRow("a user namespace for a network") << network << kUserPin << QByteArray{"does not pin a network"};
    QTest::newRow("a network for a user namespace") << user << kNetPin << QByteArray{"does not pin a user"};
}

void TstRoomLife::aMissingPinIsReported()
{
    QFETCH(QString, option);
    QFETCH(QString, file);
    QFETCH(QByteArray, words);
    InRoom guest{{QStringLiteral("/bin/true")}, {option, file}};
    guest.inUsualNamespaces = false;
    const Ran ran = guest.end();
    QCOMPARE(ran.code, 71);
    QCOMPARE(ran.err.count('\n'), 1);
    QVERIFY2(ran.err.contains(words), ran.err.constData());
    QVERIFY(!guest.reported("failed").isEmpty());
}

void TstRoomLife::itJoinsItsControlGroups()
{
    for (const char* group : {"/mnt/one", "/mnt/two"}) {
        QVERIFY(QDir{}.mkpath(QString::fromLatin1(group)));
        QVERIFY(writeFile(QString::fromLatin1(group) + QStringLiteral("/cgroup.procs"), ""));
    }
    InRoom guest{misbehave("exit3"),
        {QStringLiteral("--cgroup"), QStringLiteral("/mnt/one"), QStringLiteral("--cgroup"),
            QStringLiteral("/mnt/two")}};
    QVERIFY(guest.start());
    const QByteArray self = QByteArray::number(guest.process.processId());
    QCOMPARE(guest.end().code, 3);
    QCOMPARE(contentOf(QStringLiteral("/mnt/one/cgroup.procs")), self);
    QCOMPARE(contentOf(QStringLiteral("/mnt/two/cgroup.procs")), self);
}

void TstRoomLife::aControlGroupThatIsNotThereIsReported()
{
    InRoom guest{misbehave("exit3"), {QStringLiteral("--cgroup"), QStringLiteral("/mnt/no-group")}};
    const Ran ran = guest.end();
    QCOMPARE(ran.code, 71); // unbounded it must not run
    QCOMPARE(ran.err, QByteArray{"sensor-room: write /mnt/no-group/cgroup.procs: No such file or directory\n"});
    QCOMPARE(guest.reported("failed"), QByteArray::number(ENOENT));
}

void TstRoomLife::aRealControlGroupHoldsAllOfIt()
{
    // Of the unified hierarchy, wherever it is mounted here.
    QString top;
    for (const QByteArray& line : contentOf(QStringLiteral("/proc/self/mountinfo")).split('\n'))
        if (line.contains(" - cgroup2 "))
            top = QString::fromLocal8Bit(line.split(' ').value(4));
    QVERIFY2(!top.isEmpty(), "cgroup v2 is not mounted");
    const QString group = top + QStringLiteral("/beacon-room-test-%1").arg(::getpid());
    QVERIFY(QDir{}.mkdir(group));
    const auto remove = qScopeGuard([&] { QDir{}.rmdir(group); }); // also where this test fails
    {
        InRoom guest{{QStringLiteral("/bin/sh"), QStringLiteral("-c"),
                         QStringLiteral("grep ^0: /proc/self/cgroup; sleep 60 & wait")},
            {QStringLiteral("--cgroup"), group}};
        QVERIFY(guest.start());
        QTRY_COMPARE(processesOfTheRoom().size(), 2);
        const auto inside = contentOf(group + QStringLiteral("/cgroup.procs")).trimmed().split('\n');
        QCOMPARE(inside.size(), 4); // sensor-room, the init, the shell and its child
        for (const pid_t pid : processesOfTheRoom())
            QVERIFY(inside.contains(QByteArray::number(pid)));
        QTRY_COMPARE(guest.process.peek(100), QByteArray{"0::/\n"}); // where it is in it is not told
    }
    QTRY_VERIFY(QDir{}.rmdir(group) || !QFile::exists(group)); // it is asked twice
}

void TstRoomLife::aForkBombIsBounded()
{
    InRoom guest{{QStringLiteral("/bin/sh"), QStringLiteral("-c"),
                     QStringLiteral("ulimit -u; i=0; while [ $i -lt 100 ]; do sleep 30 & i=$((i+1)); done; echo all")},
        {QStringLiteral("--processes"), QStringLiteral("20")}};
    QVERIFY(guest.start());
    QTRY_VERIFY(guest.process.state() == QProcess::NotRunning);
    const QByteArray out = guest.process.readAllStandardOutput() + guest.process.readAllStandardError();
    QVERIFY2(!out.contains("all") && out.contains("ork"), out.constData()); // "Cannot fork"
}

void TstRoomLife::theNetworkStaysWhenItStartsAgain()
{
    const QStringList add{
        QStringLiteral("/bin/sh"), QStringLiteral("-c"), QStringLiteral("ip link add kept type veth peer name kept2")};
    InRoom first{add};
    QCOMPARE(first.end().code, 0); // it is root over its own network
    InRoom second{{QStringLiteral("/bin/ls"), QStringLiteral("/sys/class/net")}};
    QCOMPARE(second.end().out, QByteArray{"kept\nkept2\nlo\n"});
    QVERIFY(!contentOf(QStringLiteral("/proc/net/dev")).contains("kept"));
}

BEACON_ROOM_MAIN(TstRoomLife)
#include "tst_room_life.moc"
