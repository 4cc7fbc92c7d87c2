#include "core/supervision/qt_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace beacon {

bool mayPass(int sys) noexcept
{
    switch (sys) {
    case ETXTBSY:
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EINTR:
    case EIO:
        return true;
    default:
        return false;
    }
}

QtProcess::QtProcess(std::string launcher)
    : m_launcher(std::move(launcher))
{
}

QtProcess::~QtProcess()
{
    if (!m_process)
        return;
    m_process->disconnect(this);
    QtProcess::signalAll(SIGKILL);
}

void QtProcess::start(const Command& command)
{
    Q_ASSERT(!m_process);
    m_execErrno = 0;
    m_announced = false;
    int ends[2] = {-1, -1};
    m_process = std::make_unique<QProcess>();
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        const int sys = errno;
        QMetaObject::invokeMethod(
            this,
            [this, sys] {
                retire({Exit::How::NoSpawn, sys});
            },
            Qt::QueuedConnection);
        return;
    }
    m_report.reset(ends[0]);
    const UniqueFd theirEnd{ends[1]};

    QStringList arguments{QStringLiteral("--parent"), QString::number(::getpid()), QStringLiteral("--report"),
        QString::number(theirEnd.get()), QStringLiteral("--"), QString::fromStdString(command.program)};
    for (const std::string& argument : command.arguments)
        arguments << QString::fromStdString(argument);

    QProcessEnvironment environment;
    for (const char* name : {"PATH", "LANG", "TZ"})
        if (const char* value = std::getenv(name))
            environment.insert(QString::fromLatin1(name), QString::fromLocal8Bit(value));
    for (const auto& [name, value] : command.environment)
        environment.insert(QString::fromStdString(name), QString::fromStdString(value));

    QProcess& process = *m_process;
    process.setProcessEnvironment(environment);
    process.setStandardInputFile(QProcess::nullDevice());
    // May run under vfork: one async-signal-safe call.
    process.setChildProcessModifier([fd = theirEnd.get()] { ::fcntl(fd, F_SETFD, 0); });
    connect(&process, &QProcess::readyReadStandardOutput, this, &QtProcess::drain);
    connect(&process, &QProcess::readyReadStandardError, this, &QtProcess::drain);
    connect(&process, &QProcess::finished, this, &QtProcess::onFinished);
    connect(&process, &QProcess::errorOccurred, this, &QtProcess::onError);
    m_reportNotifier = std::make_unique<QSocketNotifier>(m_report.get(), QSocketNotifier::Read);
    connect(m_reportNotifier.get(), &QSocketNotifier::activated, this, &QtProcess::onReport);
    process.start(QString::fromStdString(m_launcher), arguments);
    m_pid = process.processId();
}

void QtProcess::signalAll(int signal)
{
    if (m_pid <= 0)
        return;
    const auto pid = static_cast<pid_t>(m_pid);
    if (::kill(-pid, signal) != 0)
        ::kill(pid, signal); // the launcher has not made its session yet
}

std::int64_t QtProcess::pid() const
{
    return m_pid;
}

void QtProcess::drain()
{
    if (m_process && m_reportNotifier && m_reportNotifier->isEnabled())
        onReport(); // so that started() precedes the first output, and the launcher's words are not taken for the
                    // program's
    if (!m_process)
        return;
    if (const QByteArray chunk = m_process->readAllStandardOutput(); !chunk.isEmpty())
        Q_EMIT output(Stream::Out, chunk);
    if (!m_process)
        return;
    if (const QByteArray chunk = m_process->readAllStandardError(); !chunk.isEmpty())
        Q_EMIT output(Stream::Err, chunk);
}

void QtProcess::onReport()
{
    char text[16] = {};
    const ssize_t size = ::read(m_report.get(), text, sizeof text - 1);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    m_reportNotifier->setEnabled(false);
    if (size > 0)
        m_execErrno = std::atoi(text);
    if (m_execErrno != 0 || m_announced || m_pid == 0)
        return;
    m_announced = true; // the pipe was closed by a successful execve
    Q_EMIT started(m_pid);
}

void QtProcess::onFinished(int code, QProcess::ExitStatus status)
{
    if (m_reportNotifier && m_reportNotifier->isEnabled())
        onReport();
    drain();
    // What the program left behind in its group would hold our pipes and the interface.
    if (m_pid > 0)
        ::kill(static_cast<pid_t>(-m_pid), SIGKILL);
    if (m_execErrno != 0)
        retire({mayPass(m_execErrno) ? Exit::How::NoSpawn : Exit::How::Unrunnable, m_execErrno});
    else
        retire({status == QProcess::CrashExit ? Exit::How::Signal : Exit::How::Code, code});
}

void QtProcess::onError(QProcess::ProcessError error)
{
    if (error != QProcess::FailedToStart)
        return; // all others are followed by finished()
    // QProcess keeps the errno to itself: ask the file.
    const int sys = ::access(m_launcher.c_str(), X_OK) != 0 ? errno : 0;
    const Exit exit{sys != 0 ? Exit::How::Unrunnable : Exit::How::NoSpawn, sys};
    QMetaObject::invokeMethod(
        this, [this, exit] { retire(exit); }, Qt::QueuedConnection);
}

void QtProcess::retire(Exit exit)
{
    m_reportNotifier.reset();
    m_report.reset();
    m_pid = 0;
    if (m_process) {
        m_process->disconnect(this);
        m_process.release()->deleteLater(); // we may be inside one of its signals
    }
    Q_EMIT exited(exit);
}

} // namespace beacon
