#include "core/supervision/qt_process.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/types.h>
#include <termios.h>
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

namespace {

template <class Number> Number numberIn(std::string_view text)
{
    Number value{};
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

QStringList launcherArguments(const std::vector<std::string>& options, const Command& command, int reportFd)
{
    QStringList arguments;
    for (const std::string& option : options)
        arguments << QString::fromStdString(option);
    arguments << QStringLiteral("--parent") << QString::number(::getpid()) << QStringLiteral("--report")
              << QString::number(reportFd);
    if (command.user)
        arguments << QStringLiteral("--user") << QStringLiteral("%1:%2").arg(command.user->uid).arg(command.user->gid);
    if (command.netAdmin)
        arguments << QStringLiteral("--net-admin");
    arguments << QStringLiteral("--") << QString::fromStdString(command.program);
    for (const std::string& argument : command.arguments)
        arguments << QString::fromStdString(argument);
    return arguments;
}

/// What was scarce; 0: not known. QProcess keeps the errno to itself, but ends most of its words with those for it.
int scarceFor(const QString& words, int lastErrno)
{
    for (const int sys : {EAGAIN, ENOMEM, EMFILE, ENFILE})
        if (words.endsWith(qt_error_string(sys)))
            return sys;
    return lastErrno == EMFILE || lastErrno == ENFILE ? lastErrno : 0; // /dev/null could not be opened for it
}

QProcessEnvironment launcherEnvironment(const Command& command)
{
    QProcessEnvironment environment;
    for (const char* name : {"PATH", "LANG", "TZ"})
        if (const char* value = std::getenv(name))
            environment.insert(QString::fromLatin1(name), QString::fromLocal8Bit(value));
    for (const auto& [name, value] : command.environment)
        environment.insert(QString::fromStdString(name), QString::fromStdString(value));
    return environment;
}

} // namespace

QtProcess::QtProcess(std::string launcher, std::vector<std::string> launcherOptions)
    : m_launcher(std::move(launcher))
    , m_launcherOptions(std::move(launcherOptions))
    , m_buffer(std::make_unique<char[]>(kChunkBytes))
{
}

QtProcess::~QtProcess()
{
    if (!m_process)
        return;
    m_process->disconnect(this);
    QtProcess::signalAll(SIGKILL);
    QtProcess::signalAll(SIGKILL); // its launcher, too
}

bool QtProcess::openPipe(Channel& channel, UniqueFd& theirEnd, void (QtProcess::*onReadable)())
{
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return false;
    theirEnd.reset(ends[1]);
    listenTo(channel, ends[0], onReadable);
    return true;
}

bool QtProcess::openTerminal(Channel& channel, UniqueFd& theirEnd, void (QtProcess::*onReadable)())
{
    UniqueFd ours{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    std::array<char, 128> name{};
    if (!ours || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0
        || ::ptsname_r(ours.get(), name.data(), name.size()) != 0)
        return false;
    theirEnd.reset(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios modes{};
    if (!theirEnd || ::tcgetattr(theirEnd.get(), &modes) != 0)
        return false;
    ::cfmakeraw(&modes); // bytes as they are: no echo, and no carriage returns
    ::tcsetattr(theirEnd.get(), TCSANOW, &modes);
    listenTo(channel, ours.release(), onReadable);
    return true;
}

void QtProcess::listenTo(Channel& channel, int fd, void (QtProcess::*onReadable)())
{
    channel.fd.reset(fd);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); // ours only: a program may expect that its stdout blocks
    channel.notifier = std::make_unique<QSocketNotifier>(fd, QSocketNotifier::Read);
    connect(channel.notifier.get(), &QSocketNotifier::activated, this, onReadable);
}

void QtProcess::start(const Command& command)
{
    Q_ASSERT(!m_process);
    m_execErrno = 0;
    m_announced = m_killed = false;
    m_failure.reset();
    m_reported.clear();
    m_containment = {};
    m_process = std::make_unique<QProcess>();
    UniqueFd out, err, report;
    const bool terminal = command.terminal && openTerminal(m_out, out, &QtProcess::readOutput);
    if ((!terminal && !openPipe(m_out, out, &QtProcess::readOutput)) || !openPipe(m_err, err, &QtProcess::readErrors)
        || !openPipe(m_report, report, &QtProcess::readReport)) {
        retireSoon({Exit::How::NoSpawn, errno});
        return;
    }
    for (const Channel* channel : {&m_out, &m_err}) {
        channel->notifier->setEnabled(false); // until the report has ended
        ::fcntl(channel->fd.get(), F_SETPIPE_SZ, kPipeBytes); // refused: the kernel's default serves as well
    }

    QProcess& process = *m_process;
    process.setProcessEnvironment(launcherEnvironment(command));
    process.setStandardInputFile(QProcess::nullDevice());
    process.setProcessChannelMode(QProcess::ForwardedChannels); // QProcess's own buffers have no bound
    // May run under vfork: async-signal-safe calls only.
    process.setChildProcessModifier([outFd = out.get(), errFd = err.get(), reportFd = report.get()] {
        ::dup2(outFd, STDOUT_FILENO);
        ::dup2(errFd, STDERR_FILENO);
        ::fcntl(reportFd, F_SETFD, 0);
    });
    connect(&process, &QProcess::finished, this, &QtProcess::onFinished);
    connect(&process, &QProcess::errorOccurred, this, &QtProcess::onError);
    errno = 0; // onError() looks at it
    process.start(QString::fromStdString(m_launcher), launcherArguments(m_launcherOptions, command, report.get()));
    m_launcherPid = process.processId();
}

void QtProcess::signalAll(int signal)
{
    const auto launcher = static_cast<pid_t>(m_launcherPid);
    if (launcher <= 0)
        return;
    const auto program = static_cast<pid_t>(m_pid);
    if (program <= 0) {
        ::kill(launcher, signal); // it passes on what can be passed on
        return;
    }
    if (::kill(-program, signal) != 0)
        ::kill(program, signal); // it has not made its group yet
    // The launcher kills whatever its program leaves. One that somebody stopped is to go on; one that is killed twice
    // does not do its work.
    if (signal == SIGCONT || (signal == SIGKILL && std::exchange(m_killed, true)))
        ::kill(launcher, signal);
}

void QtProcess::readReport()
{
    std::array<char, 512> text{};
    ssize_t size = 0;
    while ((size = ::read(m_report.fd.get(), text.data(), text.size())) > 0) {
        m_reported.append(text.data(), static_cast<std::size_t>(size));
        for (std::size_t end = 0; (end = m_reported.find('\n')) != std::string::npos; m_reported.erase(0, end + 1))
            takeReport(std::string_view{m_reported}.substr(0, end));
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    m_report.notifier->setEnabled(false);
    m_report.fd.reset();
    if (m_execErrno != 0 || m_failure || m_announced || m_pid == 0)
        return;
    m_announced = true; // the pipe was closed by a successful execve
    // Only now: started() precedes the first output, and the launcher's words are not taken for the program's.
    for (const Channel* channel : {&m_out, &m_err})
        channel->notifier->setEnabled(true);
    Q_EMIT started(m_pid);
}

void QtProcess::takeReport(std::string_view line)
{
    const std::size_t space = line.find(' ');
    const std::string_view key = line.substr(0, space);
    const std::string_view value = space == std::string_view::npos ? "" : line.substr(space + 1);
    if (key == "containment")
        m_containment.kind = value;
    else if (key == "uid")
        m_containment.uid = numberIn<std::uint32_t>(value);
    else if (key == "capabilities")
        m_containment.capabilities = value;
    else if (key == "pid")
        m_pid = numberIn<std::int64_t>(value);
    else if (key == "errno")
        m_execErrno = numberIn<int>(value);
    else if (key == "failed")
        m_failure = numberIn<int>(value);
}

std::size_t QtProcess::readChunk(Stream stream)
{
    Channel& channel = stream == Stream::Out ? m_out : m_err;
    if (!channel.fd)
        return 0;
    const ssize_t size = ::read(channel.fd.get(), m_buffer.get(), kChunkBytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size <= 0) { // EIO from a terminal
        channel.notifier->setEnabled(false); // it has closed it, and may live on
        channel.fd.reset();
        return 0;
    }
    Q_EMIT output(stream, QByteArray::fromRawData(m_buffer.get(), size));
    return static_cast<std::size_t>(size);
}

void QtProcess::drain(Stream stream, int mostChunks)
{
    for (int i = 0; i < mostChunks; ++i)
        if (readChunk(stream) < kChunkBytes)
            return; // most likely there is no more; if there is, the notifier tells
}

void QtProcess::drainWhatIsLeft()
{
    // A grandchild that got away may go on writing: what a full pipe can hold is all that is waited for.
    constexpr std::size_t kMostBytes = 2 * kPipeBytes;
    for (const Stream stream : {Stream::Out, Stream::Err})
        for (std::size_t total = 0, size = 0; total < kMostBytes && (size = readChunk(stream)) > 0; total += size)
            ;
}

void QtProcess::onFinished(int code, QProcess::ExitStatus status)
{
    if (m_report.fd)
        readReport();
    drainWhatIsLeft();
    if (m_pid > 0 && status == QProcess::CrashExit && code == SIGKILL)
        ::kill(static_cast<pid_t>(-m_pid), SIGKILL); // a launcher that was killed could not do it
    if (m_execErrno != 0)
        retire({mayPass(m_execErrno) ? Exit::How::NoSpawn : Exit::How::Unrunnable, m_execErrno});
    else if (!m_announced)
        retire({Exit::How::NoSpawn, m_failure.value_or(0)});
    else
        retire({status == QProcess::CrashExit ? Exit::How::Signal : Exit::How::Code, code});
}

void QtProcess::onError(QProcess::ProcessError error)
{
    if (error != QProcess::FailedToStart)
        return; // all others are followed by finished()
    const int sys = scarceFor(m_process->errorString(), errno);
    if (sys == 0 && ::access(m_launcher.c_str(), X_OK) != 0)
        retireSoon({Exit::How::NoLauncher, errno});
    else
        retireSoon({Exit::How::NoSpawn, sys});
}

void QtProcess::retireSoon(Exit exit)
{
    QMetaObject::invokeMethod(
        this, [this, exit] { retire(exit); }, Qt::QueuedConnection);
}

void QtProcess::retire(Exit exit)
{
    for (Channel* channel : {&m_out, &m_err, &m_report}) {
        if (channel->notifier) {
            channel->notifier->setEnabled(false);
            channel->notifier.release()->deleteLater(); // we may be inside its signal
        }
        channel->fd.reset();
    }
    m_pid = m_launcherPid = 0;
    if (m_process) {
        m_process->disconnect(this);
        m_process.release()->deleteLater(); // we may be inside one of its signals
    }
    Q_EMIT exited(exit);
}

} // namespace beacon
