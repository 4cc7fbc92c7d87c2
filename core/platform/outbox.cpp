#include "core/platform/outbox.h"

#include "core/platform/messages.h"
#include "core/store/spool.h"

#include <QJsonDocument>
#include <QPointer>
#include <QSet>

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>

namespace beacon::platform {

namespace {

using Instant = std::chrono::steady_clock::time_point;

/// Rows that one turn of the event loop writes, reads or deletes: more would hold back what is urgent.
constexpr std::size_t kStep = 64;
constexpr std::chrono::milliseconds kNextStep{2};
constexpr std::chrono::seconds kDiskAgain{2}, kTellDrops{1};

struct Item {
    qint64 id = 0;
    QJsonObject event;
    qint64 bytes = 0;
    Instant since;
    bool onDisk = false;
};

struct Line {
    Lane lane = Lane::Priority;
    std::deque<Item> items; ///< in memory, oldest first
    qint64 bytes = 0;
    std::vector<Spool::Entry> toDisk; ///< what is newer than `items` and not written yet
    bool moreOnDisk = false; ///< newer than `items`
    bool flushing = false; ///< toDisk is being written
    qint64 lastId = 0; ///< of what was ever in `items`
    std::size_t underWay = 0; ///< of the front of `items`
    std::size_t single = 0; ///< this many go one by one, after a batch was refused
    std::chrono::milliseconds pause{0};
    QTimer again;

    [[nodiscard]] bool isBulk() const { return lane == Lane::Bulk; }
    [[nodiscard]] bool empty() const { return items.empty() && toDisk.empty() && !moreOnDisk; }
};

/// Which of the `count` events of a batch the platform has: an array as long as it, null where one was not taken, or
/// the uuids of those that were.
std::vector<bool> acknowledgedOf(const QJsonValue& answer, const std::deque<Item>& items, std::size_t count)
{
    const QJsonArray ids = answer[QLatin1StringView("ids")].toArray();
    std::vector<bool> taken(count, false);
    QSet<QString> uuids;
    for (const auto& id : ids)
        if (id.isString())
            uuids.insert(id.toString());
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<qsizetype>(i);
        taken[i] = uuids.isEmpty() ? at < ids.size() && !ids.at(at).isNull()
                                   : uuids.contains(items[i].event.value(QLatin1StringView("uuid")).toString());
    }
    return taken;
}

bool isRefusal(rpc::Code code)
{
    return code == rpc::Code::InvalidParams || code == rpc::Code::TooLarge || code == rpc::Code::InvalidRequest;
}

} // namespace

struct Outbox::Private {
    Private(Outbox* outbox, PlatformLink& platformLink, std::unique_ptr<Spool> disk, const Limits& theLimits)
        : q(outbox)
        , link(platformLink)
        , spool(std::move(disk))
        , limits(theLimits)
    {
        bulk.lane = Lane::Bulk;
    }

    void load();
    void renumber(qint64 last);
    void add(Line& line, Item item);
    void addToDisk(Line& line, const Item& item);
    void shed(Line& line);
    void flush();
    void write(std::vector<Spool::Entry> entries);
    void diskFailed(const Error& error);
    void refill(Line& line);
    void restore(Line& line, const Spool::Entry& entry, bool onDisk);
    void pump(Line& line);
    void onAnswer(Line& line, std::size_t count, const Answer& answer);
    void take(Line& line, const std::vector<bool>& taken);
    void retryLater(Line& line);
    void countDropped(quint64 more);
    void forget(const std::vector<qint64>& ids);
    void writeOld(Line& line, std::vector<Spool::Entry>& entries, Instant before);
    [[nodiscard]] bool diskUsable() const { return spool && !diskBroken; }

    Outbox* q;
    PlatformLink& link;
    std::unique_ptr<Spool> spool;
    Limits limits;
    Line priority, bulk;
    Counts counts;
    qint64 lastId = 0;
    quint64 inherited = 0; ///< of an earlier run, found in the spool
    std::vector<qint64> toRemove;
    bool ready = false, diskBroken = false, diskTold = false, loaded = false;
    quint64 session = 0; ///< rises when the link goes: an answer of before is not for what is under way now
    QTimer flushTimer, diskTimer, dropTimer;
};

Outbox::Outbox(PlatformLink& link, std::unique_ptr<Spool> spool, Limits limits, QObject* parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, link, std::move(spool), limits))
{
    for (QTimer* timer : {&d->flushTimer, &d->diskTimer, &d->dropTimer, &d->priority.again, &d->bulk.again})
        timer->setSingleShot(true);
    connect(&d->flushTimer, &QTimer::timeout, this, [this] { d->flush(); });
    connect(&d->dropTimer, &QTimer::timeout, this, [this] { Q_EMIT dropped(d->counts.dropped); });
    connect(&d->diskTimer, &QTimer::timeout, this, [this] {
        d->diskBroken = false;
        d->load();
        d->flush();
        for (Line* line : {&d->priority, &d->bulk})
            d->pump(*line);
        if (!d->diskBroken && std::exchange(d->diskTold, false))
            Q_EMIT spoolRecovered();
    });
    for (Line* line : {&d->priority, &d->bulk})
        connect(&line->again, &QTimer::timeout, this, [this, line] { d->pump(*line); });
    connect(&link, &PlatformLink::down, this, [this] {
        d->ready = false;
        ++d->session;
        for (Line* line : {&d->priority, &d->bulk}) {
            line->underWay = 0;
            line->again.stop();
        }
    });
    d->load();
}

Outbox::~Outbox()
{
    d->limits.writeAfter = std::chrono::milliseconds{-1'000}; // all of it
    d->diskBroken = false;
    d->flush();
}

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
    for (Line* line : {&priority, &bulk})
        if (const auto count = spool->count(line->isBulk()); count && *count > 0) {
            inherited += static_cast<quint64>(*count);
            line->moreOnDisk = true;
            line->lastId = 0;
            refill(*line);
        }
}

/// The disk came late: what was made meanwhile is newer than what it holds, and waits behind it.
void Outbox::Private::renumber(qint64 last)
{
    lastId += last;
    for (Line* line : {&priority, &bulk}) {
        for (Item& item : line->items)
            item.id += last;
        for (Spool::Entry& entry : line->toDisk)
            entry.id += last;
        std::vector<Spool::Entry> behind;
        const auto first = line->items.begin() + static_cast<std::ptrdiff_t>(line->underWay);
        for (auto item = first; item != line->items.end(); ++item) {
            line->bytes -= item->bytes;
            behind.push_back({item->id, line->isBulk(), QJsonDocument{item->event}.toJson(QJsonDocument::Compact)});
        }
        line->items.erase(first, line->items.end());
        line->toDisk.insert(
            line->toDisk.begin(), std::make_move_iterator(behind.begin()), std::make_move_iterator(behind.end()));
    }
}

void Outbox::publish(const Event& event)
{
    Line& line = event.isBulk() ? d->bulk : d->priority;
    Item item;
    item.id = ++d->lastId;
    item.event = toJson(event);
    item.bytes = toLine(event).size();
    item.since = std::chrono::steady_clock::now();
    ++d->counts.published;
    if (item.bytes > kMaxEventBytes) {
        d->countDropped(1);
        return;
    }
    d->add(line, std::move(item));
    d->pump(line);
    if (!d->flushTimer.isActive())
        d->flushTimer.start(d->limits.writeAfter);
}

void Outbox::Private::add(Line& line, Item item)
{
    const bool behind = line.moreOnDisk || !line.toDisk.empty();
    const bool full = line.items.size() >= limits.memoryEvents || line.bytes + item.bytes > limits.memoryBytes;
    if (behind || (full && diskUsable())) {
        addToDisk(line, item);
        return;
    }
    line.bytes += item.bytes;
    line.lastId = item.id;
    line.items.push_back(std::move(item));
    if (!line.isBulk() && diskUsable()) {
        Item& last = line.items.back();
        last.onDisk = true;
        write({{last.id, false, QJsonDocument{last.event}.toJson(QJsonDocument::Compact)}});
        if (diskBroken && !line.items.empty())
            line.items.back().onDisk = false;
    }
    shed(line);
}

void Outbox::Private::addToDisk(Line& line, const Item& item)
{
    line.toDisk.push_back({item.id, line.isBulk(), QJsonDocument{item.event}.toJson(QJsonDocument::Compact)});
    if (diskUsable() && (!line.isBulk() || line.toDisk.size() >= kStep))
        flush();
    if (diskUsable())
        return;
    qint64 bytes = std::accumulate(line.toDisk.begin(), line.toDisk.end(), qint64{0},
        [](qint64 sum, const Spool::Entry& entry) { return sum + entry.json.size(); });
    std::size_t gone = 0;
    while (line.toDisk.size() - gone > limits.memoryEvents || bytes > limits.memoryBytes)
        bytes -= line.toDisk[gone++].json.size();
    line.toDisk.erase(line.toDisk.begin(), line.toDisk.begin() + static_cast<std::ptrdiff_t>(gone));
    countDropped(gone);
}

/// Without a disk, the oldest go.
void Outbox::Private::shed(Line& line)
{
    quint64 gone = 0;
    while ((line.items.size() > limits.memoryEvents || line.bytes > limits.memoryBytes)
        && line.items.size() > line.underWay + 1) {
        const auto oldest = line.items.begin() + static_cast<std::ptrdiff_t>(line.underWay);
        if (oldest->onDisk)
            toRemove.push_back(oldest->id);
        line.bytes -= oldest->bytes;
        line.items.erase(oldest);
        ++gone;
    }
    countDropped(gone);
}

void Outbox::Private::countDropped(quint64 more)
{
    counts.dropped += more;
    if (more > 0 && !dropTimer.isActive())
        dropTimer.start(kTellDrops);
}

void Outbox::Private::writeOld(Line& line, std::vector<Spool::Entry>& entries, Instant before)
{
    const bool all = limits.writeAfter.count() < 0; // the destructor's
    for (Item& item : line.items)
        if (!item.onDisk && item.since <= before && (all || entries.size() < kStep)) {
            entries.push_back({item.id, line.isBulk(), QJsonDocument{item.event}.toJson(QJsonDocument::Compact)});
            item.onDisk = true;
        }
}

void Outbox::Private::flush()
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
    for (Line* line : {&priority, &bulk}) {
        writeOld(*line, entries, before);
        line->flushing = !line->toDisk.empty();
        std::move(line->toDisk.begin(), line->toDisk.end(), std::back_inserter(entries));
        line->toDisk.clear();
    }
    if (!entries.empty())
        write(std::move(entries));
    for (Line* line : {&priority, &bulk})
        line->moreOnDisk = line->moreOnDisk || (std::exchange(line->flushing, false) && !diskBroken);
    if (!diskUsable())
        return;
    for (const Line* line : {&priority, &bulk}) {
        const auto young =
            std::find_if(line->items.begin(), line->items.end(), [](const Item& item) { return !item.onDisk; });
        if (young != line->items.end())
            flushTimer.start(young->since <= before ? kNextStep : limits.writeAfter);
    }
}

/// Where that fails, what was to be on disk alone comes back into memory, as far as it fits.
void Outbox::Private::write(std::vector<Spool::Entry> entries)
{
    const auto written = spool->write(entries);
    if (written) {
        forget(*written);
        return;
    }
    for (Line* line : {&priority, &bulk})
        for (Spool::Entry& entry : entries) {
            if (entry.bulk != line->isBulk())
                continue;
            const auto known = std::find_if(
                line->items.begin(), line->items.end(), [&entry](const Item& item) { return item.id == entry.id; });
            if (known != line->items.end())
                known->onDisk = false;
            else
                line->toDisk.push_back(std::move(entry));
        }
    diskFailed(written.error());
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

/// The spool had no room for these.
void Outbox::Private::forget(const std::vector<qint64>& ids)
{
    if (ids.empty())
        return;
    quint64 gone = 0;
    for (const qint64 id : ids) {
        bool kept = std::find(toRemove.begin(), toRemove.end(), id) != toRemove.end();
        for (Line* line : {&priority, &bulk}) {
            const auto at = std::lower_bound(line->items.begin(), line->items.end(), id,
                [](const Item& item, qint64 wanted) { return item.id < wanted; });
            if (at == line->items.end() || at->id != id)
                continue;
            kept = at - line->items.begin() < static_cast<std::ptrdiff_t>(line->underWay);
            at->onDisk = false;
            if (!kept) {
                line->bytes -= at->bytes;
                line->items.erase(at);
            }
        }
        gone += kept ? 0 : 1;
    }
    countDropped(gone);
}

void Outbox::Private::refill(Line& line)
{
    const std::size_t step = std::min(kStep, std::max<std::size_t>(limits.memoryEvents / 2, 1));
    if (line.items.size() >= step)
        return;
    if (!line.moreOnDisk) {
        for (const Spool::Entry& entry : std::exchange(line.toDisk, {}))
            restore(line, entry, false);
        return;
    }
    if (!diskUsable())
        return;
    if (!line.toDisk.empty())
        flush();
    const auto entries = spool->read(line.isBulk(), line.lastId, static_cast<int>(step));
    if (!entries) {
        diskFailed(entries.error());
        return;
    }
    line.moreOnDisk = entries->size() == step;
    for (const Spool::Entry& entry : *entries)
        restore(line, entry, true);
}

void Outbox::Private::restore(Line& line, const Spool::Entry& entry, bool onDisk)
{
    line.lastId = entry.id;
    const QJsonObject event = QJsonDocument::fromJson(entry.json).object();
    if (event.isEmpty()) {
        toRemove.push_back(entry.id);
        countDropped(1);
        return;
    }
    line.bytes += entry.json.size();
    line.items.push_back({entry.id, event, entry.json.size(), {}, onDisk});
}

void Outbox::resume()
{
    d->ready = true;
    for (Line* line : {&d->priority, &d->bulk}) {
        line->pause = std::chrono::milliseconds{0};
        d->pump(*line);
    }
}

void Outbox::Private::pump(Line& line)
{
    if (!ready || line.underWay > 0 || line.again.isActive())
        return;
    refill(line);
    if (line.items.empty())
        return;
    QJsonArray events;
    qint64 bytes = 0;
    const std::size_t most = line.single > 0 ? 1 : limits.batchEvents;
    for (const Item& item : line.items) {
        if (static_cast<std::size_t>(events.size()) >= most
            || (!events.isEmpty() && bytes + item.bytes > limits.batchBytes))
            break;
        events.append(item.event);
        bytes += item.bytes;
    }
    line.underWay = static_cast<std::size_t>(events.size());
    link.request(
        method::kEventPublish, {{QStringLiteral("events"), events}},
        [this, alive = QPointer{q}, &line, count = line.underWay, at = session](const Answer& answer) {
            if (alive && at == session)
                onAnswer(line, count, answer);
        },
        limits.deadline, line.lane);
}

void Outbox::Private::onAnswer(Line& line, std::size_t count, const Answer& answer)
{
    line.underWay = 0;
    if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
        if (error->code == rpc::Code::Closed)
            return; // resume() goes on
        if (!isRefusal(error->code)) {
            retryLater(line);
        } else if (count > 1) {
            line.single = count;
            pump(line);
        } else {
            ++counts.refused;
            --counts.acknowledged; // take() counts it
            take(line, {true});
        }
        return;
    }
    const auto taken = acknowledgedOf(std::get<QJsonValue>(answer), line.items, count);
    const bool some = std::find(taken.begin(), taken.end(), true) != taken.end();
    if (!some) {
        retryLater(line);
        return;
    }
    take(line, taken);
}

void Outbox::Private::take(Line& line, const std::vector<bool>& taken)
{
    line.pause = std::chrono::milliseconds{0};
    std::deque<Item> left;
    for (const bool isTaken : taken) {
        Item item = std::move(line.items.front());
        line.items.pop_front();
        if (!isTaken) {
            left.push_back(std::move(item));
            continue;
        }
        ++counts.acknowledged;
        line.single -= line.single > 0 ? 1 : 0;
        line.bytes -= item.bytes;
        if (item.onDisk)
            toRemove.push_back(item.id);
    }
    line.items.insert(line.items.begin(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    if (toRemove.size() >= kStep)
        flush();
    else if (!toRemove.empty() && !flushTimer.isActive())
        flushTimer.start(limits.writeAfter);
    if (!left.empty())
        retryLater(line);
    else
        pump(line);
    if (priority.empty() && bulk.empty())
        Q_EMIT q->idle();
}

void Outbox::Private::retryLater(Line& line)
{
    line.pause = std::clamp(line.pause * 2, limits.retryFirst, limits.retryMost);
    line.again.start(line.pause);
}

Outbox::Counts Outbox::counts() const noexcept
{
    return d->counts;
}

std::size_t Outbox::waiting() const
{
    const Counts& counts = d->counts;
    return static_cast<std::size_t>(
        d->inherited + counts.published - counts.acknowledged - counts.dropped - counts.refused);
}

} // namespace beacon::platform
