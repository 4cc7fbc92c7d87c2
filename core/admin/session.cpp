#include "core/admin/session.h"

#include <algorithm>

namespace beacon::admin {

namespace {

QByteArray joined(const std::vector<const Entry*>& entries, bool events)
{
    QByteArray text;
    for (const Entry* entry : entries) {
        if (entry->isEvent != events)
            continue;
        if (!text.isEmpty())
            text += ',';
        text += entry->json;
    }
    return text;
}

} // namespace

Session::Session(Feed& feed, rpc::Peer* peer, Role role)
    : m_feed(feed)
    , m_peer(peer)
    , m_role(role)
{
}

void Session::serve(const QString& method, const QJsonObject& params, rpc::Responder responder)
{
    if (method == kHelloMethod)
        return hello(params, responder);
    if (method == kHealthGetMethod)
        return responder.answer(toJson(m_feed.m_freshHealth ? m_feed.m_freshHealth() : m_feed.m_health));
    if (!m_greeted)
        return responder.fail(rpc::Code::InvalidRequest, QStringLiteral("Say admin.hello first"));
    if (method == kSubscribeMethod)
        return subscribe(params, responder);
    if (m_feed.m_commands)
        return m_feed.m_commands(*m_peer, m_role, method, params, std::move(responder));
    responder.fail(rpc::Code::MethodNotFound, QStringLiteral("There is no method ") + method);
}

void Session::hello(const QJsonObject& params, rpc::Responder& responder)
{
    if (params.value(QLatin1StringView("protocol")).toInt(0) != kProtocol)
        return responder.fail(rpc::Code::InvalidParams,
            QStringLiteral("This Instrument (version %1) speaks protocol %2 only")
                .arg(m_feed.m_hello.version)
                .arg(kProtocol));
    m_greeted = true;
    Hello answer = m_feed.m_hello;
    answer.role = m_role;
    responder.answer(toJson(answer));
}

void Session::subscribe(const QJsonObject& params, rpc::Responder& responder)
{
    auto subscription = subscriptionFromJson(params);
    if (!subscription)
        return responder.fail(rpc::Code::InvalidParams, QString::fromStdString(describe(subscription.error())));
    const quint64 lastSeq = m_feed.m_hello.lastSeq;
    const quint64 since = subscription->sinceSeq.value_or(lastSeq);
    if (since > lastSeq)
        return responder.fail(
            rpc::Code::InvalidParams, QStringLiteral("since_seq is %1, but this run is at %2").arg(since).arg(lastSeq));
    m_subscription = *std::move(subscription);
    m_older.clear();
    m_missed = 0;
    m_blockedSince.reset();
    m_sent = since;
    if (since < m_feed.m_evicted)
        fetchOlder(since);
    responder.answer(QJsonObject{{QStringLiteral("last_seq"), static_cast<qint64>(lastSeq)}});
    m_feed.flushSoon();
}

void Session::fetchOlder(quint64 since)
{
    // The rings do not begin at the same number: above m_evicted both are whole, below it only what remains is known.
    const auto kept = [&](const std::deque<Entry>& ring) {
        return static_cast<quint64>(std::count_if(ring.begin(), ring.end(),
            [&](const Entry& entry) { return entry.seq > since && entry.seq <= m_feed.m_evicted; }));
    };
    const quint64 gone = m_feed.m_evicted - since - kept(m_feed.m_bulk) - kept(m_feed.m_priority);
    std::vector<Entry> older;
    if (m_feed.m_older)
        older = m_feed.m_older(since, m_feed.m_evicted + 1);
    const auto inRing = [](const std::deque<Entry>& ring, quint64 seq) {
        return std::binary_search(ring.begin(), ring.end(), seq, [](const auto& a, const auto& b) {
            if constexpr (std::is_same_v<std::decay_t<decltype(a)>, Entry>)
                return a.seq < b;
            else
                return a < b.seq;
        });
    };
    std::erase_if(older, [&](const Entry& entry) {
        return entry.seq <= since || entry.seq > m_feed.m_evicted || inRing(m_feed.m_bulk, entry.seq)
            || inRing(m_feed.m_priority, entry.seq);
    });
    const std::size_t excess = older.size() > m_feed.m_limits.bulk ? older.size() - m_feed.m_limits.bulk : 0;
    older.erase(older.begin(), older.begin() + static_cast<std::ptrdiff_t>(excess));
    m_missed = gone - std::min<quint64>(gone, older.size());
    m_older.assign(std::make_move_iterator(older.begin()), std::make_move_iterator(older.end()));
}

bool Session::wants(const Entry& entry) const
{
    if (!m_subscription)
        return false;
    return entry.isEvent ? m_subscription->wantsEvent(entry.type, entry.severity) : m_subscription->attempts;
}

void Session::pushHealth()
{
    if (!m_greeted)
        return;
    m_healthDue = !m_peer->notify(kHealthChangedMethod, toJson(m_feed.m_health));
}

void Session::onEvicted(const Entry& entry)
{
    if (entry.seq > m_sent && wants(entry))
        ++m_missed;
}

void Session::flush()
{
    if (m_healthDue)
        pushHealth();
    if (!m_subscription)
        return;
    const bool slow = m_blockedSince && m_feed.m_clock.now() - *m_blockedSince >= m_feed.m_limits.slowAfter;
    while (m_peer->canTake()) {
        if (!sendBatch(slow)) {
            m_blockedSince.reset(); // it has everything
            return;
        }
    }
    if (!m_blockedSince || slow)
        m_blockedSince = m_feed.m_clock.now();
}

bool Session::sendBatch(bool dropBulk)
{
    const std::vector<const Entry*> entries = nextEntries(dropBulk);
    if (entries.empty() && m_missed == 0)
        return false;
    const QByteArray params = R"({"events":[)" + joined(entries, true) + R"(],"attempts":[)" + joined(entries, false)
        + R"(],"missed":)" + QByteArray::number(m_missed) + '}';
    if (!m_peer->notifyText("admin.events", params))
        return false; // canTake() was asked before; an entry is far smaller than a frame
    m_missed = 0;
    while (!m_older.empty() && m_older.front().seq <= m_sent)
        m_older.pop_front();
    return true;
}

std::vector<const Entry*> Session::nextEntries(bool dropBulk)
{
    const auto after = [](const std::deque<Entry>& ring, quint64 seq) {
        return std::upper_bound(
            ring.begin(), ring.end(), seq, [](quint64 value, const Entry& entry) { return value < entry.seq; });
    };
    auto older = after(m_older, m_sent);
    auto bulk = after(m_feed.m_bulk, m_sent);
    auto priority = after(m_feed.m_priority, m_sent);
    const auto olderEnd = m_older.end();
    const auto bulkEnd = m_feed.m_bulk.end();
    const auto priorityEnd = m_feed.m_priority.end();
    const auto seqOf = [](auto at, auto end) { return at == end ? ~quint64{0} : at->seq; };
    dropBulk = dropBulk && priority != priorityEnd;

    std::vector<const Entry*> entries;
    qsizetype bytes = 0;
    while (bytes < m_feed.m_limits.batchBytes) {
        const quint64 lowest = std::min({seqOf(older, olderEnd), seqOf(bulk, bulkEnd), seqOf(priority, priorityEnd)});
        if (lowest == ~quint64{0})
            break;
        const Entry& entry = lowest == seqOf(older, olderEnd) ? *older++
            : lowest == seqOf(bulk, bulkEnd)                  ? *bulk++
                                                              : *priority++;
        m_sent = entry.seq;
        if (!wants(entry))
            continue;
        if (dropBulk && !entry.priority) {
            ++m_missed;
            dropBulk = priority != priorityEnd;
            continue;
        }
        entries.push_back(&entry);
        bytes += entry.json.size();
        dropBulk = dropBulk && priority != priorityEnd;
    }
    return entries;
}

} // namespace beacon::admin
