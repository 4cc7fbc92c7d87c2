#include "core/supervision/unix_signals.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::array kTaken{SIGTERM, SIGINT, SIGHUP};
std::atomic<int> signalPipe{-1}; // a signal handler has no other way to its object

void onSignal(int signal)
{
    const int saved = errno;
    const char byte = static_cast<char>(signal);
    [[maybe_unused]] const auto written = ::write(signalPipe.load(), &byte, 1); // full: there are enough of them
    errno = saved;
}

} // namespace

UnixSignals::UnixSignals(QObject* parent)
    : QObject(parent)
{
}

UnixSignals::~UnixSignals()
{
    for (const int signal : kTaken)
        ::signal(signal, SIG_DFL);
    signalPipe = -1;
}

Result<> UnixSignals::start()
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return systemError("make a pipe for signals");
    m_read.reset(ends[0]);
    m_write.reset(ends[1]);
    signalPipe = m_write.get();
    m_notifier = std::make_unique<QSocketNotifier>(m_read.get(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &UnixSignals::onReadable);
    struct sigaction action { };
    action.sa_handler = onSignal;
    action.sa_flags = SA_RESTART;
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : kTaken) {
        ::sigaction(signal, &action, nullptr);
        sigaddset(&taken, signal);
    }
    ::signal(SIGPIPE, SIG_IGN);
    ::sigprocmask(SIG_UNBLOCK, &taken, nullptr); // whoever started us may have blocked them
    return {};
}

void UnixSignals::onReadable()
{
    std::array<char, 32> bytes{};
    const ssize_t size = ::read(m_read.get(), bytes.data(), bytes.size());
    for (ssize_t i = 0; i < size; ++i) {
        if (bytes[static_cast<std::size_t>(i)] == SIGHUP)
            Q_EMIT hangUp();
        else
            Q_EMIT terminate();
    }
}

} // namespace beacon
