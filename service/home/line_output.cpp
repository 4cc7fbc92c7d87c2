#include "service/home/line_output.h"

#include "core/base/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace beacon {

LineOutput::LineOutput(int fd)
    : m_fd(fd)
    , m_thread([this] { run(); })
{
}

LineOutput::~LineOutput()
{
    {
        const std::lock_guard lock{m_mutex};
        m_stop = true;
        m_deadline = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    }
    m_wake.notify_one();
    m_thread.join();
}

void LineOutput::put(QByteArray line)
{
    line += '\n';
    {
        const std::lock_guard lock{m_mutex};
        if (m_lines.size() >= kMaxQueued) {
            m_lines.pop_front();
            ++m_dropped;
        }
        m_lines.push_back(std::move(line));
    }
    m_wake.notify_one();
}

bool LineOutput::writeAll(const QByteArray& line)
{
    for (qsizetype done = 0; done < line.size();) {
        // poll() first: the descriptor may be shared with others, so it is not made non-blocking.
        pollfd ready{.fd = m_fd, .events = POLLOUT, .revents = 0};
        const int polled = ::poll(&ready, 1, 200);
        if (polled == 0 || (polled < 0 && errno == EINTR)) {
            const std::lock_guard lock{m_mutex};
            if (m_stop && std::chrono::steady_clock::now() > m_deadline)
                return false;
            continue;
        }
        const auto part = std::min<qsizetype>(line.size() - done, 4'096); // PIPE_BUF: what poll() promises room for
        const ssize_t written = ::write(m_fd, line.constData() + done, static_cast<std::size_t>(part));
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        done += std::max<ssize_t>(written, 0);
    }
    return true;
}

void LineOutput::run()
{
    bool failed = false;
    for (;;) {
        QByteArray line;
        std::uint64_t dropped = 0;
        {
            std::unique_lock lock{m_mutex};
            m_wake.wait(lock, [&] { return m_stop || !m_lines.empty(); });
            if (m_lines.empty() || (m_stop && failed))
                return;
            line = std::move(m_lines.front());
            m_lines.pop_front();
            dropped = std::exchange(m_dropped, 0);
        }
        if (dropped > 0)
            log::error(
                "the reader of the alerts is too slow; the oldest were dropped", {{"lines", std::to_string(dropped)}});
        const bool written = writeAll(line);
        if (!written && !failed)
            log::error("nobody takes the alerts on standard output any more; they are in the database");
        failed = !written;
    }
}

} // namespace beacon
