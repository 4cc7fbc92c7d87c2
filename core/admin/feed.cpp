#include "core/admin/feed.h"

#include "core/admin/session.h"

#include <algorithm>
#include <cstdio>

namespace beacon::admin {

Entry entryOf(const Event& event)
{
    Entry entry;
    entry.seq = event.seq;
    entry.priority = event.severity >= Severity::Medium && !event.isBulk();
    entry.isEvent = true;
    entry.severity = event.severity;
    entry.type = event.type;
    entry.json = toLine(event);
    return entry;
}

Entry entryOf(std::string_view object, WallTime at, quint64 seq, bool priority)
{
    Entry entry;
    const auto end = object.rfind('}');
    if (end == std::string_view::npos)
        return entry;
    const auto micros = at.time_since_epoch().count();
    char tail[96];
    const bool empty = object.find_first_not_of(" {") == end;
    const int length = std::snprintf(tail, sizeof tail, "%s\"at\":%lld.%06lld,\"seq\":%llu}", empty ? "" : ",",
        static_cast<long long>(micros / 1'000'000), static_cast<long long>(micros % 1'000'000),
        static_cast<unsigned long long>(seq));
    entry.seq = seq;
    entry.priority = priority;
    entry.json.reserve(static_cast<qsizetype>(end) + length);
    entry.json.append(object.data(), static_cast<qsizetype>(end));
    entry.json.append(tail, length);
    return entry;
}

Feed::Feed(Hello hello, const Clock& clock, Limits limits, QObject* parent)
    : QObject(parent)
    , m_hello(std::move(hello))
    , m_clock(clock)
    , m_limits(limits)
{
}

Feed::Feed(Hello hello, const Clock& clock, QObject* parent)
    : Feed(std::move(hello), clock, Limits{}, parent)
{
}

Feed::~Feed()
{
    for (const auto& session : m_sessions)
        session->peer()->setHandler({});
}

void Feed::publish(const Event& event)
{
    append(entryOf(event));
}

void Feed::publishLine(std::string_view object, WallTime at, quint64 seq, bool priority)
{
    if (Entry entry = entryOf(object, at, seq, priority); !entry.json.isEmpty())
        append(std::move(entry));
}

void Feed::setHealth(const Health& health)
{
    if (health == m_health)
        return;
    m_health = health;
    for (const auto& session : m_sessions)
        session->pushHealth();
}

void Feed::attach(rpc::Peer* peer, Role role)
{
    m_sessions.push_back(std::make_unique<Session>(*this, peer, role));
    Session* session = m_sessions.back().get();
    peer->setHandler([session](const QString& method, const QJsonObject& params,
                         rpc::Responder responder) { session->serve(method, params, std::move(responder)); },
        kAnswerWithin);
    connect(peer, &rpc::Peer::drained, this, [session] { session->flush(); });
    const auto forget = [this, peer] {
        std::erase_if(m_sessions, [peer](const auto& each) { return each->peer() == peer; });
    };
    connect(peer, &rpc::Peer::closed, this, [peer, forget] {
        peer->setHandler({});
        forget();
    });
    connect(peer, &QObject::destroyed, this, forget);
}

QByteArrayList Feed::recent(std::size_t most) const
{
    QByteArrayList newestFirst;
    auto bulk = m_bulk.rbegin();
    auto priority = m_priority.rbegin();
    while (static_cast<std::size_t>(newestFirst.size()) < most
        && (bulk != m_bulk.rend() || priority != m_priority.rend())) {
        const bool takeBulk = priority == m_priority.rend() || (bulk != m_bulk.rend() && bulk->seq > priority->seq);
        newestFirst.append(takeBulk ? (bulk++)->json : (priority++)->json);
    }
    std::reverse(newestFirst.begin(), newestFirst.end());
    return newestFirst;
}

void Feed::append(Entry entry)
{
    m_hello.lastSeq = std::max(m_hello.lastSeq, entry.seq);
    auto& ring = entry.priority ? m_priority : m_bulk;
    const std::size_t limit = entry.priority ? m_limits.priority : m_limits.bulk;
    ring.push_back(std::move(entry));
    while (ring.size() > limit)
        evictOldest(ring);
    flushSoon();
}

void Feed::evictOldest(std::deque<Entry>& ring)
{
    for (const auto& session : m_sessions)
        session->onEvicted(ring.front());
    m_evicted = std::max(m_evicted, ring.front().seq);
    ring.pop_front();
}

void Feed::flushSoon()
{
    if (m_flushPending || m_sessions.empty())
        return;
    m_flushPending = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_flushPending = false;
            for (std::size_t i = 0; i < m_sessions.size(); ++i) // sending never ends a session at once
                m_sessions[i]->flush();
        },
        Qt::QueuedConnection);
}

} // namespace beacon::admin
