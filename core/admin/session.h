#pragma once

#include "core/admin/feed.h"

#include <optional>

namespace beacon::admin {

/// One client of a Feed: what it subscribed to, and how far it has got.
class Session {
public:
    Session(Feed& feed, rpc::Peer* peer, Role role);

    void serve(const QString& method, const QJsonObject& params, rpc::Responder responder);
    void pushHealth();
    /// Sends what the peer can take.
    void flush();
    /// `entry` is about to leave the ring for ever.
    void onEvicted(const Entry& entry);
    [[nodiscard]] rpc::Peer* peer() const noexcept { return m_peer; }

private:
    void hello(const QJsonObject& params, rpc::Responder& responder);
    void subscribe(const QJsonObject& params, rpc::Responder& responder);
    void fetchOlder(quint64 since);
    [[nodiscard]] bool wants(const Entry& entry) const;
    [[nodiscard]] bool sendBatch(bool dropBulk);
    [[nodiscard]] std::vector<const Entry*> nextEntries(bool dropBulk);

    Feed& m_feed;
    rpc::Peer* m_peer;
    Role m_role;
    bool m_greeted = false;
    bool m_healthDue = false;
    std::optional<Subscription> m_subscription;
    std::deque<Entry> m_older; ///< from the journal, before the rings; bounded by Feed::Limits::bulk
    quint64 m_sent = 0; ///< everything up to here was sent, dropped or unwanted
    quint64 m_missed = 0;
    std::optional<MonotonicTime> m_blockedSince;
};

} // namespace beacon::admin
