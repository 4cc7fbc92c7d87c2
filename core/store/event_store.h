#pragma once

#include "core/store/event_file.h"
#include "core/store/event_reader.h"

#include <QObject>
#include <QStringList>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace beacon {

/// The events of a Sensor: SQLite with one writer thread that commits what has come together. Ids rise for ever, in the
/// order of commits: a reader that remembers the last id misses nothing. An event whose uuid is there already is not
/// stored again and gets the id that it has.
///
/// Thread:  the thread that created it; callbacks and signals come from its event loop.
/// Errors:  a write that fails is tried again every Options::retry; what has waited Options::patience gets the Error.
///          failed() and recovered() come once an outage. read() reports by itself.
/// Bounds:  what waits is bounded: beyond it append() answers Busy, to bulk at half of it. In the file the oldest go
///          first, in small steps between commits. A kill loses nothing that was acknowledged; a loss of power at most
///          the last kSyncAfter, and nothing of severity 4 or 5.
/// Owns:    the writer; borrows the Clock, which must outlive it.
class EventStore final : public QObject {
    Q_OBJECT
public:
    struct Options {
        EventFile::Limits file{};
        std::chrono::milliseconds commitAfter{20}; ///< the last commit; the first after a pause goes at once
        std::size_t commitEvents = 512;
        std::size_t maxWaiting = 20'000; ///< events
        qint64 maxWaitingBytes = 16LL * 1024 * 1024; ///< of their texts
        std::chrono::milliseconds retry{250};
        std::chrono::milliseconds patience{2'000};
        std::size_t recentEvents = 16'384; ///< kept in memory for readers
        qint64 recentBytes = 8LL * 1024 * 1024;
    };
    static constexpr std::chrono::milliseconds kSyncAfter{1'000};
    static constexpr qsizetype kMaxTextBytes = 1024 * 1024;
    static constexpr int kUrgentSeverity = 4; ///< committed at once, and on disk before it is acknowledged

    EventStore(QString path, const Clock& clock, Options options, QObject* parent = nullptr);
    ~EventStore() override; ///< tries once more to write what waits; no callback comes any more

    void start(); ///< once the signals are connected

    /// One id for each event, in their order.
    using Kept = std::function<void(const Result<std::vector<qint64>>& ids)>;
    /// All or none of them. `kept` is called once, never from within append(), when they are committed. Busy: too much
    /// waits. BadInput: a uuid that has not 16 bytes. TooLarge: a text of over kMaxTextBytes.
    void append(std::vector<StoredEvent> events, Kept kept);

    /// The first `limit` that match with id > `after`, oldest first, perhaps fewer where they are large.
    /// `match`: a type exactly, or those that begin with what stands before a last '*'. `severity`: at least.
    [[nodiscard]] Result<std::vector<StoredEvent>> read(
        qint64 after, const QString& match, int severity, int limit) const;
    /// The same for whoever goes on from there: `next` is what to give as `after` the next time, past all that was
    /// looked at.
    struct Page {
        std::vector<StoredEvent> events;
        qint64 next = 0;
    };
    [[nodiscard]] Result<Page> readOn(qint64 after, const QStringList& matches, int severity, int limit) const;
    /// What to give as `after`, to begin with the newest `count` that match. 0 of them: what comes from now on.
    [[nodiscard]] Result<qint64> before(const QString& match, int severity, int count) const;

    [[nodiscard]] qint64 lastId() const noexcept { return m_lastId; } ///< committed; 0: none ever
    /// Whether all behind `after` is in memory.
    [[nodiscard]] bool isRecent(qint64 after) const noexcept { return after >= m_recentAfter; }
    [[nodiscard]] Result<qint64> firstId() const; ///< that is still there; 0: none
    [[nodiscard]] std::size_t waiting() const; ///< events that are not committed yet

Q_SIGNALS:
    void committed(qint64 lastId);
    void failed(const beacon::Error& error); ///< nothing can be written
    void recovered();
    void damaged(const QString& setAside); ///< the file was; a new one is in use
    void worked(QPrivateSignal); ///< the writer, for ourselves

private:
    struct Batch {
        std::vector<StoredEvent> events;
        Kept kept;
        qint64 bytes = 0;
        bool bulk = false, urgent = false;
        WallTime received{};
        std::chrono::steady_clock::time_point since{};
    };
    /// What the writer has done, for the owner's thread.
    struct Outcome {
        std::vector<StoredEvent> fresh; ///< in the order of their ids
        std::vector<std::pair<Kept, Result<std::vector<qint64>>>> answers;
        qint64 lastId = 0; ///< 0: nothing was committed
        std::optional<QString> setAside;
        std::optional<Error> failed;
        bool recovered = false;
    };
    enum class Next { Commit, Sync, End };
    using Lock = std::unique_lock<std::mutex>;

    void answerLater(Kept kept, Result<std::vector<qint64>> answer);
    void run(const std::stop_token& stop);
    void open(EventFile& file);
    [[nodiscard]] bool isWaiting() const { return !m_priority.empty() || !m_bulk.empty(); }
    [[nodiscard]] bool isDue() const;
    [[nodiscard]] Next awaitWork(Lock& lock, const std::stop_token& stop);
    void take();
    void giveBack(const Error& error, bool all);
    [[nodiscard]] Result<> commit(EventFile& file);
    void trim(EventFile& file, const std::stop_token& stop);
    void post(Outcome outcome);
    void settleAll();
    void settle(Outcome& outcome);
    [[nodiscard]] Page readRecent(qint64 after, const QStringList& matches, int severity, int limit) const;
    void remember(std::vector<StoredEvent>& events, qint64 lastId);

    const QString m_path;
    const Clock& m_clock;
    const Options m_options;

    // Of the owner's thread.
    mutable EventReader m_reader;
    std::deque<StoredEvent> m_recent; ///< all with m_recentAfter < id <= m_lastId
    qint64 m_recentBytes = 0, m_recentAfter = 0, m_lastId = 0;

    // Of both.
    mutable std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::deque<Batch> m_priority, m_bulk, m_underWay;
    std::size_t m_waitingEvents = 0; ///< in all three
    qint64 m_waitingBytes = 0;
    std::size_t m_dueEvents = 0; ///< in m_priority and m_bulk
    std::chrono::steady_clock::time_point m_due{}, m_lastCommit{};

    // From the writer's thread to the owner's, which alone destroys what it holds: callbacks are the owner's.
    std::mutex m_outcomesMutex;
    std::vector<Outcome> m_outcomes;

    // Of the writer's thread.
    std::optional<std::chrono::steady_clock::time_point> m_unsynced;
    bool m_broken = false;

    std::jthread m_thread;
};

} // namespace beacon
