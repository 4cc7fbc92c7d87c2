// What the outbox keeps, in memory and on disk: the second half of outbox.h.

#include "core/platform/outbox_private.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace beacon::platform {

namespace {

constexpr std::chrono::milliseconds kNextStep{2};
constexpr std::chrono::seconds kDiskAgain{2};

} // namespace

void Outbox::Private::load()
{
    if (!spool || loaded)
        return;
    const auto last = spool->lastId();
    if (!last) {
        diskFailed(last.error());
        return;
    }
    loaded = true;
    renumber(*last);
    for (LaneQueue* queue : {&priority, &bulk})
        if (const auto count = spool->count(queue->isBulk()); count && *count > 0) {
            inherited += static_cast<quint64>(*count);
            queue->moreOnDisk = true;
            queue->lastId = 0;
            refill(*queue);
        }
}

/// The disk came late: what was made meanwhile is newer than what it holds, and waits behind it.
void Outbox::Private::renumber(qint64 last)
{
    lastId += last;
    for (LaneQueue* queue : {&priority, &bulk}) {
        for (Item& item : queue->items)
            item.entry.id += last;
        for (Spool::Entry& entry : queue->toDisk)
            entry.id += last;
        std::vector<Spool::Entry> behind;
        while (queue->items.size() > queue->underWay) {
            const auto first = queue->items.begin() + static_cast<std::ptrdiff_t>(queue->underWay);
            behind.push_back(first->entry);
            queue->erase(first);
        }
        queue->toDisk.insert(
            queue->toDisk.begin(), std::make_move_iterator(behind.begin()), std::make_move_iterator(behind.end()));
    }
}

void Outbox::Private::add(LaneQueue& queue, Spool::Entry entry)
{
    const bool behind = queue.moreOnDisk || !queue.toDisk.empty();
    const bool full = queue.items.size() >= limits.memoryEvents || queue.bytes + entry.json.size() > limits.memoryBytes;
    if (behind || (full && diskUsable())) {
        addToDisk(queue, std::move(entry));
        return;
    }
    queue.push({std::move(entry), std::chrono::steady_clock::now(), false});
    if (!queue.isBulk() && diskUsable()) {
        queue.items.back().onDisk = true;
        write({queue.items.back().entry});
    }
    armFlush();
    shed(queue);
}

void Outbox::Private::addToDisk(LaneQueue& queue, Spool::Entry entry)
{
    queue.toDisk.push_back(std::move(entry));
    if (diskUsable() && (!queue.isBulk() || queue.toDisk.size() >= kDiskStep))
        flush();
    else
        armFlush();
    if (diskUsable())
        return;
    qint64 bytes = std::accumulate(queue.toDisk.begin(), queue.toDisk.end(), qint64{0},
        [](qint64 sum, const Spool::Entry& each) { return sum + each.json.size(); });
    std::size_t gone = 0;
    while (queue.toDisk.size() - gone > limits.memoryEvents || bytes > limits.memoryBytes)
        bytes -= queue.toDisk[gone++].json.size();
    queue.toDisk.erase(queue.toDisk.begin(), queue.toDisk.begin() + static_cast<std::ptrdiff_t>(gone));
    countDropped(gone);
}

/// Without a disk, the oldest go.
void Outbox::Private::shed(LaneQueue& queue)
{
    quint64 gone = 0;
    while ((queue.items.size() > limits.memoryEvents || queue.bytes > limits.memoryBytes)
        && queue.items.size() > queue.underWay + 1) {
        const auto oldest = queue.items.begin() + static_cast<std::ptrdiff_t>(queue.underWay);
        if (oldest->onDisk)
            toRemove.push_back(oldest->entry.id);
        queue.erase(oldest);
        ++gone;
    }
    countDropped(gone);
}

void Outbox::Private::refill(LaneQueue& queue)
{
    const std::size_t step = std::min(kDiskStep, std::max<std::size_t>(limits.memoryEvents / 2, 1));
    if (queue.items.size() >= step)
        return;
    if (!queue.moreOnDisk) {
        for (Spool::Entry& entry : std::exchange(queue.toDisk, {}))
            restore(queue, std::move(entry), false);
        return;
    }
    if (!diskUsable())
        return;
    if (!queue.toDisk.empty())
        flush();
    auto entries = spool->read(queue.isBulk(), queue.lastId, static_cast<int>(step));
    if (!entries) {
        diskFailed(entries.error());
        return;
    }
    queue.moreOnDisk = entries->size() == step;
    for (Spool::Entry& entry : *entries)
        restore(queue, std::move(entry), true);
}

void Outbox::Private::restore(LaneQueue& queue, Spool::Entry entry, bool onDisk)
{
    queue.lastId = entry.id;
    // What was under way when the disk came late stands before what is older, and reaches the disk behind it.
    const bool known = queue.find(entry.id) != queue.items.end()
        || std::find(toRemove.begin(), toRemove.end(), entry.id) != toRemove.end();
    if (!known)
        queue.push({std::move(entry), {}, onDisk});
}

/// `all`: whatever is not on disk, at the end; else what has waited long enough, a step of it.
void Outbox::Private::flush(bool all)
{
    if (!diskUsable())
        return;
    if (!toRemove.empty()) {
        if (const auto removed = spool->remove(toRemove); !removed) {
            diskFailed(removed.error());
            return;
        }
        toRemove.clear();
    }
    std::vector<Spool::Entry> entries;
    const Instant before = std::chrono::steady_clock::now() - limits.writeAfter;
    const bool hadPriority = !priority.toDisk.empty(), hadBulk = !bulk.toDisk.empty();
    for (LaneQueue* queue : {&priority, &bulk}) {
        for (Item& item : queue->items)
            if (!item.onDisk && (all || (item.since <= before && entries.size() < kDiskStep))) {
                entries.push_back(item.entry);
                item.onDisk = true;
            }
        std::move(queue->toDisk.begin(), queue->toDisk.end(), std::back_inserter(entries));
        queue->toDisk.clear();
    }
    if (!entries.empty())
        write(std::move(entries));
    if (!diskUsable())
        return;
    priority.moreOnDisk = priority.moreOnDisk || hadPriority;
    bulk.moreOnDisk = bulk.moreOnDisk || hadBulk;
    armFlush();
}

void Outbox::Private::armFlush()
{
    if (!diskUsable() || flushTimer.isActive())
        return;
    std::optional<Instant> oldest;
    for (const LaneQueue* queue : {&priority, &bulk}) {
        const auto young =
            std::find_if(queue->items.begin(), queue->items.end(), [](const Item& item) { return !item.onDisk; });
        if (young != queue->items.end() && (!oldest || young->since < *oldest))
            oldest = young->since;
    }
    if (!oldest && toRemove.empty() && priority.toDisk.empty() && bulk.toDisk.empty())
        return;
    const bool due = oldest && std::chrono::steady_clock::now() - *oldest >= limits.writeAfter;
    flushTimer.start(due ? kNextStep : limits.writeAfter);
}

/// Where that fails, what was to be on disk alone comes back into memory, as far as it fits.
void Outbox::Private::write(std::vector<Spool::Entry> entries)
{
    const auto written = spool->write(entries);
    if (written) {
        forget(*written);
        return;
    }
    for (Spool::Entry& entry : entries) {
        LaneQueue& queue = entry.bulk ? bulk : priority;
        if (const auto known = queue.find(entry.id); known != queue.items.end())
            known->onDisk = false;
        else
            queue.toDisk.push_back(std::move(entry));
    }
    diskFailed(written.error());
}

/// The spool had no room for these.
void Outbox::Private::forget(const std::vector<qint64>& ids)
{
    quint64 gone = 0;
    for (const qint64 id : ids) {
        bool kept = std::find(toRemove.begin(), toRemove.end(), id) != toRemove.end();
        for (LaneQueue* queue : {&priority, &bulk}) {
            const auto at = queue->find(id);
            if (at == queue->items.end())
                continue;
            kept = at - queue->items.begin() < static_cast<std::ptrdiff_t>(queue->underWay);
            at->onDisk = false;
            if (!kept)
                queue->erase(at);
        }
        gone += kept ? 0 : 1;
    }
    countDropped(gone);
}

void Outbox::Private::diskFailed(const Error& error)
{
    diskBroken = true;
    if (!std::exchange(diskTold, true)) // later: the constructor may be at work, and nobody connected yet
        QMetaObject::invokeMethod(
            q, [this, why = QString::fromStdString(describe(error))] { Q_EMIT q->spoolFailed(why); },
            Qt::QueuedConnection);
    diskTimer.start(kDiskAgain);
}

void Outbox::Private::tryDiskAgain()
{
    diskBroken = false;
    load();
    flush();
    for (LaneQueue* queue : {&priority, &bulk})
        pump(*queue);
    if (!diskBroken && std::exchange(diskTold, false))
        Q_EMIT q->spoolRecovered();
}

} // namespace beacon::platform
