#include "core/admin/observer_socket.h"

namespace beacon::admin {

ObserverSocket::ObserverSocket(Hello hello, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_feed(std::move(hello), clock)
{
    connect(
        &m_listener, &rpc::Listener::accepted, this, [this](rpc::Peer* peer) { m_feed.attach(peer, Role::Observer); });
}

Result<> ObserverSocket::listen(const std::string& path)
{
    rpc::Listener::Settings settings;
    settings.path = QString::fromStdString(path);
    return m_listener.listen(settings);
}

void ObserverSocket::setHealth(const QJsonObject& health)
{
    if (const auto read = healthFromJson(health))
        m_feed.setHealth(*read);
}

} // namespace beacon::admin
