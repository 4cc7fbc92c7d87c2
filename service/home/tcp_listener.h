#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <QObject>
#include <QSocketNotifier>
#include <QTimer>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace beacon {

/// Accepts the TCP connections that NftTable brings to it from every port of Home's addresses, reads one token or one
/// DNS message from each, answers, and closes.
///
/// Thread:  the one that made it; never blocks. Survives a lack of descriptors: it rests and accepts again.
/// Bounds:  kMaxOpen connections, kLifetime and kMaxBytes each.
class TcpListener final : public QObject {
    Q_OBJECT
public:
    static constexpr std::size_t kMaxOpen = 4'096;
    static constexpr std::chrono::seconds kLifetime{5};
    static constexpr std::size_t kMaxBytes = 2 + 1'024; ///< a length and a DNS message

    struct Ends {
        IpAddress peer;
        IpAddress target; ///< as the peer aimed: tproxy keeps it
        std::uint16_t port = 0;
    };
    /// What to answer to all that came so far; nullopt: read on. An empty answer closes.
    using Answer = std::function<std::optional<ByteBuffer>(const Ends& ends, ByteView data)>;

    [[nodiscard]] static Result<std::unique_ptr<TcpListener>> open(Answer answer);

    [[nodiscard]] std::uint16_t port4() const noexcept { return m_port4; }
    [[nodiscard]] std::uint16_t port6() const noexcept { return m_port6; }

private:
    struct Connection {
        UniqueFd socket;
        std::unique_ptr<QSocketNotifier> notifier;
        Ends ends;
        ByteBuffer data;
        std::chrono::steady_clock::time_point opened;
        bool answered = false;
    };
    TcpListener(Answer answer, UniqueFd listener4, UniqueFd listener6);
    void acceptFrom(int listener);
    void rest();
    void adopt(UniqueFd socket);
    void onReadable(int fd);
    void sweep();

    Answer m_answer;
    UniqueFd m_listener4, m_listener6;
    std::uint16_t m_port4 = 0, m_port6 = 0;
    std::unique_ptr<QSocketNotifier> m_notifier4, m_notifier6;
    QTimer m_sweep, m_rest;
    std::map<int, Connection> m_open;
};

} // namespace beacon
