#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/escape/technique.h"

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace beacon {

/// What becomes of a TCP exchange, told while poll() runs.
class TcpObserver {
public:
    virtual ~TcpObserver() = default;
    virtual void onTcpRefused(std::uint32_t n) = 0; ///< reset, or connected to something that did not answer as Home
    virtual void onTcpUnreachable(std::uint32_t n) = 0; ///< an ICMP error
    virtual void onTcpReply(std::uint32_t n, ByteView data) = 0;
};

/// Connections of the kernel's TCP, bound to one interface: connect, send the token, read a token, close.
///
/// Each is closed within kLifetime, before a first SYN would be sent again for the second time (RFC 6298: 1 s).
/// Thread:  used from one thread; never blocks.
/// Memory:  at most kMaxOpen sockets.
class TcpExchanges {
public:
    static constexpr std::chrono::milliseconds kLifetime{900};
    static constexpr std::size_t kMaxOpen = 4'096;

    [[nodiscard]] static Result<TcpExchanges> open(std::string interface);

    /// The source port. Busy: kMaxOpen are open.
    Result<std::uint16_t> start(const Attempt& attempt, ByteView payload, MonotonicTime now);

    [[nodiscard]] int fd() const noexcept { return m_epoll.get(); } ///< readable: call poll()
    void poll(MonotonicTime now, TcpObserver& observer);

    /// When poll() is due even though nothing happened.
    [[nodiscard]] std::optional<MonotonicTime> nextDeadline() const;

private:
    struct Exchange {
        UniqueFd socket;
        Token payload{};
        bool connected = false;
        Token reply{};
        std::size_t replyBytes = 0;
    };
    TcpExchanges(std::string interface, UniqueFd epoll);
    void onReady(std::uint32_t n, unsigned events, TcpObserver& observer);
    void onConnected(std::uint32_t n, Exchange& exchange, TcpObserver& observer);
    void readReply(std::uint32_t n, Exchange& exchange, TcpObserver& observer);
    void close(std::uint32_t n, bool abort);

    std::string m_interface;
    UniqueFd m_epoll;
    std::unordered_map<std::uint32_t, Exchange> m_open;
    std::deque<std::pair<MonotonicTime, std::uint32_t>> m_deadlines;
};

} // namespace beacon
