#pragma once

#include "core/store/event_store.h"

#include <QObject>
#include <QStringList>
#include <QTimer>

#include <deque>
#include <functional>
#include <vector>

namespace beacon {

/// Brings events from the store to one reader: in the order of their ids, at the reader's pace, without a gap. What it
/// has under way is one batch; all else stays in the store. An event that several matches fit comes once.
///
/// Thread:  that of the store.
/// Errors:  a store that cannot be read is asked again every kAgain. What the store has deleted before its turn came is
///          told by missed().
/// Owns:    nothing; borrows the store, which must outlive it.
class Delivery final : public QObject {
    Q_OBJECT
public:
    static constexpr int kBatchEvents = 256;
    static constexpr qint64 kBatchBytes = 128LL * 1024; ///< of their texts; a larger event goes alone
    static constexpr std::chrono::milliseconds kAgain{1'000}; ///< doubles while the reader does not take it
    static constexpr std::chrono::milliseconds kAgainMost{30'000};

    /// Whether the reader has the batch; called once, at once or later. After a no the same comes again.
    using Done = std::function<void(bool taken)>;
    using Send = std::function<void(const std::vector<StoredEvent>& batch, Done done)>;
    /// All that match behind the id `after`.
    Delivery(EventStore& store, const QStringList& matches, int severity, qint64 after, Send send,
        QObject* parent = nullptr);

    /// Begins to deliver `match` from behind `after` on: what is older than what the others had yet comes first. Of one
    /// that is there, only what is older than its beginning.
    void add(const QString& match, qint64 after);
    void remove(const QString& match);
    [[nodiscard]] bool has(const QString& match) const;
    [[nodiscard]] std::size_t matches() const noexcept { return m_streams.size(); }

Q_SIGNALS:
    void missed(qint64 first, qint64 last); ///< ids that the store had no more
private:
    struct Stream {
        QString match;
        qint64 start = 0; ///< it is for events behind this
    };
    /// What a stream that was added later has to catch up with: start < id <= end.
    struct CatchUp {
        QString match;
        qint64 next = 0, end = 0;
    };
    void pump();
    [[nodiscard]] bool readLive();
    [[nodiscard]] bool readCatchUp();
    [[nodiscard]] bool read(
        qint64& at, const QStringList& matches, qint64 end, const std::function<bool(const StoredEvent&)>& isWanted);
    void send();
    void settle(quint64 turn, bool taken);
    void goOn(std::chrono::milliseconds later = {});

    EventStore& m_store;
    const int m_severity;
    const Send m_send;
    std::vector<Stream> m_streams; ///< in the order in which they were added
    std::deque<CatchUp> m_catchUps;
    qint64 m_position = 0; ///< all up to this id has been read for those that needed no catching up
    std::vector<StoredEvent> m_batch; ///< until it is taken
    quint64 m_turn = 0;
    bool m_underWay = false;
    std::chrono::milliseconds m_pause = kAgain;
    QTimer m_again;
};

} // namespace beacon
