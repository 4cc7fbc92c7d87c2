#include "service/sensor/health_board.h"

#include "core/platform/control.h"
#include "service/sensor/health_board_entry.h"
#include "service/sensor/plain_text.h"

#include <QPointer>

#include <algorithm>
#include <utility>

namespace beacon {

using std::chrono::milliseconds;
using std::chrono::seconds;

QString HealthBoard::nameOf(const QString& address)
{
    return address.section(QLatin1Char('@'), 0, 0);
}

HealthBoard::HealthBoard(const Clock& clock, Ask ask, std::unique_ptr<Alarm> alarm, QObject* parent)
    : QObject(parent)
    , m_clock(clock)
    , m_ask(std::move(ask))
    , m_alarm(alarm ? std::move(alarm) : std::make_unique<QtAlarm>())
    , m_push(clock)
{
    connect(m_alarm.get(), &Alarm::elapsed, this, &HealthBoard::tick);
}

HealthBoard::~HealthBoard() = default;

HealthBoard::Entry* HealthBoard::find(const QString& address) const
{
    const auto at = m_entries.find(address);
    return at == m_entries.end() ? nullptr : at->second.get();
}

void HealthBoard::expect(const QString& address, seconds period, bool running)
{
    auto& slot = m_entries[address];
    const bool fresh = slot == nullptr;
    if (fresh)
        slot = std::make_unique<Entry>();
    Entry& entry = *slot;
    entry.period = std::clamp<seconds>(period, seconds{1}, seconds{3'600});
    if (fresh || entry.running != running) {
        entry.running = running;
        entry.overdue = false;
        entry.silence.reset();
        entry.startWaiting(m_clock.now(), m_clock.wall());
        if (entry.asked())
            entry.nextAsk = m_clock.now() + kFirstAsk;
    }
    look(address);
}

void HealthBoard::forget(const QString& address)
{
    if (m_entries.erase(address) > 0)
        lookAtWhole();
}

void HealthBoard::connected(const QString& address, bool connected)
{
    Entry* entry = find(address);
    if (entry == nullptr || (!connected && !entry->connected))
        return;
    entry->connected = connected;
    entry->overdue = false;
    entry->startWaiting(m_clock.now(), m_clock.wall());
    if (entry->asked())
        entry->nextAsk = m_clock.now() + kFirstAsk;
    look(address);
}

void HealthBoard::pushed(const QString& address, const QJsonObject& health)
{
    Entry* entry = find(address);
    if (entry == nullptr || !entry->connected)
        return;
    entry->heard = m_clock.now(); // but whoever answers no question stays silent: it must, whatever else goes on
    take(*entry, health);
    look(address);
}

void HealthBoard::raise(const QString& source, const QString& code, HealthStatus status, const QString& text)
{
    Entry* entry = find(source);
    const bool own = source == control::kSensorTarget;
    if (entry == nullptr && !own)
        return;
    const std::string words = oneLine(text, HealthReport::kMaxText).toStdString();
    auto& raised = own ? m_own : entry->raised;
    const auto [at, fresh] = raised.try_emplace(code, HealthReason{code.toStdString(), status, words, m_clock.wall()});
    if (!fresh && at->second.status == status && at->second.text == words)
        return;
    at->second.status = status;
    at->second.text = words;
    own ? lookAtOwn() : look(source);
}

void HealthBoard::clear(const QString& source, const QString& code)
{
    Entry* entry = find(source);
    const bool own = source == control::kSensorTarget;
    if ((entry == nullptr && !own) || (own ? m_own : entry->raised).erase(code) == 0)
        return;
    own ? lookAtOwn() : look(source);
}

void HealthBoard::ask(const QString& address)
{
    Entry* entry = find(address);
    const MonotonicTime now = m_clock.now();
    const quint64 ticket = ++m_lastTicket;
    entry->question = Entry::Question{ticket, now + kAnswerWithin};
    entry->nextAsk = now + entry->period;
    m_ask(address, kAnswerWithin, [guard = QPointer{this}, address, ticket](const platform::Answer& answer) {
        if (guard)
            guard->answered(address, ticket, answer);
    });
}

void HealthBoard::answered(const QString& address, quint64 ticket, const platform::Answer& answer)
{
    Entry* entry = find(address);
    if (entry == nullptr || !entry->question || entry->question->ticket != ticket)
        return; // too late, or of an earlier connection
    const MonotonicTime now = m_clock.now();
    const auto* error = std::get_if<rpc::RpcError>(&answer);
    if (error != nullptr && error->code == rpc::Code::Closed) {
        entry->question.reset();
        entry->nextAsk = now + kFirstAsk; // the connection's end is told by connected()
    } else if (error != nullptr && (error->code == rpc::Code::Timeout || error->code == rpc::Code::Busy)) {
        noteLateness();
        if (entry->question->putOff) { // it had less time to answer than was meant
            entry->question.reset();
            entry->nextAsk = now + kFirstAsk;
        } else if (miss(*entry)) {
            tellSilence(address);
            return;
        }
    } else {
        entry->question.reset();
        entry->misses = 0;
        entry->heard = now;
        entry->answeredWall = m_clock.wall();
        entry->silence.reset();
        entry->silenceTold = false;
        if (error != nullptr)
            unreadable(
                *entry, QStringLiteral("it is an error: ") + oneLine(error->message, HealthReport::kMaxText / 2));
        else
            take(*entry, std::get<QJsonValue>(answer));
    }
    look(address);
}

void HealthBoard::take(Entry& entry, const QJsonValue& health)
{
    auto read = healthReportFrom(health, m_clock.wall());
    if (const auto* why = std::get_if<QString>(&read)) {
        unreadable(entry, *why);
        return;
    }
    entry.unreadable.reset();
    entry.report = std::move(std::get<HealthReport>(read));
}

void HealthBoard::unreadable(Entry& entry, const QString& why)
{
    const WallTime since = entry.unreadable ? entry.unreadable->since : m_clock.wall();
    entry.unreadable = HealthReason{"health_unreadable", HealthStatus::Error,
        QStringLiteral("What it answers when it is asked for its health cannot be read: %1. Its program has a defect.")
            .arg(why)
            .toStdString(),
        since};
}

/// True: it has been silent for too long now.
bool HealthBoard::miss(Entry& entry)
{
    entry.question.reset();
    ++entry.misses;
    entry.nextAsk = m_clock.now() + std::min<seconds>(entry.period, kAskAgain);
    return entry.misses >= kMisses;
}

void HealthBoard::tellSilence(const QString& address)
{
    Entry* entry = find(address);
    if (!entry->silence)
        entry->silence = HealthReason{"silent", HealthStatus::Error,
            QStringLiteral("It has not said how it is since %1 and is started again; 'sensorctl logs %2' may say why.")
                .arg(shortTime(entry->answeredWall), nameOf(address))
                .toStdString(),
            entry->answeredWall};
    const bool first = !std::exchange(entry->silenceTold, true);
    look(address);
    if (first)
        Q_EMIT silent(address);
}

void HealthBoard::noteLateness()
{
    const MonotonicTime now = m_clock.now();
    if (!m_due || now - *m_due <= kLate)
        return;
    const auto late = now - *m_due;
    m_due = now;
    for (auto& [address, entry] : m_entries) {
        entry->since += late;
        entry->heard += late;
        if (entry->question) {
            entry->question->deadline = now + kAnswerWithin;
            entry->question->putOff = true;
        }
    }
}

void HealthBoard::tick()
{
    noteLateness();
    const MonotonicTime now = m_clock.now();
    std::vector<QString> due;
    for (const auto& [address, entry] : m_entries)
        if (const auto at = entry->due(); at && *at <= now)
            due.push_back(address);
    for (const QString& address : due)
        attend(address, now);
    m_due.reset();
    lookAtWhole();
    arm();
}

/// One Instrument of which something is due.
void HealthBoard::attend(const QString& address, MonotonicTime now)
{
    Entry* const found = find(address);
    if (found == nullptr)
        return; // a slot has forgotten it
    Entry& entry = *found;
    if (!entry.connected)
        entry.overdue = now - entry.since >= kConnectWithin;
    bool silentNow = false;
    if (entry.asked()) {
        if (entry.question && entry.question->deadline <= now)
            silentNow = miss(entry);
        silentNow = silentNow || (!entry.silence && now - entry.heard >= entry.patience());
    }
    if (silentNow) {
        tellSilence(address);
        return;
    }
    if (entry.asked() && !entry.question && entry.nextAsk && *entry.nextAsk <= now)
        ask(address);
    look(address);
}

void HealthBoard::arm()
{
    std::optional<MonotonicTime> first;
    const auto consider = [&first](MonotonicTime at) { first = first ? std::min(*first, at) : at; };
    for (const auto& [address, entry] : m_entries)
        if (const auto at = entry->due())
            consider(*at);
    if (const auto next = m_push.nextTry())
        consider(m_clock.now() + *next);
    m_due = first;
    if (first)
        m_alarm->arm(std::max(std::chrono::ceil<milliseconds>(*first - m_clock.now()), milliseconds{1}));
    else
        m_alarm->disarm();
}

} // namespace beacon
