#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QTest>

#include <csignal>

namespace beacon::test {

namespace {

QByteArray contentOf(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

/// From the state on, proc(5).
QByteArray statOf(qint64 pid)
{
    const QByteArray text = contentOf(QStringLiteral("/proc/%1/stat").arg(pid));
    return text.mid(text.lastIndexOf(')') + 2);
}

} // namespace

bool isAlive(qint64 pid)
{
    const QByteArray stat = statOf(pid);
    return pid > 0 && !stat.isEmpty() && !stat.startsWith('Z');
}

QList<qint64> childrenOf(qint64 pid)
{
    QList<qint64> found;
    for (const QString& entry : QDir{QStringLiteral("/proc")}.entryList(QDir::Dirs)) {
        bool isNumber = false;
        const qint64 child = entry.toLongLong(&isNumber);
        if (isNumber && isAlive(child) && statOf(child).split(' ').value(1).toLongLong() == pid)
            found << child;
    }
    return found;
}

QList<qint64> running(const QStringList& command)
{
    QByteArray words;
    for (const QString& word : command)
        words += word.toLocal8Bit() + '\0';
    const auto networkOf = [](const QString& process) {
        return QFile::symLinkTarget(QStringLiteral("/proc/%1/ns/net").arg(process)).section(QLatin1Char('/'), -1);
    };
    QList<qint64> found;
    for (const QString& entry : QDir{QStringLiteral("/proc")}.entryList(QDir::Dirs)) {
        const qint64 pid = entry.toLongLong();
        if (pid > 0 && contentOf(QStringLiteral("/proc/%1/cmdline").arg(entry)) == words && isAlive(pid)
            && networkOf(entry) == networkOf(QStringLiteral("self")))
            found << pid;
    }
    return found;
}

QByteArray nameOf(qint64 pid)
{
    return contentOf(QStringLiteral("/proc/%1/comm").arg(pid)).trimmed();
}

qint64 residentKbOf(qint64 pid)
{
    const QByteArray text = contentOf(QStringLiteral("/proc/%1/status").arg(pid));
    const qsizetype at = text.indexOf("VmRSS:");
    return at < 0 ? 0 : text.mid(at + 6, 40).simplified().split(' ').value(0).toLongLong();
}

qsizetype descriptorsOf(qint64 pid)
{
    return QDir{QStringLiteral("/proc/%1/fd").arg(pid)}
        .entryList(QDir::AllEntries | QDir::System | QDir::Hidden | QDir::NoDotAndDotDot)
        .size();
}

RunningProgram::RunningProgram(QString program, QStringList arguments)
    : m_program(std::move(program))
    , m_arguments(std::move(arguments))
{
}

RunningProgram::~RunningProgram()
{
    if (isRunning())
        end(SIGKILL, 5'000);
}

bool RunningProgram::start()
{
    m_process.setProcessEnvironment(m_environment);
    m_process.setStandardInputFile(m_input);
    m_process.setStandardErrorFile(file(QStringLiteral("log")));
    m_process.setStandardOutputFile(file(QStringLiteral("output")));
    m_process.start(m_program, m_arguments);
    return m_process.waitForStarted();
}

bool RunningProgram::end(int signal, int withinMs)
{
    if (isRunning())
        ::kill(static_cast<pid_t>(pid()), signal);
    return waitForEnd(withinMs);
}

bool RunningProgram::waitForEnd(int withinMs)
{
    return QTest::qWaitFor([this] { return !isRunning(); }, withinMs);
}

QByteArray RunningProgram::log() const
{
    return contentOf(file(QStringLiteral("log")));
}

QByteArray RunningProgram::output() const
{
    return contentOf(file(QStringLiteral("output")));
}

qint64 RunningProgram::residentKb() const
{
    return residentKbOf(pid());
}

qsizetype RunningProgram::descriptors() const
{
    return descriptorsOf(pid());
}

} // namespace beacon::test
