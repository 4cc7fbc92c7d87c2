#include "gui/link/admin_link.h"

#include "core/rpc/peer.h"
#include "gui/models/plain_text.h"

#include <QPointer>

#include <algorithm>
#include <utility>

namespace beacon {

namespace {

QString whyNot(QLocalSocket::LocalSocketError error, const QString& path)
{
    switch (error) {
    case QLocalSocket::ServerNotFoundError:
        return QStringLiteral("There is no Instrument at %1. Is beacon-instrument running, and is the name right?")
            .arg(path);
    case QLocalSocket::ConnectionRefusedError:
        return QStringLiteral("The Instrument at %1 has ended.").arg(path);
    case QLocalSocket::SocketAccessError:
        return QStringLiteral("You may not open %1. Join the group beacon-admin, or run this as its owner.").arg(path);
    default:
        return QStringLiteral("%1 cannot be opened.").arg(path);
    }
}

/// Takes away what has been received before. Returns the highest seq.
quint64 keepNew(admin::EventBatch& batch, const quint64 last)
{
    quint64 highest = last;
    const auto old = [&](const QJsonObject& object) {
        const auto seq = static_cast<quint64>(std::max<qint64>(0, object[QLatin1String{"seq"}].toInteger()));
        highest = std::max(highest, seq);
        return seq <= last;
    };
    batch.events.removeIf(old);
    batch.attempts.removeIf(old);
    return highest;
}

/// What the Instrument said, or what happened to the question, in a sentence.
rpc::RpcError inWords(rpc::RpcError error)
{
    switch (error.code) {
    case rpc::Code::MethodNotFound:
        error.message = QStringLiteral("This Instrument does not know that command; it may be an older one.");
        break;
    case rpc::Code::Timeout:
        error.message = QStringLiteral("The Instrument did not answer in time.");
        break;
    case rpc::Code::Closed:
        error.message = QStringLiteral("The connection to the Instrument ended before it had answered.");
        break;
    default:
        error.message = sentence(error.message);
    }
    return error;
}

} // namespace

AdminLink::AdminLink(QString socketPath, QObject* parent)
    : QObject(parent)
    , m_path(std::move(socketPath))
{
    m_retry.setSingleShot(true);
    connect(&m_retry, &QTimer::timeout, this, &AdminLink::connectNow);
}

AdminLink::~AdminLink()
{
    const auto peer = std::exchange(m_peer, nullptr); // what it still owes is answered while it goes: not to us
    if (peer)
        peer->disconnect(this);
}

void AdminLink::start()
{
    connectNow();
}

bool AdminLink::isAdmin() const noexcept
{
    return m_state == State::Connected && m_hello.role == admin::Role::Admin;
}

void AdminLink::request(const QString& method, QObject* context, Reply reply)
{
    if (m_state != State::Connected) {
        const rpc::RpcError error{rpc::Code::Closed, QStringLiteral("There is no connection to the Instrument."), {}};
        QMetaObject::invokeMethod(
            context, [reply = std::move(reply), error] { reply(error); }, Qt::QueuedConnection);
        return;
    }
    const auto tell = [alive = QPointer<QObject>{context}, reply = std::move(reply)](
                          const std::variant<QJsonValue, rpc::RpcError>& answer) {
        if (!alive)
            return;
        if (const auto* const error = std::get_if<rpc::RpcError>(&answer))
            return reply(inWords(*error));
        const QJsonValue& value = std::get<QJsonValue>(answer);
        if (value.isObject())
            return reply(value.toObject());
        reply(
            rpc::RpcError{rpc::Code::Internal, QStringLiteral("What the Instrument answered is not understood."), {}});
    };
    m_peer->call(method, {}, tell, method == admin::kSelfTestMethod ? kSelfTestWithin : kAnswerWithin);
}

/// `then` is not called once this is gone or has another connection.
void AdminLink::ask(QLatin1StringView method, const QJsonObject& params,
    std::function<void(const std::variant<QJsonValue, rpc::RpcError>&)> then)
{
    m_peer->call(method, params,
        [self = QPointer<AdminLink>{this}, peer = m_peer.get(), then = std::move(then)](const auto& answer) {
            if (self && self->m_peer.get() == peer)
                then(answer);
        });
}

void AdminLink::connectNow()
{
    m_lockedOut = false;
    m_state = State::Connecting;
    Q_EMIT stateChanged(m_state, {});
    m_socket = std::make_unique<QLocalSocket>();
    connect(m_socket.get(), &QLocalSocket::connected, this, &AdminLink::onConnected, Qt::QueuedConnection);
    connect(
        m_socket.get(), &QLocalSocket::errorOccurred, this,
        [this](QLocalSocket::LocalSocketError error) {
            m_lockedOut = error == QLocalSocket::SocketAccessError;
            lose(whyNot(error, m_path));
        },
        Qt::QueuedConnection);
    m_socket->connectToServer(m_path);
}

void AdminLink::onConnected()
{
    if (!m_socket)
        return;
    m_socket->disconnect(this);
    m_peer = std::make_unique<rpc::Peer>(std::move(m_socket));
    connect(m_peer.get(), &rpc::Peer::notified, this, &AdminLink::onNotified);
    connect(
        m_peer.get(), &rpc::Peer::closed, this,
        [this](const QString& reason) {
            lose(reason.isEmpty() ? QStringLiteral("The Instrument closed the connection.") : reason);
        },
        Qt::QueuedConnection);
    ask(admin::kHelloMethod, {{QStringLiteral("protocol"), admin::kProtocol}}, [this](const auto& answer) {
        if (const auto* const value = std::get_if<QJsonValue>(&answer))
            onHello(value->toObject());
        else
            lose(std::get<rpc::RpcError>(answer).message);
    });
}

void AdminLink::onHello(const QJsonObject& object)
{
    const auto hello = admin::helloFromJson(object);
    if (!hello)
        return lose(QStringLiteral("What answers at %1 is no Instrument: %2.")
                        .arg(m_path, QString::fromStdString(describe(hello.error()))));
    const bool newRun = !m_everGreeted || hello->run != m_hello.run || hello->lastSeq < m_lastSeq;
    m_hello = *hello;
    m_everGreeted = true;
    if (newRun) {
        m_lastSeq = 0; // an escape long ago is still an escape: whatever the Instrument has kept
        m_history = true;
    }
    m_nextRetry = kFirstRetry;
    m_state = State::Connected;
    Q_EMIT stateChanged(m_state, {});
    Q_EMIT greeted(m_hello, newRun);
    if (m_watching)
        subscribe();
}

void AdminLink::subscribe()
{
    admin::Subscription subscription;
    subscription.sinceSeq = m_lastSeq;
    ask(admin::kSubscribeMethod, toJson(subscription), [this](const auto& answer) {
        if (const auto* const error = std::get_if<rpc::RpcError>(&answer))
            lose(error->message);
    });
    ask(admin::kHealthGetMethod, {}, [this](const auto& answer) {
        if (const auto* const value = std::get_if<QJsonValue>(&answer))
            onNotified(admin::kHealthChangedMethod, value->toObject());
    });
}

void AdminLink::onNotified(const QString& method, const QJsonObject& params)
{
    if (method == admin::kEventsMethod) {
        if (auto batch = admin::eventBatchFromJson(params)) {
            m_lastSeq = keepNew(*batch, m_lastSeq);
            if (std::exchange(m_history, false))
                batch->missed = 0;
            if (!batch->events.isEmpty() || !batch->attempts.isEmpty() || batch->missed > 0)
                Q_EMIT received(*batch);
        }
    } else if (method == admin::kHealthChangedMethod) {
        if (const auto health = admin::healthFromJson(params))
            Q_EMIT healthChanged(*health);
    }
}

void AdminLink::lose(const QString& why)
{
    if (m_state == State::Waiting)
        return;
    m_state = State::Waiting;
    if (m_peer) { // it may be what is calling
        m_peer->disconnect(this);
        m_peer.release()->deleteLater();
    }
    if (m_socket) {
        m_socket->disconnect(this);
        m_socket.release()->deleteLater();
    }
    m_retry.start(m_nextRetry);
    m_nextRetry = std::min(m_nextRetry * 2, kLastRetry);
    Q_EMIT stateChanged(m_state, why);
}

} // namespace beacon
