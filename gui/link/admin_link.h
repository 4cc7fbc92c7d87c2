#pragma once

#include "core/admin/messages.h"
#include "core/rpc/message.h"

#include <QLocalSocket>
#include <QObject>
#include <QTimer>

#include <chrono>
#include <functional>
#include <memory>
#include <variant>

namespace beacon {

namespace rpc {
class Peer;
}

/// The tool's end of an Instrument's admin socket. Connects, says hello, subscribes to everything, and does so again by
/// itself whenever the connection ends: nothing is shown twice, and what the Instrument still has is not lost.
///
/// Thread:  the GUI thread; never blocks.
/// Errors:  stateChanged() says in a sentence why there is no connection; tried again after 0.25 s, doubling to 4 s.
class AdminLink final : public QObject {
    Q_OBJECT
public:
    static constexpr std::chrono::milliseconds kFirstRetry{250};
    static constexpr std::chrono::milliseconds kLastRetry{4'000};
    static constexpr std::chrono::milliseconds kSelfTestWithin{30'000}; ///< the Instrument ends it after 25 s
    static constexpr std::chrono::milliseconds kAnswerWithin{10'000}; ///< of any other command

    enum class State { Connecting, Connected, Waiting };

    explicit AdminLink(QString socketPath, QObject* parent = nullptr);
    ~AdminLink() override;

    void start();
    void setWatching(bool on) noexcept
    {
        m_watching = on;
    } ///< before start(); false: says hello, subscribes to nothing

    using Answer = std::variant<QJsonObject, rpc::RpcError>;
    using Reply = std::function<void(const Answer& answer)>;
    /// Asks for a command. `reply` is called exactly once, never from within request(), unless `context` is gone by
    /// then. An error's message is one sentence for a person. Closed: there is no connection, or it ended before the
    /// answer; then it is not known whether the command was carried out, and it is not sent again.
    void request(const QString& method, QObject* context, Reply reply);

    [[nodiscard]] State state() const noexcept { return m_state; }
    [[nodiscard]] const QString& socketPath() const noexcept { return m_path; }
    [[nodiscard]] const admin::Hello& hello() const noexcept { return m_hello; } ///< the last one
    [[nodiscard]] bool isAdmin() const noexcept; ///< connected, and may give commands
    [[nodiscard]] bool isLockedOut() const noexcept { return m_lockedOut; } ///< may not even open the socket

Q_SIGNALS:
    void stateChanged(beacon::AdminLink::State state, const QString& why); ///< `why`: a sentence while Waiting
    void greeted(const beacon::admin::Hello& hello, bool newRun); ///< newRun: what was shown is another run's
    void received(const beacon::admin::EventBatch& batch);
    void healthChanged(const beacon::admin::Health& health);

private:
    void connectNow();
    void ask(QLatin1StringView method, const QJsonObject& params,
        std::function<void(const std::variant<QJsonValue, rpc::RpcError>&)> then);
    void onConnected();
    void onHello(const QJsonObject& object);
    void subscribe();
    void onNotified(const QString& method, const QJsonObject& params);
    void lose(const QString& why);

    QString m_path;
    std::unique_ptr<QLocalSocket> m_socket; ///< until it is connected; then the peer's
    std::unique_ptr<rpc::Peer> m_peer;
    QTimer m_retry;
    std::chrono::milliseconds m_nextRetry = kFirstRetry;
    State m_state = State::Connecting;
    admin::Hello m_hello;
    bool m_everGreeted = false;
    bool m_watching = true;
    bool m_lockedOut = false;
    quint64 m_lastSeq = 0;
    bool m_history = false; ///< the next batch is the first of this run: its `missed` was before our time
};

} // namespace beacon
