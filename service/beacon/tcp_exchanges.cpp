#include "service/beacon/tcp_exchanges.h"

#include "core/base/sockaddr.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>

namespace beacon {

TcpExchanges::TcpExchanges(std::string interface, UniqueFd epoll)
    : m_interface(std::move(interface))
    , m_epoll(std::move(epoll))
{
}

Result<TcpExchanges> TcpExchanges::open(std::string interface)
{
    UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll)
        return systemError("epoll");
    return TcpExchanges{std::move(interface), std::move(epoll)};
}

Result<std::uint16_t> TcpExchanges::start(const Attempt& attempt, ByteView payload, MonotonicTime now)
{
    if (m_open.size() >= kMaxOpen)
        return Error{Errc::Busy, EMFILE, "connect"};
    const int domain = attempt.probe.family == Family::Ipv4 ? AF_INET : AF_INET6;
    UniqueFd fd{::socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return systemError("open a TCP socket");
    if (::setsockopt(
            fd.get(), SOL_SOCKET, SO_BINDTODEVICE, m_interface.c_str(), static_cast<socklen_t>(m_interface.size() + 1))
        != 0)
        return systemError("bind a TCP socket to " + m_interface);
    const SockAddr address{attempt.probe.destination, attempt.probe.port};
    if (::connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)
        return systemError("connect");
    const std::uint16_t port = localPort(fd.get());
    const std::uint32_t n = decodeToken(attempt.token)->counter;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = n}};
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0)
        return systemError("watch a TCP socket");
    Exchange exchange;
    exchange.socket = std::move(fd);
    std::copy_n(payload.begin(), std::min(payload.size(), exchange.payload.size()), exchange.payload.begin());
    m_open.insert_or_assign(n, std::move(exchange));
    m_deadlines.emplace_back(now + kLifetime, n);
    return port;
}

void TcpExchanges::poll(MonotonicTime now, TcpObserver& observer)
{
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(m_epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i)
        onReady(events[static_cast<std::size_t>(i)].data.u32, events[static_cast<std::size_t>(i)].events, observer);
    while (!m_deadlines.empty() && m_deadlines.front().first <= now) {
        const std::uint32_t n = m_deadlines.front().second;
        m_deadlines.pop_front();
        const auto found = m_open.find(n);
        if (found == m_open.end())
            continue;
        if (found->second.connected)
            observer.onTcpRefused(n);
        close(n, true);
    }
}

std::optional<MonotonicTime> TcpExchanges::nextDeadline() const
{
    return m_deadlines.empty() ? std::nullopt : std::optional{m_deadlines.front().first};
}

void TcpExchanges::onReady(std::uint32_t n, unsigned events, TcpObserver& observer)
{
    const auto found = m_open.find(n);
    if (found == m_open.end())
        return;
    Exchange& exchange = found->second;
    int failure = 0;
    socklen_t length = sizeof failure;
    ::getsockopt(exchange.socket.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) {
        if (failure == ECONNREFUSED || failure == ECONNRESET || failure == EPIPE)
            observer.onTcpRefused(n);
        else
            observer.onTcpUnreachable(n);
        close(n, true);
        return;
    }
    if (!exchange.connected && (events & EPOLLOUT) != 0)
        return onConnected(n, exchange, observer);
    if (exchange.connected && (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)) != 0)
        readReply(n, exchange, observer);
}

void TcpExchanges::onConnected(std::uint32_t n, Exchange& exchange, TcpObserver& observer)
{
    exchange.connected = true;
    const ssize_t sent = ::send(exchange.socket.get(), exchange.payload.data(), exchange.payload.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(exchange.payload.size()))
        return readReply(n, exchange, observer);
    observer.onTcpRefused(n);
    close(n, true);
}

void TcpExchanges::readReply(std::uint32_t n, Exchange& exchange, TcpObserver& observer)
{
    for (;;) {
        Byte* const into = exchange.reply.data() + exchange.replyBytes;
        const ssize_t got = ::recv(exchange.socket.get(), into, exchange.reply.size() - exchange.replyBytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (got <= 0) {
            observer.onTcpRefused(n);
            return close(n, true);
        }
        exchange.replyBytes += static_cast<std::size_t>(got);
        if (exchange.replyBytes == exchange.reply.size()) {
            observer.onTcpReply(n, exchange.reply);
            return close(n, false);
        }
    }
}

void TcpExchanges::close(std::uint32_t n, bool abort)
{
    const auto found = m_open.find(n);
    if (found == m_open.end())
        return;
    if (abort) { // a reset frees a firewall's state at once, where FIN would linger
        const linger now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(found->second.socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    m_open.erase(found);
}

} // namespace beacon
