#include "core/base/unique_fd.h"
#include "service/launch/launch.h"

#include <QFile>
#include <QProcess>
#include <QTest>

#include <csignal>
#include <fcntl.h>
#include <functional>
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

bool isAlive(pid_t pid)
{
    QFile stat{QStringLiteral("/proc/%1/stat").arg(pid)};
    if (!stat.open(QIODevice::ReadOnly))
        return false;
    const QByteArray text = stat.readAll();
    return text.mid(text.lastIndexOf(')') + 2, 1) != "Z";
}

} // namespace

class TstLaunch : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void wrongUsageIsOneSentence_data();
    void wrongUsageIsOneSentence();
    void theBinaryGetsNothingOfOurs();
    void aMissingBinaryIs127AndAnUnusableOne126();
    void itRefusesAnotherParentsChild();
    void itDiesWithItsParent();
};

void TstLaunch::wrongUsageIsOneSentence_data()
{
    QTest::addColumn<QStringList>("arguments");
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

void TstLaunch::itDiesWithItsParent()
{
    int ends[2];
    QCOMPARE(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    const pid_t middle = ::fork();
    if (middle == 0) { // the parent that is killed
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl(qPrintable(kLauncher), "beacon-launch", "--", qPrintable(kMisbehave), "hang", nullptr);
            ::_exit(1);
        }
        [[maybe_unused]] const auto told = ::write(write.get(), &child, sizeof child);
        ::pause();
        ::_exit(0);
    }
    write.reset();
    pid_t child = 0;
    QCOMPARE(::read(read.get(), &child, sizeof child), ssize_t{sizeof child});
    QTRY_VERIFY([&] {
        QFile comm{QStringLiteral("/proc/%1/comm").arg(child)};
        return comm.open(QIODevice::ReadOnly) && comm.readAll() == "misbehave\n";
    }());
    ::kill(middle, SIGKILL);
    ::waitpid(middle, nullptr, 0);
    QTRY_VERIFY(!isAlive(child));
}

QTEST_GUILESS_MAIN(TstLaunch)
#include "tst_launch.moc"
