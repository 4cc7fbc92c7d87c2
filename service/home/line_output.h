#pragma once

#include <QByteArray>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace beacon {

/// Writes lines to a descriptor in a thread of its own: a reader that is slow or gone holds nobody up.
///
/// Thread:  put() from any thread, never blocks.
/// Bounds:  kMaxQueued lines; beyond that the oldest are dropped and counted.
class LineOutput {
public:
    static constexpr std::size_t kMaxQueued = 10'000;

    explicit LineOutput(int fd);
    LineOutput(const LineOutput&) = delete;
    LineOutput& operator=(const LineOutput&) = delete;
    ~LineOutput(); ///< waits at most 1 s for what is queued

    void put(QByteArray line);

private:
    void run();
    bool writeAll(const QByteArray& line);

    int m_fd;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<QByteArray> m_lines;
    std::uint64_t m_dropped = 0;
    bool m_stop = false;
    std::chrono::steady_clock::time_point m_deadline{}; ///< once m_stop is set
    std::thread m_thread;
};

} // namespace beacon
