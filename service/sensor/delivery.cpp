#include "service/sensor/delivery.h"

#include <QPointer>

#include <algorithm>

namespace beacon {

namespace {

bool fits(const QString& match, const StoredEvent& event)
{
    return typeMatches({match}, event.type);
}

} // namespace

Delivery::Delivery(
    EventStore& store, const QStringList& matches, int severity, qint64 after, Send send, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_severity(severity)
    , m_send(std::move(send))
    , m_position(after)
{
    m_again.setSingleShot(true);
    connect(&m_again, &QTimer::timeout, this, &Delivery::pump);
    connect(&m_store, &EventStore::committed, this, [this] {
        if (!m_underWay && !m_again.isActive())
            pump();
    });
    for (const QString& match : matches)
        add(match, after);
}

void Delivery::add(const QString& match, qint64 after)
{
    const auto known = std::ranges::find(m_streams, match, &Stream::match);
    if (m_streams.empty())
        m_position = after;
    qint64 end = m_position;
    if (known == m_streams.end()) {
        m_streams.push_back({match, after});
    } else {
        end = std::min(end, known->start);
        known->start = std::min(known->start, after);
    }
    if (after < end)
        m_catchUps.push_back({match, after, end});
    if (!m_underWay && !m_again.isActive())
        goOn();
}

void Delivery::remove(const QString& match)
{
    std::erase_if(m_streams, [&](const Stream& stream) { return stream.match == match; });
    std::erase_if(m_catchUps, [&](const CatchUp& catchUp) { return catchUp.match == match; });
}

bool Delivery::has(const QString& match) const
{
    return std::ranges::find(m_streams, match, &Stream::match) != m_streams.end();
}

/// A turn of the event loop for each batch, however fast the reader is.
void Delivery::goOn(std::chrono::milliseconds later)
{
    m_again.start(later);
}

void Delivery::pump()
{
    if (m_underWay)
        return;
    if (m_batch.empty() && !(m_catchUps.empty() ? readLive() : readCatchUp()))
        return;
    if (!m_batch.empty())
        send();
    else
        goOn(); // what was read was for nobody here
}

/// false: there is nothing to read now.
bool Delivery::readLive()
{
    if (m_streams.empty() || m_position >= m_store.lastId())
        return false;
    QStringList matches;
    for (const Stream& stream : m_streams)
        matches << stream.match;
    return read(m_position, matches, std::numeric_limits<qint64>::max(), [this](const StoredEvent& event) {
        return std::ranges::any_of(
            m_streams, [&](const Stream& stream) { return event.id > stream.start && fits(stream.match, event); });
    });
}

bool Delivery::readCatchUp()
{
    CatchUp& now = m_catchUps.front();
    // An event of several streams is that of the first that was added.
    const auto isOurs = [&](const StoredEvent& event) {
        for (const Stream& stream : m_streams) {
            if (stream.match == now.match)
                return true;
            if (event.id > stream.start && fits(stream.match, event))
                return false;
        }
        return true;
    };
    if (!read(now.next, {now.match}, now.end, isOurs))
        return false;
    if (now.next >= now.end)
        m_catchUps.pop_front();
    return true;
}

/// Fills the batch with what is behind `at` and not behind `end`, and moves `at`. false: the store cannot be read.
bool Delivery::read(
    qint64& at, const QStringList& matches, qint64 end, const std::function<bool(const StoredEvent&)>& isWanted)
{
    if (at > 0 && !m_store.isRecent(at))
        if (const auto first = m_store.firstId(); first && *first > at + 1) {
            const qint64 from = at + 1;
            at = *first - 1;
            Q_EMIT missed(from, std::min(at, end));
        }
    auto page = m_store.readOn(at, matches, m_severity, kBatchEvents);
    if (!page) {
        goOn(kAgain);
        return false;
    }
    qint64 bytes = 0;
    at = std::min(page->next, end);
    for (StoredEvent& event : page->events) {
        if (event.id > end)
            break;
        if (!isWanted(event))
            continue;
        bytes += event.json.size();
        if (bytes > kBatchBytes && !m_batch.empty()) {
            at = m_batch.back().id; // the rest comes with the next one
            break;
        }
        m_batch.push_back(std::move(event));
    }
    return true;
}

void Delivery::send()
{
    m_underWay = true;
    m_send(m_batch, [alive = QPointer{this}, turn = ++m_turn](bool taken) {
        if (alive)
            alive->settle(turn, taken);
    });
}

void Delivery::settle(quint64 turn, bool taken)
{
    if (turn != m_turn || !m_underWay)
        return;
    m_underWay = false;
    if (!taken) {
        goOn(std::exchange(m_pause, std::min(m_pause * 2, kAgainMost)));
        return;
    }
    m_pause = kAgain;
    m_batch.clear();
    goOn();
}

} // namespace beacon
