#include "core/base/unique_fd.h"
#include "service/launch/launch.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTemporaryFile>
#include <QTest>

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon;

namespace {

const QString kLauncher = QStringLiteral(BEACON_BIN_DIR "/beacon-launch");
const QString kMisbehave = QStringLiteral(TARGETS_DIR "/misbehave");

struct Ran {
    int code = -1;
    QByteArray out, err;
};

Ran run(const QStringList& arguments, const std::function<void()>& asChild = {})
{
    QProcess process;
    auto environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("BEACON_CONFIG"), QStringLiteral("/x"));
    environment.insert(QStringLiteral("SECRET"), QStringLiteral("1"));
    environment.insert(QStringLiteral("LD_PRELOAD_NOT"), QStringLiteral("1"));
    process.setProcessEnvironment(environment);
    if (asChild)
        process.setChildProcessModifier(asChild);
    process.start(kLauncher, arguments);
    process.waitForFinished(20'000);
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAllStandardOutput(),
        process.readAllStandardError()};
}

/// Living processes whose command line begins with `words`.
QList<pid_t> running(const QByteArray& words)
{
    QList<pid_t> found;
    for (const QString& entry : QDir{QStringLiteral("/proc")}.entryList(QDir::Dirs)) {
        QFile file{QStringLiteral("/proc/%1/cmdline").arg(entry)}; // empty for a zombie
        if (entry.toInt() > 0 && file.open(QIODevice::ReadOnly) && file.readAll().replace('\0', ' ').startsWith(words))
            found.append(entry.toInt());
    }
    return found;
}

void forgetSysAdmin()
{
    ::prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN); // so that the execve(2) of root does not give it back
}

/// A copy whose path tells this test's processes from all others.
struct OwnTarget {
    OwnTarget()
    {
        QFile::copy(kMisbehave, path);
        QFile::setPermissions(dir.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner | QFile::ExeOther);
        QFile::setPermissions(path, QFile::ReadOther | QFile::ExeOther | QFile::ReadOwner | QFile::ExeOwner);
    }
    [[nodiscard]] QList<pid_t> processes() const { return running(path.toUtf8() + ' '); }

    QTemporaryDir dir;
    QString path = dir.filePath(QStringLiteral("misbehave"));
};

} // namespace

class TstLaunch : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void wrongUsageIsOneSentence_data();
    void wrongUsageIsOneSentence();
    void theBinaryGetsNothingOfOurs();
    void aMissingBinaryIs127AndAnUnusableOne126();
    void itRefusesAnotherParentsChild();
    void itDiesWithItsParent_data();
    void itDiesWithItsParent();
    void nothingOutlivesTheBinary_data();
    void nothingOutlivesTheBinary();
    void leftoversOfAKilledLauncherAreSwept_data();
    void leftoversOfAKilledLauncherAreSwept();
    void theBinaryCannotTakeItsInitOver();
    void aUserThatItMayNotBecomeIsReported();
    void theBinaryHasOneCapabilityAndAnotherUser_data();
    void theBinaryHasOneCapabilityAndAnotherUser();
    void signalsArePassedOn();
    void whereOneUserIsMappedItStaysThat();
};

void TstLaunch::wrongUsageIsOneSentence_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::newRow("a user without a group")
        << QStringList{QStringLiteral("--user"), QStringLiteral("999"), QStringLiteral("--"), kMisbehave};
    QTest::newRow("nothing") << QStringList{};
    QTest::newRow("no program after --") << QStringList{QStringLiteral("--")};
    QTest::newRow("an unknown option") << QStringList{
        QStringLiteral("--shell"), QStringLiteral("1"), QStringLiteral("--"), kMisbehave};
    QTest::newRow("a pid that is none") << QStringList{
        QStringLiteral("--parent"), QStringLiteral("1x"), QStringLiteral("--"), kMisbehave};
    QTest::newRow("a negative descriptor")
        << QStringList{QStringLiteral("--report"), QStringLiteral("-1"), QStringLiteral("--"), kMisbehave};
}

void TstLaunch::wrongUsageIsOneSentence()
{
    QFETCH(QStringList, arguments);
    const Ran ran = run(arguments);
    QCOMPARE(ran.code, 64);
    QCOMPARE(ran.err.count('\n'), 1);
    QVERIFY(ran.out.isEmpty());
}

void TstLaunch::theBinaryGetsNothingOfOurs()
{
    const Ran ran = run({QStringLiteral("--"), kMisbehave, QStringLiteral("state")}, [] {
        sigset_t all;
        sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        ::signal(SIGHUP, SIG_IGN);
        ::fcntl(STDERR_FILENO, F_DUPFD, 100); // a descriptor that is not close-on-exec
    });
    QCOMPARE(ran.code, 0);
    QVERIFY2(ran.out.startsWith(
                 "sigterm_blocked=0 hup_default=1 leader=1 session=1 stdin_empty=1 descriptors=0 cwd_root=1\n"),
        ran.out.constData());
    QVERIFY(ran.out.contains("env=PATH") && ran.out.contains("env=BEACON_CONFIG"));
    QVERIFY(!ran.out.contains("SECRET") && !ran.out.contains("LD_PRELOAD_NOT") && !ran.out.contains("HOME"));
}

void TstLaunch::aMissingBinaryIs127AndAnUnusableOne126()
{
    QCOMPARE(run({QStringLiteral("--"), QStringLiteral("/nonexistent/beacon")}).code, 127);
    const Ran ran = run({QStringLiteral("--"), QStringLiteral("/etc/hostname")});
    QCOMPARE(ran.code, 126);
    QCOMPARE(ran.err.count('\n'), 1);
}

void TstLaunch::itRefusesAnotherParentsChild()
{
    const Ran ran = run(
        {QStringLiteral("--parent"), QStringLiteral("1"), QStringLiteral("--"), kMisbehave, QStringLiteral("exit3")});
    if (::getpid() == 1)
        QSKIP("this test is process 1 here");
    QCOMPARE(ran.code, 69);
}

void TstLaunch::itDiesWithItsParent_data()
{
    QTest::addColumn<bool>("contained");
    QTest::addColumn<bool>("killLauncher");
    QTest::newRow("in a PID namespace") << true << false;
    QTest::newRow("in a process group") << false << false;
    QTest::newRow("in a PID namespace, killed itself") << true << true;
    QTest::newRow("in a process group, killed itself") << false << true;
}

void TstLaunch::itDiesWithItsParent()
{
    QFETCH(bool, contained);
    QFETCH(bool, killLauncher);
    const OwnTarget target;
    const pid_t middle = ::fork();
    if (middle == 0) { // the parent that is killed
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // also where this test fails before
        if (::fork() == 0) {
            if (!contained)
                forgetSysAdmin();
            ::execl(qPrintable(kLauncher), "beacon-launch", "--", qPrintable(target.path), "hang", nullptr);
            ::_exit(1);
        }
        ::pause();
        ::_exit(0);
    }
    QTRY_COMPARE(target.processes().size(), 1);
    if (killLauncher) {
        const auto launchers = running("beacon-launch -- " + target.path.toUtf8());
        QVERIFY(!launchers.isEmpty());
        ::kill(launchers.front(), SIGKILL);
        QTRY_VERIFY(target.processes().isEmpty());
    }
    ::kill(middle, SIGKILL);
    ::waitpid(middle, nullptr, 0);
    QTRY_VERIFY(target.processes().isEmpty());
    QTRY_VERIFY(running("beacon-launch -- " + target.path.toUtf8()).isEmpty());
}

void TstLaunch::nothingOutlivesTheBinary_data()
{
    QTest::addColumn<bool>("contained");
    QTest::newRow("in a PID namespace") << true;
    QTest::newRow("under a subreaper") << false;
}

void TstLaunch::nothingOutlivesTheBinary()
{
    QFETCH(bool, contained);
    const OwnTarget target;
    const Ran ran = run({QStringLiteral("--"), target.path, QStringLiteral("daemonise")},
        contained ? std::function<void()>{} : forgetSysAdmin);
    QCOMPARE(ran.code, 0);
    QCOMPARE(ran.out, QByteArray{"daemon\n"});
    QVERIFY(target.processes().isEmpty()); // already when the launcher has ended
}

void TstLaunch::leftoversOfAKilledLauncherAreSwept_data()
{
    QTest::addColumn<QStringList>("options");
    QTest::newRow("as the same user") << QStringList{};
    QTest::newRow("as another user") << QStringList{QStringLiteral("--user"), QStringLiteral("65534:65534")};
}

void TstLaunch::leftoversOfAKilledLauncherAreSwept()
{
    QFETCH(QStringList, options);
    if (!options.isEmpty() && ::geteuid() != 0)
        QSKIP("needs root to be somebody else");
    const auto inAContainer = [] {
        forgetSysAdmin();
        ::prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE);
        ::prctl(PR_CAPBSET_DROP, CAP_PERFMON); // which lets newer kernels read it, too
    };
    const OwnTarget target;
    QProcess first;
    auto environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("BEACON_CONFIG"), target.dir.filePath(QStringLiteral("beacon.json")));
    first.setProcessEnvironment(environment);
    first.setChildProcessModifier(inAContainer);
    first.start(kLauncher,
        options + QStringList{QStringLiteral("--"), target.path, QStringLiteral("daemonise"), QStringLiteral("stay")});
    QTRY_COMPARE(target.processes().size(), 2);
    first.kill();
    QVERIFY(first.waitForFinished());
    QTRY_COMPARE(target.processes().size(), 1); // the daemon got away

    QProcess second;
    second.setProcessEnvironment(environment);
    second.setChildProcessModifier(inAContainer);
    second.start(kLauncher, options + QStringList{QStringLiteral("--"), QStringLiteral("/bin/true")});
    QVERIFY(second.waitForFinished());
    QTRY_VERIFY(target.processes().isEmpty());
}

void TstLaunch::theBinaryCannotTakeItsInitOver()
{
    QCOMPARE(run({QStringLiteral("--"), kMisbehave, QStringLiteral("trace-init")}).out, QByteArray{"refused\n"});
}

void TstLaunch::aUserThatItMayNotBecomeIsReported()
{
    if (::geteuid() != 0)
        QSKIP("needs root to have something to lose");
    QTemporaryFile report;
    QVERIFY(report.open());
    const int fd = report.handle();
    const Ran ran = run({QStringLiteral("--report"), QString::number(fd), QStringLiteral("--user"),
                            QStringLiteral("65534:65534"), QStringLiteral("--"), QStringLiteral("/bin/true")},
        [fd] {
            ::prctl(PR_CAPBSET_DROP, CAP_SETUID);
            ::fcntl(fd, F_SETFD, 0);
        });
    QCOMPARE(ran.code, 71);
    QCOMPARE(ran.err.count('\n'), 1);
    report.seek(0);
    QVERIFY(report.readAll().contains("failed " + QByteArray::number(EPERM) + '\n'));
}

void TstLaunch::theBinaryHasOneCapabilityAndAnotherUser_data()
{
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<QByteArray>("uid");
    QTest::addColumn<quint64>("capabilities");
    const QStringList user{QStringLiteral("--user"), QStringLiteral("65534:65534")};
    const quint64 raw = quint64{1} << CAP_NET_RAW, admin = quint64{1} << CAP_NET_ADMIN;
    QTest::newRow("as another user") << user << QByteArray{"65534"} << raw;
    QTest::newRow("as the same one") << QStringList{} << QByteArray::number(::geteuid()) << raw;
    QTest::newRow("and CAP_NET_ADMIN") << user + QStringList{QStringLiteral("--net-admin")} << QByteArray{"65534"}
                                       << (raw | admin);
}

void TstLaunch::theBinaryHasOneCapabilityAndAnotherUser()
{
    QFETCH(QStringList, options);
    QFETCH(QByteArray, uid);
    QFETCH(quint64, capabilities);
    if (::geteuid() != 0)
        QSKIP("needs root to have something to drop");
    const Ran ran = run(
        options + QStringList{QStringLiteral("--"), QStringLiteral("/bin/cat"), QStringLiteral("/proc/self/status")});
    QCOMPARE(ran.code, 0);
    const auto field = [&](const QByteArray& name) {
        const auto at = ran.out.indexOf('\n' + name + ":\t");
        return ran.out.mid(at + name.size() + 3, ran.out.indexOf('\n', at + 1) - at - name.size() - 3);
    };
    QCOMPARE(field("Uid"), uid + '\t' + uid + '\t' + uid + '\t' + uid);
    QCOMPARE(field("NoNewPrivs"), QByteArray{"1"});
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        QCOMPARE(field(set).toULongLong(nullptr, 16), capabilities);
    QCOMPARE(field("NSpid").count('\t'), 1); // a PID namespace below ours
}

void TstLaunch::signalsArePassedOn()
{
    QProcess process;
    process.start(kLauncher, {QStringLiteral("--"), kMisbehave, QStringLiteral("ignore-term")});
    QVERIFY(process.waitForReadyRead());
    process.terminate();
    QVERIFY(!process.waitForFinished(200));
    process.kill();
    QVERIFY(process.waitForFinished());

    process.start(kLauncher, {QStringLiteral("--"), kMisbehave, QStringLiteral("ticks")});
    QVERIFY(process.waitForReadyRead());
    process.terminate();
    QVERIFY(process.waitForFinished());
    QCOMPARE(process.exitStatus(), QProcess::CrashExit); // as its Beacon did
    QCOMPARE(process.exitCode(), SIGTERM);
}

void TstLaunch::whereOneUserIsMappedItStaysThat()
{
    QProcess process;
    process.start(QStringLiteral("/usr/bin/unshare"),
        {QStringLiteral("-Ur"), kLauncher, QStringLiteral("--user"), QStringLiteral("999:999"), QStringLiteral("--"),
            QStringLiteral("/usr/bin/id"), QStringLiteral("-u")});
    QVERIFY(process.waitForFinished());
    QCOMPARE(process.readAllStandardOutput(), QByteArray{"0\n"});
    QCOMPARE(process.exitCode(), 0);
}

QTEST_GUILESS_MAIN(TstLaunch)
#include "tst_launch.moc"
