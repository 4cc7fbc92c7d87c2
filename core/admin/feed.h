#pragma once

#include "core/admin/messages.h"
#include "core/event/event.h"
#include "core/rpc/peer.h"

#include <QByteArrayList>
#include <QObject>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace beacon::admin {

/// What a feed carries: an event, or a line of the Beacon, as the JSON text that clients get.
struct Entry {
    quint64 seq = 0;
    bool priority = false; ///< escape lines, and events of severity 3 and up: nothing bulky is kept in their stead
    bool isEvent = false;
    Severity severity = Severity::Informational;
    QString type; ///< of an event
    QByteArray json;
};
[[nodiscard]] Entry entryOf(const Event& event);
/// `object`: one JSON object as writeLine() gives it, without `at` and `seq`, which are added. No object:
/// no json.
[[nodiscard]] Entry entryOf(std::string_view object, WallTime at, quint64 seq, bool priority);

class Session;

/// The Instrument's side of the admin socket: answers admin.hello, admin.subscribe and health.get on every Peer that
/// is attached, and sends each what it subscribed to. The whole wiring:
///
///     connect(&listener, &rpc::Listener::accepted, &feed, [&](rpc::Peer* peer) { feed.attach(peer, roleOf(*peer)); });
///     feed.publishLine(writeLine(line), clock.wall(), source.takeSeq(), isEscape);
///     feed.publish(source.make(EventId::InterfaceUp, …));
///     feed.setHealth(health);
///
/// Thread:  one thread. Sending is put off to the event loop's next turn, so that a burst makes one notification.
/// Memory:  two rings, shared by all clients; a client costs two cursors. Once the ring has gone past a slow client,
///          that client's next notification says how much it `missed`. Bulk has the larger ring and is dropped first:
///          a client that could not take anything for Limits::slowAfter gets its priority entries without the bulk
///          before.
/// Order:   seq rises strictly for each client, so that the last one seen is the right since_seq.
class Feed final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::seconds kAnswerWithin{30}; ///< a self-test takes its time

    struct Limits {
        std::size_t bulk = 20'000; ///< entries
        std::size_t priority = 2'000; ///< entries
        qsizetype batchBytes = 64 * 1024;
        std::chrono::milliseconds slowAfter{500};
    };
    /// `hello`: of this run; role and lastSeq are filled in for each client. `clock` must outlive this.
    Feed(Hello hello, const Clock& clock, Limits limits, QObject* parent = nullptr);
    Feed(Hello hello, const Clock& clock, QObject* parent = nullptr);
    ~Feed() override;

    void publish(const Event& event);
    /// A line of the Beacon, see entryOf(). seq must rise over publish() and publishLine() together.
    void publishLine(std::string_view object, WallTime at, quint64 seq, bool priority);

    /// Pushes health.changed where it differs from the last one.
    void setHealth(const Health& health);
    [[nodiscard]] const Health& health() const noexcept { return m_health; }

    /// What health.get is answered with; without it, with what was pushed last.
    using FreshHealth = std::function<Health()>;
    void setFreshHealth(FreshHealth fresh) { m_freshHealth = std::move(fresh); }

    /// Serves `peer` until it closes. `role` is told to the client; it is for setCommands() to honour.
    void attach(rpc::Peer* peer, Role role);

    /// Entries with after < seq < before, rising, that are no longer in the rings: the journal. Without it, or where it
    /// has a gap, the client is told how many numbers it missed.
    using Older = std::function<std::vector<Entry>(quint64 after, quint64 before)>;
    void setOlder(Older older) { m_older = std::move(older); }

    /// Whatever method this class does not know, to be answered within kAnswerWithin; without it they get
    /// MethodNotFound.
    using Commands = std::function<void(
        rpc::Peer& peer, Role role, const QString& method, const QJsonObject& params, rpc::Responder responder)>;
    void setCommands(Commands commands) { m_commands = std::move(commands); }

    /// The latest entries that the rings still have, oldest first, at most `most`.
    [[nodiscard]] QByteArrayList recent(std::size_t most) const;

    [[nodiscard]] quint64 lastSeq() const noexcept { return m_hello.lastSeq; }
    [[nodiscard]] std::size_t clients() const noexcept { return m_sessions.size(); }

private:
    friend class Session;
    void append(Entry entry);
    void evictOldest(std::deque<Entry>& ring);
    void flushSoon();

    Hello m_hello;
    const Clock& m_clock;
    Limits m_limits;
    Health m_health;
    Older m_older;
    Commands m_commands;
    FreshHealth m_freshHealth;
    std::deque<Entry> m_bulk;
    std::deque<Entry> m_priority;
    quint64 m_evicted = 0; ///< the highest seq that has left either ring
    std::vector<std::unique_ptr<Session>> m_sessions;
    bool m_flushPending = false;
};

} // namespace beacon::admin
