// What readers see, in the owner's thread: a part of event_store.h.

#include "core/store/event_store.h"

#include <QPointer>

#include <algorithm>

namespace beacon {

void EventStore::settleAll()
{
    std::vector<Outcome> outcomes;
    {
        const std::lock_guard lock{m_outcomesMutex};
        outcomes.swap(m_outcomes);
    }
    const QPointer<EventStore> alive{this};
    for (Outcome& outcome : outcomes)
        if (alive)
            settle(outcome);
}

void EventStore::settle(Outcome& outcome)
{
    const QPointer<EventStore> alive{this};
    if (outcome.setAside) {
        m_reader.reopen();
        Q_EMIT damaged(*outcome.setAside);
    }
    if (alive && outcome.failed)
        Q_EMIT failed(*outcome.failed);
    if (alive && outcome.recovered)
        Q_EMIT recovered();
    if (alive && outcome.lastId > 0)
        remember(outcome.fresh, outcome.lastId);
    for (auto& [kept, ids] : outcome.answers)
        if (alive && kept)
            kept(ids);
    if (alive && outcome.lastId > 0)
        Q_EMIT committed(m_lastId);
}

void EventStore::remember(std::vector<StoredEvent>& events, qint64 lastId)
{
    for (StoredEvent& event : events) {
        event.idAt = -1;
        m_recentBytes += event.json.size();
        m_recent.push_back(std::move(event));
    }
    m_lastId = std::max(m_lastId, lastId);
    while (!m_recent.empty() && (m_recent.size() > m_options.recentEvents || m_recentBytes > m_options.recentBytes)) {
        m_recentBytes -= m_recent.front().json.size();
        m_recentAfter = m_recent.front().id;
        m_recent.pop_front();
    }
    if (m_recent.empty())
        m_recentAfter = m_lastId;
}

Result<EventStore::Page> EventStore::readOn(qint64 after, const QStringList& matches, int severity, int limit) const
{
    if (limit <= 0)
        return Page{{}, after};
    if (after >= m_recentAfter)
        return readRecent(after, matches, severity, limit);
    auto read = m_reader.read(after, matches, severity, limit);
    if (!read)
        return read.error();
    Page page{std::move(read->events), after};
    if (!page.events.empty())
        page.next = page.events.back().id;
    if (read->whole)
        page.next = std::max(page.next, m_lastId);
    return page;
}

EventStore::Page EventStore::readRecent(qint64 after, const QStringList& matches, int severity, int limit) const
{
    Page page{{}, std::max(after, m_lastId)};
    auto from = std::upper_bound(
        m_recent.begin(), m_recent.end(), after, [](qint64 id, const StoredEvent& event) { return id < event.id; });
    for (; from != m_recent.end(); ++from) {
        if (from->severity < severity || !typeMatches(matches, from->type))
            continue;
        page.events.push_back(*from);
        if (static_cast<int>(page.events.size()) == limit) {
            page.next = from->id;
            break;
        }
    }
    return page;
}

Result<std::vector<StoredEvent>> EventStore::read(qint64 after, const QString& match, int severity, int limit) const
{
    auto page = readOn(after, {match}, severity, limit);
    if (!page)
        return page.error();
    return std::move(page->events);
}

Result<qint64> EventStore::before(const QString& match, int severity, int count) const
{
    if (count <= 0)
        return m_lastId;
    int found = 0;
    for (auto event = m_recent.rbegin(); event != m_recent.rend(); ++event)
        if (event->severity >= severity && typeMatches({match}, event->type) && ++found == count)
            return event->id - 1;
    if (m_recentAfter == 0)
        return found > 0 ? 0 : m_lastId;
    return m_reader.before(m_lastId, {match}, severity, count);
}

Result<qint64> EventStore::firstId() const
{
    return m_reader.firstId();
}

} // namespace beacon
