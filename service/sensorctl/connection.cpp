#include "service/sensorctl/connection.h"

#include "core/platform/control.h"

#include <QFile>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>

namespace beacon::sensorctl {

namespace {

constexpr std::size_t kMostNotifications = 1'024; ///< kept while an answer is waited for
constexpr std::chrono::milliseconds kBetweenTries{20};

Failure silent()
{
    return {EX_UNAVAILABLE,
        QStringLiteral("the Sensor did not answer in time; --timeout lets it have longer, its log may say why")};
}

int millisecondsUntil(Deadline deadline)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 3'600'000));
}

/// false: the deadline passed.
bool waitFor(int descriptor, short events, Deadline deadline)
{
    for (;;) {
        pollfd wanted{.fd = descriptor, .events = events, .revents = 0};
        const int ready = ::poll(&wanted, 1, millisecondsUntil(deadline));
        if (ready > 0)
            return true;
        if ((ready == 0 || errno != EINTR) && std::chrono::steady_clock::now() >= deadline)
            return false;
    }
}

Failure cannotConnect(const QString& path, int error)
{
    if (error == EACCES || error == EPERM)
        return {EX_NOPERM,
            QStringLiteral("not allowed to use %1; be root or a member of the group %2").arg(path, control::kGroup)};
    if (error == EAGAIN)
        return silent();
    const QString why = QString::fromLocal8Bit(std::strerror(error));
    return {EX_UNAVAILABLE,
        QStringLiteral("no Sensor answers at %1 (%2); start sensord, or name its socket with --socket").arg(path, why)};
}

} // namespace

Connection::Connection(UniqueFd socket)
    : m_socket(std::move(socket))
{
}

Outcome<Connection> Connection::open(const QString& path, Deadline deadline)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const QByteArray name = QFile::encodeName(path);
    if (name.isEmpty() || static_cast<std::size_t>(name.size()) >= sizeof address.sun_path)
        return Failure{EX_USAGE, QStringLiteral("the socket's path must have 1 to 107 bytes: ") + path};
    std::memcpy(address.sun_path, name.constData(), static_cast<std::size_t>(name.size()));
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket)
        return Failure{EX_OSERR, QStringLiteral("no socket: ") + QString::fromLocal8Bit(std::strerror(errno))};
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if ((errno != EAGAIN && errno != EINTR) || std::chrono::steady_clock::now() >= deadline)
            return cannotConnect(path, errno);
        std::this_thread::sleep_for(kBetweenTries); // its queue is full, and poll(2) does not tell when it is not
    }
    return Connection{std::move(socket)};
}

std::optional<Failure> Connection::send(const QByteArray& frame, Deadline deadline)
{
    qsizetype sent = 0;
    while (sent < frame.size()) {
        const ssize_t count = ::send(
            m_socket.get(), frame.constData() + sent, static_cast<std::size_t>(frame.size() - sent), MSG_NOSIGNAL);
        if (count >= 0) {
            sent += count;
        } else if (errno == EAGAIN) {
            if (!waitFor(m_socket.get(), POLLOUT, deadline))
                return silent();
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return std::nullopt; // it may have said why: answerTo() reads that
        } else if (errno != EINTR) {
            return cannotConnect(QStringLiteral("the socket"), errno);
        }
    }
    return std::nullopt;
}

Outcome<qint64> Connection::ask(QLatin1StringView method, const QJsonObject& params, Deadline deadline)
{
    const QByteArray frame = rpc::encode(rpc::Request{++m_asked, method, params});
    if (frame.size() > rpc::kMaxFrameBytes)
        return Failure{EX_DATAERR, QStringLiteral("what would be sent is over 1 MiB; shorten it")};
    if (auto failure = send(frame, deadline))
        return *std::move(failure);
    return m_asked;
}

void Connection::take(const rpc::Message& message)
{
    if (const auto* notification = std::get_if<rpc::Notification>(&message)) {
        if (m_notifications.size() < kMostNotifications)
            m_notifications.push_back(*notification);
        return;
    }
    const auto* response = std::get_if<rpc::Response>(&message);
    if (response == nullptr)
        return; // a request: there is nothing that a Sensor could want of us
    const auto* error = std::get_if<rpc::RpcError>(&response->answer);
    if (response->id.isNull() && error != nullptr)
        m_turnedAway = *error;
    else if (const qint64 id = response->id.toInteger(-1); id > 0 && id <= m_asked)
        m_answers.insert_or_assign(id, *response);
}

std::optional<Failure> Connection::sort()
{
    while (m_notifications.size() < kMostNotifications) {
        const auto frame = m_frames.next();
        if (!frame)
            return std::nullopt;
        if (const auto* tooLong = std::get_if<rpc::RpcError>(&*frame))
            return notASensor(tooLong->message);
        const auto message = rpc::decode(std::get<QByteArray>(*frame));
        if (const auto* malformed = std::get_if<rpc::RpcError>(&message))
            return notASensor(malformed->message);
        take(std::get<rpc::Message>(message));
    }
    return std::nullopt;
}

std::optional<Failure> Connection::read()
{
    char buffer[64 * 1'024];
    const ssize_t count = ::recv(m_socket.get(), buffer, sizeof buffer, 0);
    if (count > 0) {
        m_frames.feed(QByteArray(buffer, count));
        return sort();
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return std::nullopt;
    if (m_turnedAway)
        return failureFrom(*m_turnedAway);
    if (m_frames.pendingBytes() > 0)
        return notASensor(QStringLiteral("it ended in the middle of a line"));
    return Failure{EX_UNAVAILABLE, QStringLiteral("the Sensor closed the connection; did it end? Its log says more")};
}

Outcome<QJsonValue> Connection::answerTo(qint64 id, Deadline deadline)
{
    for (;;) {
        if (const auto found = m_answers.find(id); found != m_answers.end()) {
            const rpc::Response response = std::move(found->second);
            m_answers.erase(found);
            if (const auto* error = std::get_if<rpc::RpcError>(&response.answer))
                return failureFrom(*error);
            return std::get<QJsonValue>(response.answer);
        }
        if (m_notifications.size() >= kMostNotifications)
            return notASensor(QStringLiteral("notifications without end, and no answer"));
        const bool late = std::chrono::steady_clock::now() >= deadline; // also where it never pauses
        if (late || !waitFor(m_socket.get(), POLLIN, deadline))
            return silent();
        if (auto failure = read())
            return *std::move(failure);
    }
}

Outcome<std::optional<rpc::Notification>> Connection::notification(
    const sigset_t& whileWaiting, const std::function<bool()>& interrupted, int watched)
{
    for (;;) {
        if (interrupted())
            return std::nullopt;
        if (!m_notifications.empty()) {
            rpc::Notification next = std::move(m_notifications.front());
            m_notifications.pop_front();
            return next;
        }
        if (auto failure = sort()) // what was left when there were too many
            return *std::move(failure);
        if (!m_notifications.empty())
            continue;
        pollfd wanted[] = {
            {.fd = m_socket.get(), .events = POLLIN, .revents = 0}, {.fd = watched, .events = 0, .revents = 0}};
        if (::ppoll(wanted, 2, nullptr, &whileWaiting) <= 0)
            continue;
        if ((wanted[1].revents & POLLERR) != 0)
            return std::nullopt;
        if (wanted[0].revents != 0)
            if (auto failure = read())
                return *std::move(failure);
    }
}

} // namespace beacon::sensorctl
