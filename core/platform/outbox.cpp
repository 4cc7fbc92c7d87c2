#include "core/platform/outbox_private.h"

#include "core/platform/messages.h"

#include <QJsonDocument>
#include <QPointer>
#include <QSet>

#include <algorithm>

namespace beacon::platform {

namespace {

constexpr std::chrono::seconds kTellDrops{1};

/// Which of `sent` the platform has: `ids` is as long as it, null where one was not taken, or holds the uuids of those
/// that were.
std::vector<bool> acknowledgedOf(const QJsonValue& answer, const QJsonArray& sent)
{
    const QJsonArray ids = answer[QLatin1StringView("ids")].toArray();
    QSet<QString> uuids;
    for (const auto& id : ids)
        if (id.isString())
            uuids.insert(id.toString());
    std::vector<bool> taken;
    for (qsizetype i = 0; i < sent.size(); ++i)
        taken.push_back(uuids.isEmpty() ? i < ids.size() && !ids.at(i).isNull()
                                        : uuids.contains(sent.at(i)[QLatin1StringView("uuid")].toString()));
    return taken;
}

bool isRefusal(rpc::Code code)
{
    return code == rpc::Code::InvalidParams || code == rpc::Code::TooLarge || code == rpc::Code::InvalidRequest;
}

} // namespace

Outbox::Private::Private(
    Outbox* outbox, PlatformLink& platformLink, std::unique_ptr<Spool> disk, const Limits& theLimits)
    : q(outbox)
    , link(platformLink)
    , spool(std::move(disk))
    , limits(theLimits)
{
    bulk.lane = Lane::Bulk;
}

void Outbox::Private::LaneQueue::push(Item item)
{
    bytes += item.entry.json.size();
    lastId = item.entry.id;
    items.push_back(std::move(item));
}

void Outbox::Private::LaneQueue::erase(const std::deque<Item>::iterator& at)
{
    bytes -= at->entry.json.size();
    items.erase(at);
}

std::deque<Outbox::Private::Item>::iterator Outbox::Private::LaneQueue::find(qint64 id)
{
    return std::find_if(items.begin(), items.end(), [id](const Item& item) { return item.entry.id == id; });
}

Outbox::Outbox(PlatformLink& link, std::unique_ptr<Spool> spool, Limits limits, QObject* parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, link, std::move(spool), limits))
{
    for (QTimer* timer : {&d->flushTimer, &d->diskTimer, &d->dropTimer, &d->priority.again, &d->bulk.again})
        timer->setSingleShot(true);
    connect(&d->flushTimer, &QTimer::timeout, this, [this] { d->flush(); });
    connect(&d->diskTimer, &QTimer::timeout, this, [this] { d->tryDiskAgain(); });
    connect(&d->dropTimer, &QTimer::timeout, this, [this] { Q_EMIT dropped(d->counts.dropped); });
    for (Private::LaneQueue* queue : {&d->priority, &d->bulk})
        connect(&queue->again, &QTimer::timeout, this, [this, queue] { d->pump(*queue); });
    connect(&link, &PlatformLink::down, this, [this] {
        d->ready = false;
        ++d->session;
        for (Private::LaneQueue* queue : {&d->priority, &d->bulk}) {
            queue->underWay = 0;
            queue->again.stop();
        }
    });
    d->load();
}

Outbox::~Outbox()
{
    d->diskBroken = false;
    d->flush(true);
}

void Outbox::publish(const Event& event)
{
    ++d->counts.published;
    QByteArray json = toLine(event);
    if (json.size() > kMaxEventBytes) {
        d->countDropped(1);
        return;
    }
    const bool isBulk = event.isBulk();
    Private::LaneQueue& queue = isBulk ? d->bulk : d->priority;
    d->add(queue, {++d->lastId, isBulk, std::move(json)});
    d->pump(queue);
}

void Outbox::resume()
{
    d->ready = true;
    for (Private::LaneQueue* queue : {&d->priority, &d->bulk}) {
        queue->pause = std::chrono::milliseconds{0};
        d->pump(*queue);
    }
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

void Outbox::Private::countDropped(quint64 more)
{
    counts.dropped += more;
    if (more > 0 && !dropTimer.isActive())
        dropTimer.start(kTellDrops);
}

void Outbox::Private::pump(LaneQueue& queue)
{
    if (!ready || queue.underWay > 0 || queue.again.isActive())
        return;
    refill(queue);
    QJsonArray events;
    qint64 bytes = 0;
    const std::size_t most = queue.single > 0 ? 1 : limits.batchEvents;
    while (queue.underWay < std::min(most, queue.items.size())) {
        const auto at = queue.items.begin() + static_cast<std::ptrdiff_t>(queue.underWay);
        const qsizetype size = at->entry.json.size();
        if (queue.underWay > 0 && bytes + size > limits.batchBytes)
            break;
        const QJsonObject event = QJsonDocument::fromJson(at->entry.json).object();
        if (event.isEmpty()) { // the disk gave back something else than it got
            if (at->onDisk)
                toRemove.push_back(at->entry.id);
            queue.erase(at);
            countDropped(1);
            continue;
        }
        events.append(event);
        bytes += size;
        ++queue.underWay;
    }
    if (events.isEmpty())
        return;
    link.request(
        method::kEventPublish, {{QStringLiteral("events"), events}},
        [this, alive = QPointer{q}, &queue, events, at = session](const Answer& answer) {
            if (alive && at == session)
                onAnswer(queue, events, answer);
        },
        limits.deadline, queue.lane);
}

void Outbox::Private::onAnswer(LaneQueue& queue, const QJsonArray& sent, const Answer& answer)
{
    queue.underWay = 0;
    if (const auto* error = std::get_if<rpc::RpcError>(&answer)) {
        if (error->code == rpc::Code::Closed)
            return; // resume() goes on
        if (!isRefusal(error->code)) {
            retryLater(queue);
        } else if (sent.size() > 1) {
            queue.single = static_cast<std::size_t>(sent.size());
            pump(queue);
        } else {
            take(queue, {true}, counts.refused);
        }
        return;
    }
    take(queue, acknowledgedOf(std::get<QJsonValue>(answer), sent), counts.acknowledged);
}

/// Those of the batch that are `taken` have left for good; the others stay in front.
void Outbox::Private::take(LaneQueue& queue, const std::vector<bool>& taken, quint64& counter)
{
    std::ptrdiff_t left = 0;
    for (const bool isTaken : taken) {
        if (!isTaken) {
            ++left;
            continue;
        }
        const auto at = queue.items.begin() + left;
        ++counter;
        queue.single -= queue.single > 0 ? 1 : 0;
        if (at->onDisk)
            toRemove.push_back(at->entry.id);
        queue.erase(at);
    }
    if (toRemove.size() >= kDiskStep)
        flush();
    else if (!toRemove.empty())
        armFlush();
    if (left == static_cast<std::ptrdiff_t>(taken.size())) {
        retryLater(queue); // none
        return;
    }
    queue.pause = std::chrono::milliseconds{0};
    if (left > 0)
        retryLater(queue);
    else
        pump(queue);
    if (priority.empty() && bulk.empty())
        Q_EMIT q->idle();
}

void Outbox::Private::retryLater(LaneQueue& queue)
{
    queue.pause = std::clamp(queue.pause * 2, limits.retryFirst, limits.retryMost);
    queue.again.start(queue.pause);
}

} // namespace beacon::platform
