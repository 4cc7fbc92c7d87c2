#pragma once

#include "core/admin/feed.h"
#include "core/rpc/listener.h"

#include <QString>

#include <memory>

namespace beacon::test {

/// An Instrument's admin socket with nothing behind it: what it says is said by the test.
class FakeInstrument {
public:
    explicit FakeInstrument(QString socketPath, admin::Feed::Limits limits = {});

    /// As a process does: begins listening, with another run.
    void start();
    void stop();
    /// The listener goes, the run stays: a connection that breaks.
    void hangUp();
    void listenAgain();
    /// Of whoever connects from now on; by default an observer.
    void setRole(admin::Role role) { m_role = role; }

    [[nodiscard]] admin::Feed& feed() { return *m_feed; }
    [[nodiscard]] rpc::Listener& listener() { return *m_listener; }
    [[nodiscard]] ManualClock& clock() { return m_clock; }
    /// The n-th attempt of a plausible round; returns its seq.
    quint64 attempt(quint64 n, const char* outcome = "sent");
    quint64 escape(quint64 n, const char* technique = "TcpConnection", int port = 8443);

private:
    quint64 publish(QJsonObject line, bool priority);

    QString m_path;
    admin::Feed::Limits m_limits;
    ManualClock m_clock;
    admin::Role m_role = admin::Role::Observer;
    quint64 m_seq = 0;
    std::unique_ptr<admin::Feed> m_feed;
    std::unique_ptr<rpc::Listener> m_listener;
};

} // namespace beacon::test
