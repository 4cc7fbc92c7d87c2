#include "service/home/tcp_listener.h"

#include "core/base/sockaddr.h"

#include <array>
#include <cerrno>

namespace beacon {

namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 4'096;
constexpr int kAcceptsPerTurn = 256;

Result<UniqueFd> listenOn(const char* loopback)
{
    const IpAddress address = *IpAddress::parse(loopback);
    const int domain = address.family() == Family::Ipv4 ? AF_INET : AF_INET6;
    UniqueFd fd{::socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    const bool transparent = domain == AF_INET
        ? ::setsockopt(fd.get(), IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) == 0
        : ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on) == 0;
    if (!fd || !transparent)
        return systemError("accept connections to every port (IP_TRANSPARENT)");
    const SockAddr any{address, 0};
    if (::bind(fd.get(), any.get(), any.length) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return systemError(std::string{"listen on "} + loopback);
    return fd;
}

std::optional<std::pair<IpAddress, std::uint16_t>> endOf(int fd, int (*name)(int, sockaddr*, socklen_t*))
{
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (name(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
        return std::nullopt;
    if (storage.ss_family == AF_INET) {
        const auto* const in = reinterpret_cast<const sockaddr_in*>(&storage);
        return std::pair{IpAddress{ByteView{reinterpret_cast<const Byte*>(&in->sin_addr), 4}}, ntohs(in->sin_port)};
    }
    const auto* const in = reinterpret_cast<const sockaddr_in6*>(&storage);
    return std::pair{IpAddress{ByteView{reinterpret_cast<const Byte*>(&in->sin6_addr), 16}}, ntohs(in->sin6_port)};
}

} // namespace

Result<std::unique_ptr<TcpListener>> TcpListener::open(Answer answer)
{
    auto listener4 = listenOn("127.0.0.1");
    if (!listener4)
        return listener4.error();
    auto listener6 = listenOn("::1");
    if (!listener6)
        return listener6.error();
    return std::unique_ptr<TcpListener>{
        new TcpListener{std::move(answer), std::move(*listener4), std::move(*listener6)}};
}

TcpListener::TcpListener(Answer answer, UniqueFd listener4, UniqueFd listener6)
    : m_answer(std::move(answer))
    , m_listener4(std::move(listener4))
    , m_listener6(std::move(listener6))
    , m_port4(localPort(m_listener4.get()))
    , m_port6(localPort(m_listener6.get()))
    , m_notifier4(std::make_unique<QSocketNotifier>(m_listener4.get(), QSocketNotifier::Read))
    , m_notifier6(std::make_unique<QSocketNotifier>(m_listener6.get(), QSocketNotifier::Read))
{
    connect(m_notifier4.get(), &QSocketNotifier::activated, this, [this] { acceptFrom(m_listener4.get()); });
    connect(m_notifier6.get(), &QSocketNotifier::activated, this, [this] { acceptFrom(m_listener6.get()); });
    connect(&m_sweep, &QTimer::timeout, this, &TcpListener::sweep);
    m_sweep.start(1s);
    m_rest.setSingleShot(true);
    connect(&m_rest, &QTimer::timeout, this, [this] {
        m_notifier4->setEnabled(true);
        m_notifier6->setEnabled(true);
    });
}

void TcpListener::acceptFrom(int listener)
{
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        UniqueFd socket{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (socket) {
            adopt(std::move(socket));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            return rest();
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

void TcpListener::rest()
{
    m_notifier4->setEnabled(false); // readable as long as somebody waits: without this the loop would spin
    m_notifier6->setEnabled(false);
    m_rest.start(200ms);
}

void TcpListener::adopt(UniqueFd socket)
{
    const auto peer = endOf(socket.get(), ::getpeername);
    const auto target = endOf(socket.get(), ::getsockname);
    if (!peer || !target || m_open.size() >= kMaxOpen)
        return; // closed: a token that it would have brought is still seen by the capture
    const int fd = socket.get();
    Connection connection;
    connection.ends = {peer->first, target->first, target->second};
    connection.opened = std::chrono::steady_clock::now();
    connection.notifier = std::make_unique<QSocketNotifier>(fd, QSocketNotifier::Read);
    connect(
        connection.notifier.get(), &QSocketNotifier::activated, this, [this, fd] { onReadable(fd); },
        Qt::QueuedConnection);
    connection.socket = std::move(socket);
    m_open.insert_or_assign(fd, std::move(connection));
}

void TcpListener::onReadable(int fd)
{
    const auto found = m_open.find(fd);
    if (found == m_open.end())
        return;
    Connection& connection = found->second;
    std::array<Byte, kMaxBytes> buffer;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || connection.answered || connection.data.size() + static_cast<std::size_t>(got) > kMaxBytes) {
        m_open.erase(found);
        return;
    }
    connection.data.insert(connection.data.end(), buffer.begin(), buffer.begin() + got);
    const auto answer = m_answer(connection.ends, connection.data);
    if (!answer)
        return;
    connection.answered = true;
    if (answer->empty() || ::send(fd, answer->data(), answer->size(), MSG_NOSIGNAL) < 0) {
        m_open.erase(found);
        return;
    }
    ::shutdown(fd, SHUT_WR); // the peer closes next; sweep() closes where it does not
}

void TcpListener::sweep()
{
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(m_open, [now](const auto& entry) { return now - entry.second.opened > kLifetime; });
}

} // namespace beacon
