#include "core/platform/local_socket_link.h"

#include <QPointer>

#include <algorithm>

namespace beacon::platform {

LocalSocketLink::LocalSocketLink(QString path, QObject* parent)
    : PlatformLink(parent)
    , m_path(std::move(path))
    , m_queue(
          [this](quint64 ticket, const QString& method, const QJsonObject& params, std::chrono::milliseconds deadline) {
              m_peer->call(
                  method, params,
                  [queue = QPointer{&m_queue}, ticket](const Answer& answer) {
                      if (queue)
                          queue->settle(ticket, answer);
                  },
                  deadline);
          })
{
    m_again.setSingleShot(true);
    connect(&m_again, &QTimer::timeout, this, &LocalSocketLink::connectNow);
}

LocalSocketLink::~LocalSocketLink()
{
    close();
}

void LocalSocketLink::open()
{
    if (m_open)
        return;
    m_open = true;
    m_pause = kAgainFirst;
    m_again.start(0);
}

void LocalSocketLink::close()
{
    m_open = false;
    m_again.stop();
    m_socket.reset();
    if (auto peer = std::move(m_peer)) {
        peer->disconnect(this);
        peer->close();
        peer.release()->deleteLater(); // its last words may take a moment
        m_queue.setUp(false, QStringLiteral("closed here"));
    }
}

void LocalSocketLink::connectNow()
{
    m_socket = std::make_unique<QLocalSocket>();
    connect(m_socket.get(), &QLocalSocket::connected, this, &LocalSocketLink::onConnected, Qt::QueuedConnection);
    connect(m_socket.get(), &QLocalSocket::errorOccurred, this, &LocalSocketLink::connectLater, Qt::QueuedConnection);
    m_socket->connectToServer(m_path);
}

void LocalSocketLink::connectLater()
{
    if (!m_open || m_peer)
        return;
    m_socket.reset();
    m_again.start(std::exchange(m_pause, std::min(m_pause * 2, kAgainMost)));
}

void LocalSocketLink::onConnected()
{
    if (!m_open || !m_socket || m_socket->state() != QLocalSocket::ConnectedState)
        return;
    m_socket->disconnect(this);
    m_peer = std::make_unique<rpc::Peer>(std::move(m_socket));
    connect(m_peer.get(), &rpc::Peer::closed, this, &LocalSocketLink::onClosed);
    connect(m_peer.get(), &rpc::Peer::notified, this, [this](const QString& method, const QJsonObject& params) {
        if (m_handler)
            m_handler(method, params, Responder{[](const Answer&) {}});
    });
    m_peer->setHandler(
        [this](const QString& method, const QJsonObject& params, rpc::Responder theirs) {
            Responder ours = responderFor(std::move(theirs));
            if (m_handler)
                m_handler(method, params, std::move(ours));
            else
                ours.fail(rpc::Code::MethodNotFound, QStringLiteral("nothing is served here"));
        },
        kAnswerWithin);
    m_pause = kAgainFirst;
    m_queue.setUp(true);
    Q_EMIT up();
}

void LocalSocketLink::onClosed(const QString& why)
{
    m_peer.release()->deleteLater(); // we are in its signal
    const QString words = why.isEmpty() ? QStringLiteral("it closed the connection") : why;
    m_queue.setUp(false, words);
    if (!m_open)
        return; // a reply has closed the link
    Q_EMIT down(words);
    connectLater();
}

void LocalSocketLink::request(
    const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline, Lane lane)
{
    m_queue.add(method, params, std::move(reply), deadline, lane);
}

bool LocalSocketLink::notify(const QString& method, const QJsonObject& params)
{
    return m_peer && m_peer->notify(method, params);
}

} // namespace beacon::platform
