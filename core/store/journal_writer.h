#pragma once

#include "core/store/journal_file.h"
#include "core/store/steady_wall.h"

#include <QObject>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace beacon {

/// Keeps a JournalFile whose disk never keeps the caller waiting: entries gather in memory and a thread of its own
/// writes them, at most Options::flushAfter after the first, priority at once. While nothing comes, nothing wakes.
///
/// Thread:  the thread that created it; signals come from the writer's thread (a receiver gets them queued).
/// Bounds:  what waits is bounded; beyond it the oldest bulk goes first, then the oldest priority, each counted.
///          A kill loses the bulk of the last flushAfter.
/// Errors:  failed() once per trouble, recovered() when it is over. Meanwhile it tries again every Options::retry.
/// Age:     by the clock's wall time, but see SteadyWall; looked at with every write.
class JournalWriter final : public QObject {
    Q_OBJECT
public:
    struct Options {
        qint64 maxBytes = 256LL * 1024 * 1024; ///< of the file
        std::size_t maxPending = 20'000; ///< entries in memory
        qint64 maxPendingBytes = 16LL * 1024 * 1024; ///< of their texts
        std::chrono::milliseconds flushAfter{1'000};
        std::chrono::milliseconds retry{1'000};
    };
    struct Counters {
        quint64 written = 0;
        quint64 droppedBulk = 0, droppedPriority = 0;
        std::size_t pending = 0;

        [[nodiscard]] quint64 dropped() const noexcept { return droppedBulk + droppedPriority; }
    };
    /// `clock` must outlive it.
    JournalWriter(QString path, const Clock& clock, Options options, QObject* parent = nullptr);
    ~JournalWriter() override; ///< tries once more to write what waits

    void start(); ///< once the signals are connected

    /// `entry.id`: its number in this run, from 1, rising.
    void append(JournalEntry entry);

    /// Of this run, those with after < id < before: the newest `limit`, oldest first, written or not.
    [[nodiscard]] std::vector<JournalEntry> between(quint64 after, quint64 before, int limit) const;
    /// The newest `limit` of all runs, oldest first, written or not.
    [[nodiscard]] std::vector<JournalEntry> last(int limit) const;
    [[nodiscard]] Counters counters() const;

Q_SIGNALS:
    void failed(const beacon::Error& error);
    void recovered(quint64 dropped); ///< of bulk and priority since failed()
    void damaged(const QString& setAside); ///< the file was; it is kept there, and a new one is begun

private:
    [[nodiscard]] bool makeRoom(const JournalEntry& entry);
    [[nodiscard]] bool isDue() const;
    [[nodiscard]] std::size_t waiting() const { return m_bulk.size() + m_priority.size(); }
    [[nodiscard]] std::vector<JournalEntry> pending(quint64 after, quint64 before) const;

    // The writer's thread:
    void run(const std::stop_token& stop);
    Result<> open(JournalFile& file);
    Result<> flush(JournalFile& file);
    Result<bool> trim(JournalFile& file);
    std::size_t take();
    void giveBack(bool written);
    void tell(const Result<>& worked);

    QString m_path;
    const Clock& m_clock;
    Options m_options;

    mutable std::mutex m_mutex; // guards what follows
    std::condition_variable_any m_wake;
    std::deque<JournalEntry> m_bulk, m_priority;
    std::vector<JournalEntry> m_underWay; ///< the writer changes it with the lock, and reads it without
    qint64 m_bytes = 0; ///< of all three
    std::chrono::steady_clock::time_point m_due{}; ///< of the next flush, while something waits
    Counters m_counters;
    std::optional<qint64> m_base; ///< the file's last id before this run; none: not opened yet
    MonotonicTime m_now{}; ///< the clock at the last append
    WallTime m_wall{};

    std::optional<SteadyWall> m_steady; ///< the writer's own, as the next one
    std::optional<quint64> m_droppedBefore; ///< while in trouble: when that began
    std::jthread m_thread;
};

} // namespace beacon
