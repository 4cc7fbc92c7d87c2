#include "tests/service/room/room_lab.h"

#include <QFile>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon::test {

namespace {

constexpr int kPatienceMs = 20'000;

bool makeLab()
{
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return false;
    for (const char* path : {"/run", "/mnt"})
        if (::mount("tmpfs", path, "tmpfs", 0, "mode=755") != 0)
            return false;
    for (const char* path : {"/run/sensor", "/run/sensor/net", "/run/sensor/instruments", "/run/sensor/instruments/x"})
        if (::mkdir(path, 0755) != 0)
            return false;
    constexpr const char* kOwn = "/run/sensor/instruments/x";
    return ::chown(kOwn, idBase(), idBase()) == 0 && ::chmod(kOwn, 0700) == 0;
}

} // namespace

std::uint32_t idBase()
{
    constexpr std::uint32_t kFirst = 1'300'000'000, kMost = 10'000, kPerRoom = 65'536;
    static const std::uint32_t base = kFirst + static_cast<std::uint32_t>(::getpid()) % kMost * kPerRoom;
    return base;
}

bool enterLab(QString& why)
{
    if (makeLab())
        return true;
    why = QStringLiteral("no namespaces can be made: %1").arg(QString::fromLocal8Bit(std::strerror(errno)));
    return false;
}

Ran runProgram(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.start(program, arguments);
    process.waitForFinished(kPatienceMs);
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAllStandardOutput(),
        process.readAllStandardError()};
}

Ran room(const QStringList& arguments)
{
    return runProgram(kRoom, arguments);
}

QByteArray inNetwork(const QString& pin, const QString& words)
{
    const Ran ran = runProgram(QStringLiteral("/usr/bin/nsenter"),
        {QStringLiteral("--net=") + pin, QStringLiteral("/bin/sh"), QStringLiteral("-c"), words});
    return (ran.out + ran.err).trimmed();
}

bool makeUsual()
{
    const Ran made = room({QStringLiteral("make"), QStringLiteral("--network-namespace"), kNetPin,
        QStringLiteral("--user-namespace"), kUserPin, QStringLiteral("--id-base"), QString::number(idBase())});
    std::fputs(made.err.constData(), stderr);
    return made.code == 0;
}

bool dropUsual()
{
    return room({QStringLiteral("drop"), kNetPin, kUserPin}).code == 0;
}

QByteArray contentOf(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

bool writeFile(const QString& path, const QByteArray& text, int mode)
{
    QFile file{path};
    return file.open(QIODevice::WriteOnly) && file.write(text) == text.size()
        && ::fchmod(file.handle(), static_cast<mode_t>(mode)) == 0;
}

InRoom::InRoom(const QStringList& command, const QStringList& options)
    : m_options(options)
    , m_command(command)
{
}

InRoom::~InRoom()
{
    if (process.state() == QProcess::NotRunning)
        return;
    process.kill();
    process.waitForFinished();
}

bool InRoom::start()
{
    if (!m_report.open())
        return false;
    const int fd = m_report.handle();
    process.setProcessEnvironment(environment);
    process.setChildProcessModifier([fd] { ::fcntl(fd, F_SETFD, 0); });
    QStringList arguments{QStringLiteral("run"), QStringLiteral("--report"), QString::number(fd),
        QStringLiteral("--bind"), QStringLiteral(BEACON_BIN_DIR ":/tmp/bin"), QStringLiteral("--bind"),
        QStringLiteral(TARGETS_DIR ":/tmp/targets")};
    if (inUsualNamespaces)
        arguments += {QStringLiteral("--network-namespace"), kNetPin, QStringLiteral("--user-namespace"), kUserPin};
    process.start(kRoom, arguments + m_options + QStringList{QStringLiteral("--")} + m_command);
    return process.waitForStarted();
}

Ran InRoom::end()
{
    if (process.state() == QProcess::NotRunning && !start())
        return {};
    process.waitForFinished(kPatienceMs);
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAllStandardOutput(),
        process.readAllStandardError()};
}

QByteArray InRoom::report()
{
    return contentOf(m_report.fileName());
}

QByteArray InRoom::reported(const QByteArray& key)
{
    for (const QByteArray& line : report().split('\n'))
        if (line.startsWith(key + ' '))
            return line.mid(key.size() + 1);
    return {};
}

QByteArray tried(const QStringList& howAndArgument, const QStringList& options)
{
    InRoom guest{QStringList{QStringLiteral("/tmp/targets/intruder")} + howAndArgument, options};
    const Ran ran = guest.end();
    return (ran.out + ran.err).trimmed();
}

} // namespace beacon::test
