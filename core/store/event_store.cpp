#include "core/store/event_store.h"

#include <algorithm>
#include <iterator>

namespace beacon {

namespace {

using Steady = std::chrono::steady_clock;

constexpr qint64 kCommitBytes = 4LL * 1024 * 1024; ///< of texts in one transaction; one batch may be more
constexpr int kStepsWhileWaiting = 2; ///< of deletions after a commit: more than it has added
constexpr qint64 kBesideText = 128; ///< bytes of an event in memory

qint64 bytesOf(const StoredEvent& event)
{
    return event.json.size() + 2 * (event.type.size() + event.source.size()) + kBesideText;
}

std::optional<Error> complaintAbout(const std::vector<StoredEvent>& events)
{
    for (const StoredEvent& event : events) {
        if (event.uuid.size() != 16)
            return Error{Errc::BadInput, 0, "store an event: its uuid has not 16 bytes"};
        if (event.json.size() > EventStore::kMaxTextBytes)
            return Error{Errc::TooLarge, 0, "store an event: it is over 1 MiB"};
    }
    return std::nullopt;
}

} // namespace

EventStore::EventStore(QString path, const Clock& clock, Options options, QObject* parent)
    : QObject(parent)
    , m_path(std::move(path))
    , m_clock(clock)
    , m_options(options)
    , m_reader(m_path)
{
    connect(this, &EventStore::worked, this, &EventStore::settleAll, Qt::QueuedConnection);
}

EventStore::~EventStore()
{
    m_thread.request_stop();
    if (m_thread.joinable())
        m_thread.join();
}

void EventStore::start()
{
    const auto last = m_reader.lastId();
    m_lastId = last && *last > 0 ? *last : EventFile::reservedIds(m_path);
    m_recentAfter = m_lastId;
    try {
        m_thread = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
    } catch (const std::system_error& problem) { // the limit of threads
        Outcome outcome;
        outcome.failed = Error{Errc::System, problem.code().value(), "start a thread for " + m_path.toStdString()};
        post(std::move(outcome));
    }
}

void EventStore::answerLater(Kept kept, Result<std::vector<qint64>> answer)
{
    Outcome outcome;
    outcome.answers.emplace_back(std::move(kept), std::move(answer));
    post(std::move(outcome));
}

void EventStore::append(std::vector<StoredEvent> events, Kept kept)
{
    if (const auto complaint = complaintAbout(events))
        return answerLater(std::move(kept), *complaint);
    if (events.empty())
        return answerLater(std::move(kept), std::vector<qint64>{});
    Batch batch{std::move(events), std::move(kept)};
    batch.bulk = std::ranges::all_of(batch.events, &StoredEvent::bulk);
    batch.urgent =
        std::ranges::any_of(batch.events, [](const StoredEvent& e) { return e.severity >= kUrgentSeverity; });
    batch.received = m_clock.wall();
    batch.since = Steady::now();
    for (const StoredEvent& event : batch.events)
        batch.bytes += bytesOf(event);

    const Lock lock{m_mutex};
    const std::size_t share = batch.bulk ? 2 : 1;
    if (m_waitingEvents + batch.events.size() > m_options.maxWaiting / share
        || m_waitingBytes + batch.bytes > m_options.maxWaitingBytes / static_cast<qint64>(share))
        return answerLater(std::move(batch.kept), Error{Errc::Busy, 0, "store events: too many wait for the disk"});
    if (!isWaiting())
        m_due = m_lastCommit + m_options.commitAfter;
    if (batch.urgent)
        m_due = {};
    m_waitingEvents += batch.events.size();
    m_waitingBytes += batch.bytes;
    m_dueEvents += batch.events.size();
    (batch.bulk ? m_bulk : m_priority).push_back(std::move(batch));
    m_wake.notify_one();
}

std::size_t EventStore::waiting() const
{
    const Lock lock{m_mutex};
    return m_waitingEvents;
}

bool EventStore::isDue() const
{
    return isWaiting() && (m_dueEvents >= m_options.commitEvents || Steady::now() >= m_due);
}

EventStore::Next EventStore::awaitWork(Lock& lock, const std::stop_token& stop)
{
    for (;;) {
        if (isDue() || (stop.stop_requested() && isWaiting()))
            return Next::Commit;
        if (stop.stop_requested())
            return Next::End;
        if (m_unsynced && Steady::now() >= *m_unsynced + kSyncAfter)
            return Next::Sync;
        const auto news = [this, had = m_dueEvents] { return m_dueEvents != had; };
        if (!isWaiting() && !m_unsynced) {
            m_wake.wait(lock, stop, news);
            continue;
        }
        auto until = m_unsynced ? *m_unsynced + kSyncAfter : m_due;
        if (isWaiting())
            until = std::min(until, m_due);
        m_wake.wait_until(lock, stop, until, news);
    }
}

/// The next commit's: priority, then bulk, the oldest of each.
void EventStore::take()
{
    std::size_t events = 0;
    qint64 bytes = 0;
    for (auto* lane : {&m_priority, &m_bulk})
        while (!lane->empty() && events < m_options.commitEvents && bytes < kCommitBytes) {
            events += lane->front().events.size();
            bytes += lane->front().bytes;
            m_underWay.push_back(std::move(lane->front()));
            lane->pop_front();
        }
    m_dueEvents -= events;
    if (m_dueEvents > 0)
        m_due = Steady::now() + m_options.commitAfter;
}

void EventStore::open(EventFile& file)
{
    Outcome outcome;
    if (const auto opened = file.open(); !opened) {
        m_broken = true;
        outcome.failed = opened.error();
    }
    outcome.lastId = file.lastId();
    outcome.setAside = file.takeSetAside();
    post(std::move(outcome));
}

void EventStore::run(const std::stop_token& stop)
{
    EventFile file{m_path, m_options.file};
    open(file);
    for (;;) {
        {
            Lock lock{m_mutex};
            const Next next = awaitWork(lock, stop);
            if (next == Next::End)
                break;
            if (next == Next::Commit)
                take();
        }
        if (m_underWay.empty()) {
            (void)file.sync(); // where that fails, writing soon will
            m_unsynced.reset();
            continue;
        }
        if (const auto done = commit(file); done) {
            trim(file, stop);
            continue;
        } else {
            giveBack(done.error(), stop.stop_requested());
        }
        if (stop.stop_requested())
            break;
        Lock lock{m_mutex};
        m_wake.wait_for(lock, stop, m_options.retry, [] { return false; });
    }
    if (m_unsynced)
        (void)file.sync();
}

Result<> EventStore::commit(EventFile& file)
{
    std::vector<StoredEvent> events;
    bool urgent = false;
    for (Batch& batch : m_underWay) { // the writer's alone, once taken
        events.insert(events.end(), batch.events.begin(), batch.events.end());
        urgent = urgent || batch.urgent;
    }
    const auto begun = Steady::now();
    {
        const Lock lock{m_mutex};
        m_lastCommit = begun;
    }
    auto written = file.write(events, m_underWay.front().received);
    if (!written)
        return written.error();
    if (!m_unsynced)
        m_unsynced = begun;
    if (urgent || begun - *m_unsynced >= kSyncAfter) {
        (void)file.sync(); // where that fails, writing soon will
        m_unsynced.reset();
    }
    Outcome outcome;
    outcome.lastId = file.lastId();
    outcome.setAside = file.takeSetAside();
    outcome.recovered = std::exchange(m_broken, false);
    auto next = events.begin();
    for (Batch& batch : m_underWay) {
        std::vector<qint64> ids;
        ids.reserve(batch.events.size());
        for (std::size_t i = 0; i < batch.events.size(); ++i)
            ids.push_back((next++)->id);
        outcome.answers.emplace_back(std::move(batch.kept), std::move(ids));
    }
    for (std::size_t i = 0; i < events.size(); ++i)
        if ((*written)[i])
            outcome.fresh.push_back(std::move(events[i]));
    {
        const Lock lock{m_mutex};
        for (const Batch& batch : m_underWay) {
            m_waitingEvents -= batch.events.size();
            m_waitingBytes -= batch.bytes;
        }
        m_underWay.clear();
    }
    post(std::move(outcome));
    return {};
}

/// What was not written waits again; what has waited long enough gets the error.
void EventStore::giveBack(const Error& error, bool all)
{
    Outcome outcome;
    if (!std::exchange(m_broken, true))
        outcome.failed = error;
    const auto tired = [&](const Batch& batch) { return all || Steady::now() - batch.since >= m_options.patience; };
    const Lock lock{m_mutex};
    for (auto batch = m_underWay.rbegin(); batch != m_underWay.rend(); ++batch) {
        m_dueEvents += batch->events.size();
        (batch->bulk ? m_bulk : m_priority).push_front(std::move(*batch));
    }
    m_underWay.clear();
    for (auto* lane : {&m_priority, &m_bulk})
        while (!lane->empty() && tired(lane->front())) {
            Batch& batch = lane->front();
            m_waitingEvents -= batch.events.size();
            m_dueEvents -= batch.events.size();
            m_waitingBytes -= batch.bytes;
            outcome.answers.emplace_back(std::move(batch.kept), error);
            lane->pop_front();
        }
    m_due = {};
    post(std::move(outcome));
}

/// A commit that waits is waited for by no more than a few steps.
void EventStore::trim(EventFile& file, const std::stop_token& stop)
{
    for (int step = 0;; ++step) {
        const auto more = file.trim(); // an error of it comes back with the next write
        if (!more || !*more || stop.stop_requested())
            return;
        const Lock lock{m_mutex};
        if (step + 1 >= kStepsWhileWaiting && isDue())
            return;
    }
}

void EventStore::post(Outcome outcome)
{
    bool isFirst = false;
    {
        const std::lock_guard lock{m_outcomesMutex};
        isFirst = m_outcomes.empty();
        m_outcomes.push_back(std::move(outcome));
    }
    if (isFirst)
        Q_EMIT worked({});
}

} // namespace beacon
