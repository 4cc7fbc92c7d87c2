#include "core/supervision/line_splitter.h"
#include "core/supervision/qt_process.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

using namespace beacon;

Q_DECLARE_METATYPE(beacon::Exit)

namespace {

const std::string kLauncher = BEACON_BIN_DIR "/beacon-launch";
const std::string kMisbehave = TARGETS_DIR "/misbehave";
constexpr int kPatienceMs = 20'000;

struct Rig {
    explicit Rig(const std::string& launcher = kLauncher)
        : process(launcher)
    {
        QObject::connect(&process, &Process::exited, &process, [this](Exit exit) { ended = exit; });
        QObject::connect(&process, &Process::started, &process, [this] { ++starts; });
        QObject::connect(&process, &Process::output, &process, [this](Stream stream, const QByteArray& chunk) {
            bytes += chunk.size();
            longest = std::max(longest, chunk.size());
            QByteArray& kept = stream == Stream::Out ? out : err;
            if (kept.size() < 100'000)
                kept += chunk;
        });
    }
    bool waitForEnd()
    {
        return QTest::qWaitFor([this] { return ended.has_value(); }, kPatienceMs);
    }

    QtProcess process;
    std::optional<Exit> ended;
    int starts = 0;
    qint64 bytes = 0;
    qsizetype longest = 0;
    QByteArray out, err;
};

bool groupIsGone(std::int64_t pid)
{
    // Whoever is left is at most a zombie that init has not reaped yet.
    for (const QString& entry : QDir{QStringLiteral("/proc")}.entryList(QDir::Dirs)) {
        std::ifstream stat{"/proc/" + entry.toStdString() + "/stat"};
        std::string text;
        std::getline(stat, text);
        const auto close = text.rfind(')');
        char state = 0;
        long parent = 0, group = 0;
        if (close != std::string::npos
            && std::sscanf(text.c_str() + close + 1, " %c %ld %ld", &state, &parent, &group) == 3 && group == pid
            && state != 'Z')
            return false;
    }
    return true;
}

int openDescriptors()
{
    return static_cast<int>(QDir{QStringLiteral("/proc/self/fd")}.entryList().size());
}

} // namespace

class TstQtProcess : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void exitCodesAndSignalsAreTold_data();
    void exitCodesAndSignalsAreTold();
    void whatCannotBeExecutedIsToldApartFromACrash_data();
    void whatCannotBeExecutedIsToldApartFromACrash();
    void startedPrecedesItsOutput();
    void aMissingLauncherIsToldOnce();
    void aFloodIsDrainedInBoundedChunks_data();
    void aFloodIsDrainedInBoundedChunks();
    void aGrandchildThatHoldsStdoutDelaysNothing();
    void aStoppedChildCanBeEnded();
    void oneThatIgnoresTermDiesOfKill();
    void destructionKills();
    void aLauncherThatGetsNoFurtherIsNoFaultOfTheFile();
    void onATerminalALineComesAtOnceAndAsItIs();
    void optionsOfItsLauncherComeFirst();
    void fiftyStartsLeaveNoDescriptor();
};

void TstQtProcess::exitCodesAndSignalsAreTold_data()
{
    QTest::addColumn<QByteArray>("how");
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("value");
    QTest::newRow("an exit code") << QByteArray{"exit3"} << int(Exit::How::Code) << 3;
    QTest::newRow("127 of its own is a death, not a missing file")
        << QByteArray{"exit127"} << int(Exit::How::Code) << 127;
    QTest::newRow("a crash") << QByteArray{"crash"} << int(Exit::How::Signal) << SIGSEGV;
    QTest::newRow("an unterminated last line comes before the end")
        << QByteArray{"unterminated"} << int(Exit::How::Code) << 0;
}

void TstQtProcess::exitCodesAndSignalsAreTold()
{
    QFETCH(QByteArray, how);
    QFETCH(int, kind);
    QFETCH(int, value);
    Rig rig;
    rig.process.start({kMisbehave, {how.toStdString()}, {}});
    QVERIFY(rig.waitForEnd());
    QCOMPARE(int(rig.ended->how), kind);
    QCOMPARE(rig.ended->value, value);
    QCOMPARE(rig.starts, 1);
    QCOMPARE(rig.process.pid(), 0);
    if (how == "unterminated")
        QCOMPARE(rig.out, QByteArray{"the last words"});
}

void TstQtProcess::whatCannotBeExecutedIsToldApartFromACrash_data()
{
    QTest::addColumn<QString>("what");
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("value");
    QTest::newRow("missing") << QStringLiteral("missing") << int(Exit::How::Unrunnable) << ENOENT;
    QTest::newRow("a directory") << QStringLiteral("directory") << int(Exit::How::Unrunnable) << EACCES;
    QTest::newRow("not executable") << QStringLiteral("plain") << int(Exit::How::Unrunnable) << EACCES;
    QTest::newRow("wrong format") << QStringLiteral("format") << int(Exit::How::Unrunnable) << ENOEXEC;
    QTest::newRow("relative path") << QStringLiteral("relative") << int(Exit::How::Unrunnable) << EINVAL;
    QTest::newRow("text file busy backs off") << QStringLiteral("busy") << int(Exit::How::NoSpawn) << ETXTBSY;
}

void TstQtProcess::whatCannotBeExecutedIsToldApartFromACrash()
{
    QFETCH(QString, what);
    QFETCH(int, kind);
    QFETCH(int, value);
    QTemporaryDir dir;
    QString path = dir.filePath(what);
    UniqueFd writer;
    if (what == QStringLiteral("directory")) {
        QVERIFY(QDir{}.mkdir(path));
    } else if (what == QStringLiteral("busy")) {
        QVERIFY(QFile::copy(QString::fromStdString(kMisbehave), path));
        writer.reset(::open(qPrintable(path), O_WRONLY | O_CLOEXEC));
        QVERIFY(writer);
    } else if (what == QStringLiteral("relative")) {
        path = QStringLiteral("bin/true");
    } else if (what != QStringLiteral("missing")) {
        QFile file{path};
        QVERIFY(file.open(QIODevice::WriteOnly)
            && file.write("\x7f"
                          "ELF of no kind")
                > 0);
        file.close();
        QVERIFY(file.setPermissions(
            what == QStringLiteral("plain") ? QFile::ReadOwner : QFile::ReadOwner | QFile::ExeOwner));
    }
    Rig rig;
    rig.process.start({path.toStdString(), {}, {}});
    QVERIFY(rig.waitForEnd());
    QCOMPARE(int(rig.ended->how), kind);
    QCOMPARE(rig.ended->value, value);
    QCOMPARE(rig.starts, 0);
    QVERIFY(rig.err.contains("cannot execute")); // the launcher's words: nothing was started
    QCOMPARE(rig.err.count('\n'), 1);
}

void TstQtProcess::startedPrecedesItsOutput()
{
    for (int i = 0; i < 50; ++i) {
        Rig rig;
        int startsAtFirstOutput = -1;
        connect(&rig.process, &Process::output, this, [&] {
            if (startsAtFirstOutput < 0)
                startsAtFirstOutput = rig.starts;
        });
        rig.process.start({kMisbehave, {"unterminated"}, {}});
        QTest::qSleep(10); // both are there when the loop looks
        QVERIFY(rig.waitForEnd());
        QCOMPARE(startsAtFirstOutput, 1);
    }
}

void TstQtProcess::aMissingLauncherIsToldOnce()
{
    Rig rig{"/nonexistent/beacon-launch"};
    rig.process.start({kMisbehave, {"exit3"}, {}});
    QVERIFY(rig.waitForEnd());
    QCOMPARE(int(rig.ended->how), int(Exit::How::NoLauncher));
    QCOMPARE(rig.ended->value, ENOENT);
    rig.ended.reset();
    QTest::qWait(50);
    QVERIFY(!rig.ended);
}

void TstQtProcess::aFloodIsDrainedInBoundedChunks_data()
{
    QTest::addColumn<QByteArray>("how");
    QTest::newRow("of lines") << QByteArray{"flood"};
    QTest::newRow("without a newline") << QByteArray{"flood-endless-line"};
    QTest::newRow("on stderr") << QByteArray{"flood-stderr"};
}

void TstQtProcess::aFloodIsDrainedInBoundedChunks()
{
    QFETCH(QByteArray, how);
    constexpr qint64 kEnough = 5'000'000;
    Rig rig;
    rig.process.start({kMisbehave, {how.toStdString()}, {}});
    QVERIFY(QTest::qWaitFor([&] { return rig.bytes > kEnough; }, kPatienceMs));
    rig.process.signalAll(SIGKILL);
    QVERIFY(rig.waitForEnd());
    QVERIFY2(rig.longest <= 131'072, qPrintable(QString::number(rig.longest)));
}

void TstQtProcess::aGrandchildThatHoldsStdoutDelaysNothing()
{
    Rig rig;
    QElapsedTimer timer;
    timer.start();
    std::int64_t pid = 0;
    connect(&rig.process, &Process::started, this, [&](qint64 started) { pid = started; });
    rig.process.start({kMisbehave, {"grandchild"}, {}});
    QVERIFY(rig.waitForEnd());
    QVERIFY(pid > 0);
    QVERIFY(timer.elapsed() < 10'000); // it would hold the pipe for a minute
    QVERIFY(rig.out.contains("grandchild"));
    QTRY_VERIFY(groupIsGone(pid));
}

void TstQtProcess::aStoppedChildCanBeEnded()
{
    Rig rig;
    rig.process.start({kMisbehave, {"hang"}, {}});
    QTRY_COMPARE(rig.starts, 1);
    rig.process.signalAll(SIGSTOP);
    rig.process.signalAll(SIGTERM);
    rig.process.signalAll(SIGCONT);
    QVERIFY(rig.waitForEnd());
    QCOMPARE(rig.ended->value, SIGTERM);
}

void TstQtProcess::oneThatIgnoresTermDiesOfKill()
{
    Rig rig;
    rig.process.start({kMisbehave, {"ignore-term"}, {}});
    QTRY_VERIFY(rig.out.contains("ready"));
    rig.process.signalAll(SIGTERM);
    QTest::qWait(100);
    QVERIFY(!rig.ended);
    rig.process.signalAll(SIGKILL);
    QVERIFY(rig.waitForEnd());
    QCOMPARE(rig.ended->value, SIGKILL);
}

void TstQtProcess::destructionKills()
{
    std::int64_t pid = 0;
    {
        Rig rig;
        rig.process.start({kMisbehave, {"ignore-term"}, {}});
        QTRY_VERIFY(rig.out.contains("ready"));
        pid = rig.process.pid();
    }
    QTRY_VERIFY(groupIsGone(pid));
}

void TstQtProcess::aLauncherThatGetsNoFurtherIsNoFaultOfTheFile()
{
    if (::geteuid() == 0)
        QVERIFY(::setegid(65'534) == 0 && ::seteuid(65'534) == 0); // who may not become anybody else
    Rig rig;
    Command command{kMisbehave, {"hang"}, {}};
    command.user = UserIds{12'345, 12'345};
    rig.process.start(command);
    const bool ended = rig.waitForEnd();
    QVERIFY(::seteuid(::getuid()) == 0 && ::setegid(::getgid()) == 0);
    QVERIFY(ended);
    QCOMPARE(int(rig.ended->how), int(Exit::How::NoSpawn));
    QCOMPARE(rig.ended->value, EPERM);
    QCOMPARE(rig.starts, 0);
}

void TstQtProcess::onATerminalALineComesAtOnceAndAsItIs()
{
    Rig rig;
    Command command{kMisbehave, {"state"}, {}};
    command.terminal = true;
    rig.process.start(command);
    QVERIFY(rig.waitForEnd());
    QVERIFY(rig.out.startsWith("sigterm_blocked=0"));
    QVERIFY(!rig.out.contains('\r'));
    QVERIFY(rig.out.contains("stdin_empty=1") && rig.out.contains("descriptors=0"));
    QCOMPARE(rig.ended->value, 0);
}

void TstQtProcess::optionsOfItsLauncherComeFirst()
{
    QTemporaryDir dir;
    const QString launcher = dir.filePath(QStringLiteral("launcher")); // which tells how it was started
    QFile file{launcher};
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("#!/bin/sh\necho \"$@\" >\"$0.told\"\n");
    file.close();
    QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
    const auto told = [&] {
        QFile words{launcher + QStringLiteral(".told")};
        return words.open(QIODevice::ReadOnly) ? words.readAll() : QByteArray{};
    };
    const QByteArray own = "--parent " + QByteArray::number(::getpid()) + " --report ";

    Rig rig{launcher.toStdString()};
    rig.process.setLauncherOptions({"run", "--hide", "/a b"});
    rig.process.start({kMisbehave, {"exit3"}, {}});
    QVERIFY(rig.waitForEnd());
    QVERIFY2(told().startsWith("run --hide /a b " + own), told().constData());
    rig.ended.reset();
    rig.process.setLauncherOptions({});
    rig.process.start({kMisbehave, {"exit3"}, {}});
    QVERIFY(rig.waitForEnd());
    QVERIFY2(told().startsWith(own), told().constData());
}

void TstQtProcess::fiftyStartsLeaveNoDescriptor()
{
    Rig rig;
    const auto once = [&] {
        rig.ended.reset();
        rig.process.start({kMisbehave, {"exit3"}, {}});
        QVERIFY(rig.waitForEnd());
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    };
    once(); // what Qt opens once
    const int before = openDescriptors();
    for (int i = 0; i < 50; ++i)
        once();
    QCOMPARE(openDescriptors(), before);
}

QTEST_GUILESS_MAIN(TstQtProcess)
#include "tst_qt_process.moc"
