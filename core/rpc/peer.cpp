#include "core/rpc/peer.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

namespace beacon::rpc {

namespace {

constexpr std::chrono::milliseconds kLastWords{1000};
constexpr qint64 kDrainedBytes = kMaxPendingBytes / 4;

} // namespace

bool Credentials::isInGroup(gid_t group) const noexcept
{
    return gid == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

Credentials credentialsOf(int socket)
{
    Credentials credentials;
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) {
        credentials.pid = peer.pid;
        credentials.uid = peer.uid;
        credentials.gid = peer.gid;
    }
    credentials.groups.resize(64);
    length = static_cast<socklen_t>(credentials.groups.size() * sizeof(gid_t));
    int failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, credentials.groups.data(), &length);
    if (failed != 0 && errno == ERANGE) { // length now says how much there is
        credentials.groups.resize(length / sizeof(gid_t));
        failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, credentials.groups.data(), &length);
    }
    credentials.groups.resize(failed == 0 ? length / sizeof(gid_t) : 0);
    return credentials;
}

Responder::Responder(Peer* peer, quint64 ticket)
    : m_peer(peer)
    , m_ticket(ticket)
{
}

Responder::Responder(Responder&& other) noexcept
    : m_peer(std::exchange(other.m_peer, nullptr))
    , m_ticket(other.m_ticket)
{
}

Responder& Responder::operator=(Responder&& other) noexcept
{
    if (this != &other) {
        finish(RpcError{Code::Internal, QStringLiteral("The request was dropped"), QJsonValue::Undefined});
        m_peer = std::exchange(other.m_peer, nullptr);
        m_ticket = other.m_ticket;
    }
    return *this;
}

Responder::~Responder()
{
    finish(RpcError{Code::Internal, QStringLiteral("The request was dropped"), QJsonValue::Undefined});
}

void Responder::answer(const QJsonValue& result)
{
    finish(result);
}

void Responder::fail(Code code, const QString& message, const QJsonValue& data)
{
    finish(RpcError{code, message, data});
}

void Responder::finish(std::variant<QJsonValue, RpcError> answer)
{
    if (Peer* peer = std::exchange(m_peer, nullptr))
        peer->finish(m_ticket, std::move(answer));
}

Peer::Peer(std::unique_ptr<QLocalSocket> socket, QObject* parent)
    : QObject(parent)
    , m_socket(std::move(socket))
    , m_credentials(credentialsOf(static_cast<int>(m_socket->socketDescriptor())))
{
    m_socket->setReadBufferSize(kMaxFrameBytes / 4);
    connect(m_socket.get(), &QLocalSocket::readyRead, this, &Peer::read);
    connect(m_socket.get(), &QLocalSocket::bytesWritten, this, &Peer::onBytesWritten);
    connect(m_socket.get(), &QLocalSocket::disconnected, this, &Peer::onDisconnected);
    m_lastWords.setSingleShot(true);
    connect(&m_lastWords, &QTimer::timeout, this, [this] { m_socket->abort(); });
    if (m_socket->bytesAvailable() > 0 || m_socket->state() != QLocalSocket::ConnectedState)
        QMetaObject::invokeMethod(
            this, [this] { isOpen() ? read() : onDisconnected(); }, Qt::QueuedConnection);
}

Peer::~Peer()
{
    m_socket->disconnect(this);
    auto asked = std::exchange(m_asked, {});
    for (auto& [id, question] : asked)
        question.reply(RpcError{Code::Closed, QStringLiteral("The connection was closed"), QJsonValue::Undefined});
}

void Peer::call(const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline)
{
    ask([&](qint64 id) { return encode(Request{id, method, params}); }, std::move(reply), deadline);
}

void Peer::callText(const QByteArray& method, const QByteArray& params, Reply reply, std::chrono::milliseconds deadline)
{
    ask([&](qint64 id) { return encodeRequest(id, method, params); }, std::move(reply), deadline);
}

void Peer::ask(const std::function<QByteArray(qint64 id)>& frameOf, Reply reply, std::chrono::milliseconds deadline)
{
    const auto later = [this](Reply to, RpcError error) {
        QMetaObject::invokeMethod(
            this, [to = std::move(to), error = std::move(error)] { to(error); }, Qt::QueuedConnection);
    };
    if (!isOpen())
        return later(std::move(reply), {Code::Closed, QStringLiteral("Not connected"), QJsonValue::Undefined});
    if (m_asked.size() >= kMaxInFlight)
        return later(
            std::move(reply), {Code::Busy, QStringLiteral("32 requests are in flight"), QJsonValue::Undefined});
    const qint64 id = ++m_nextId;
    const QByteArray frame = frameOf(id);
    if (frame.size() > kMaxFrameBytes)
        return later(
            std::move(reply), {Code::TooLarge, QStringLiteral("The request is over 1 MiB"), QJsonValue::Undefined});
    auto timer = std::make_unique<QTimer>();
    timer->setSingleShot(true);
    connect(timer.get(), &QTimer::timeout, this, [this, id] {
        settle({id, RpcError{Code::Timeout, QStringLiteral("No answer in time"), QJsonValue::Undefined}});
    });
    timer->start(deadline);
    m_asked.emplace(id, Asked{std::move(reply), std::move(timer)});
    send(frame);
}

bool Peer::notify(const QString& method, const QJsonObject& params)
{
    if (!canTake())
        return false;
    const QByteArray frame = encode(Notification{method, params});
    if (frame.size() > kMaxFrameBytes)
        return false;
    send(frame);
    return true;
}

bool Peer::notifyText(const QByteArray& method, const QByteArray& params)
{
    if (!canTake())
        return false;
    const QByteArray frame = encodeNotification(method, params);
    if (frame.size() > kMaxFrameBytes)
        return false;
    send(frame);
    return true;
}

bool Peer::canTake() const
{
    return isOpen() && !m_full && m_socket->bytesToWrite() < kMaxPendingBytes;
}

qint64 Peer::pendingBytes() const
{
    return m_socket->bytesToWrite();
}

void Peer::setHandler(Handler handler, std::chrono::milliseconds deadline)
{
    m_handler = std::move(handler);
    m_answerWithin = deadline;
}

void Peer::close()
{
    if (m_closing)
        return;
    m_closing = true;
    m_lastWords.start(kLastWords);
    m_socket->flush();
    QMetaObject::invokeMethod( // later, so that closed() never comes from within a call of the owner's
        this, [this] { m_socket->disconnectFromServer(); }, Qt::QueuedConnection);
}

bool Peer::isOpen() const
{
    return !m_closing && m_socket->state() == QLocalSocket::ConnectedState;
}

void Peer::read()
{
    if (m_reading) // a handler that spins an event loop
        return;
    m_reading = true;
    const QPointer<Peer> alive(this);
    while (isOpen()) {
        if (m_socket->bytesToWrite() >= kMaxPendingBytes) {
            m_full = true; // onBytesWritten() resumes
            break;
        }
        const auto frame = m_frames.next();
        if (!frame) {
            const QByteArray bytes = m_socket->read(kMaxFrameBytes / 4);
            if (bytes.isEmpty())
                break;
            m_frames.feed(bytes);
            continue;
        }
        if (const auto* tooLong = std::get_if<RpcError>(&*frame)) {
            refuse(*tooLong);
            break;
        }
        const auto message = decode(std::get<QByteArray>(*frame));
        if (const auto* malformed = std::get_if<RpcError>(&message))
            refuse(*malformed);
        else
            take(std::get<Message>(message));
        if (!alive)
            return;
    }
    m_reading = false;
}

void Peer::take(const Message& message)
{
    if (const auto* request = std::get_if<Request>(&message)) {
        serve(*request);
    } else if (const auto* notification = std::get_if<Notification>(&message)) {
        Q_EMIT notified(notification->method, notification->params);
    } else {
        const Response& response = std::get<Response>(message);
        const auto* error = std::get_if<RpcError>(&response.answer);
        if (response.id.isNull() && error != nullptr)
            m_reason = error->message; // why the other end is about to close
        else
            settle(response);
    }
}

void Peer::serve(const Request& request)
{
    const auto refuseOne = [&](Code code, const QString& why) {
        send(encode(Response{request.id, RpcError{code, why, QJsonValue::Undefined}}));
    };
    if (m_answering.size() >= kMaxInFlight)
        return refuseOne(Code::Busy, QStringLiteral("32 requests are in flight; wait for an answer"));
    if (!m_handler)
        return refuseOne(Code::MethodNotFound, QStringLiteral("There is no method ") + request.method);
    const quint64 ticket = ++m_nextTicket;
    auto timer = std::make_unique<QTimer>();
    timer->setSingleShot(true);
    connect(timer.get(), &QTimer::timeout, this, [this, ticket] {
        finish(ticket, RpcError{Code::Timeout, QStringLiteral("It took too long"), QJsonValue::Undefined});
    });
    timer->start(m_answerWithin);
    m_answering.emplace(ticket, Answering{request.id, std::move(timer)});
    const Handler handler = m_handler; // it may be replaced meanwhile
    handler(request.method, request.params, Responder(this, ticket));
}

void Peer::settle(const Response& response)
{
    const auto found = m_asked.find(response.id.toInteger(-1));
    if (found == m_asked.end())
        return; // late: it was answered with Timeout
    auto [id, asked] = std::move(*found);
    m_asked.erase(found);
    asked.deadline.release()->deleteLater(); // it may be the one that is calling
    asked.reply(response.answer);
}

void Peer::finish(quint64 ticket, std::variant<QJsonValue, RpcError> answer)
{
    const auto found = m_answering.find(ticket);
    if (found == m_answering.end())
        return; // its deadline has answered
    const QJsonValue id = found->second.id;
    found->second.deadline.release()->deleteLater();
    m_answering.erase(found);
    QByteArray frame = encode(Response{id, std::move(answer)});
    if (frame.size() > kMaxFrameBytes)
        frame = encode(
            Response{id, RpcError{Code::TooLarge, QStringLiteral("The answer is over 1 MiB"), QJsonValue::Undefined}});
    send(frame);
}

void Peer::send(const QByteArray& frame)
{
    if (!isOpen())
        return;
    m_socket->write(frame);
    if (m_socket->bytesToWrite() >= kMaxPendingBytes)
        m_full = true;
}

void Peer::refuse(const RpcError& error)
{
    m_reason = error.message;
    send(encode(Response{QJsonValue(), error}));
    close();
}

void Peer::onBytesWritten()
{
    if (!m_full || m_socket->bytesToWrite() > kDrainedBytes)
        return;
    m_full = false;
    const QPointer<Peer> alive(this);
    Q_EMIT drained();
    if (alive && isOpen())
        read();
}

void Peer::onDisconnected()
{
    if (m_closedSaid)
        return;
    m_lastWords.stop();
    const QPointer<Peer> alive(this);
    if (!m_closing && m_socket->bytesAvailable() > 0) { // what was said before the end
        m_frames.feed(m_socket->readAll());
        while (const auto frame = m_frames.next()) {
            const auto* bytes = std::get_if<QByteArray>(&*frame);
            if (bytes == nullptr)
                break;
            const auto message = decode(*bytes);
            if (const auto* whole = std::get_if<Message>(&message); whole && !std::holds_alternative<Request>(*whole))
                take(*whole);
            if (!alive)
                return;
        }
    }
    m_closing = m_closedSaid = true;
    auto asked = std::exchange(m_asked, {});
    for (auto& [id, question] : asked) {
        question.deadline->stop();
        question.reply(RpcError{Code::Closed,
            m_reason.isEmpty() ? QStringLiteral("The connection was closed") : m_reason, QJsonValue::Undefined});
        if (!alive)
            return;
    }
    m_answering.clear();
    Q_EMIT closed(m_reason);
}

} // namespace beacon::rpc
