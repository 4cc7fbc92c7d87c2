#pragma once

#include "core/admin/feed.h"
#include "core/rpc/listener.h"

namespace beacon::admin {

/// The admin socket of an Instrument that takes no commands: health and events for whoever attaches.
///
/// Thread:  the thread that created it.
/// Errors:  listen() says why there is no socket; a client's faults end with that client.
/// Owns:    the socket file while it listens; borrows the Clock.
class ObserverSocket final : public QObject {
    Q_OBJECT
public:
    ObserverSocket(Hello hello, const Clock& clock, QObject* parent = nullptr);

    [[nodiscard]] Result<> listen(const std::string& path);
    void publish(const Event& event) { m_feed.publish(event); }
    void setHealth(const QJsonObject& health); ///< as health.get answers it; what is none is passed over

private:
    Feed m_feed;
    rpc::Listener m_listener;
};

} // namespace beacon::admin
