#pragma once

#include "core/platform/outbox.h"
#include "core/store/spool.h"

#include <QTimer>

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

namespace beacon::platform {

/// Rows that one turn of the event loop writes, reads or deletes: more would hold back what is urgent.
inline constexpr std::size_t kDiskStep = 64;

/// What the files of the outbox share: outbox.cpp sends, outbox_disk.cpp keeps.
struct Outbox::Private {
    using Instant = std::chrono::steady_clock::time_point;

    struct Item {
        Spool::Entry entry;
        Instant since{};
        bool onDisk = false;
    };
    /// One lane's events, oldest first: `items` in memory, then what is on disk alone, then `toDisk`.
    struct LaneQueue {
        Lane lane = Lane::Priority;
        std::deque<Item> items;
        qint64 bytes = 0; ///< of `items`
        bool moreOnDisk = false;
        std::vector<Spool::Entry> toDisk; ///< not written yet
        qint64 lastId = 0; ///< of what was ever in `items`
        std::size_t underWay = 0; ///< of the front of `items`
        std::size_t single = 0; ///< this many go one by one, after a batch was refused
        std::chrono::milliseconds pause{0};
        QTimer again;

        [[nodiscard]] bool isBulk() const { return lane == Lane::Bulk; }
        [[nodiscard]] bool empty() const { return items.empty() && toDisk.empty() && !moreOnDisk; }
        void push(Item item);
        void erase(const std::deque<Item>::iterator& at);
        [[nodiscard]] std::deque<Item>::iterator find(qint64 id);
    };

    Private(Outbox* outbox, PlatformLink& platformLink, std::unique_ptr<Spool> disk, const Limits& theLimits);

    void pump(LaneQueue& queue);
    void onAnswer(LaneQueue& queue, const QJsonArray& sent, const Answer& answer);
    void take(LaneQueue& queue, const std::vector<bool>& taken, quint64& counter);
    void retryLater(LaneQueue& queue);
    void countDropped(quint64 more);

    void load();
    void renumber(qint64 last);
    void add(LaneQueue& queue, Spool::Entry entry);
    void addToDisk(LaneQueue& queue, Spool::Entry entry);
    void shed(LaneQueue& queue);
    void refill(LaneQueue& queue);
    void restore(LaneQueue& queue, Spool::Entry entry, bool onDisk);
    void flush(bool all = false);
    void armFlush();
    void write(std::vector<Spool::Entry> entries);
    void forget(const std::vector<qint64>& ids);
    void diskFailed(const Error& error);
    void tryDiskAgain();
    [[nodiscard]] bool diskUsable() const { return spool && !diskBroken; }

    Outbox* q;
    PlatformLink& link;
    std::unique_ptr<Spool> spool;
    Limits limits;
    LaneQueue priority, bulk;
    Counts counts;
    qint64 lastId = 0;
    quint64 inherited = 0; ///< of an earlier run, found in the spool
    std::vector<qint64> toRemove; ///< acknowledged, and still on disk
    bool ready = false, diskBroken = false, diskTold = false, loaded = false;
    quint64 session = 0; ///< rises when the link goes: an answer of before is not for what is under way now
    QTimer flushTimer, diskTimer, dropTimer;
};

} // namespace beacon::platform
