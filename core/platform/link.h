#pragma once

#include "core/rpc/message.h"

#include <QJsonObject>
#include <QObject>

#include <chrono>
#include <functional>
#include <variant>

namespace beacon::rpc {
class Responder;
}

namespace beacon::platform {

using Answer = std::variant<QJsonValue, rpc::RpcError>;
using Reply = std::function<void(const Answer& answer)>;

/// Bulk waits behind everything else and never delays it.
enum class Lane { Priority, Bulk };

inline constexpr std::chrono::milliseconds kRequestDeadline{5'000};
inline constexpr std::size_t kMaxQueued = 1'024; ///< requests that wait for their turn; the next is answered Busy

/// The duty to answer one request of the platform. Answering twice does nothing; dropped unanswered it answers
/// Code::Internal: an answer or an error, never silence.
///
/// Thread: that of the link.
class Responder {
public:
    explicit Responder(Reply reply);
    Responder(Responder&& other) noexcept;
    Responder& operator=(Responder&& other) noexcept;
    ~Responder();

    void answer(const QJsonValue& result);
    void fail(rpc::Code code, const QString& message, const QJsonValue& data = QJsonValue::Undefined);

private:
    void finish(const Answer& answer);
    Reply m_reply;
};
/// The same duty, whoever asks over a local socket.
[[nodiscard]] Responder responderFor(rpc::Responder theirs);

/// What carries messages between an Instrument and its platform. tests/core/platform/conformance.h says what every
/// transport must do.
///
/// Thread:  the thread that created it. Never blocks.
/// Errors:  each request gets exactly one answer, never from within request(): the other end's, Timeout at its
///          deadline, Closed where the link goes down or is down, Busy where kMaxQueued wait.
/// Order:   requests of one lane leave in the order in which they came; Priority before Bulk.
/// Limits:  at most rpc::kMaxInFlight requests unanswered, of which Bulk has at most a quarter.
class PlatformLink : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;

    /// Looks for the platform until it is there, and again whenever it goes; up() tells.
    virtual void open() = 0;
    virtual void close() = 0; ///< no down() follows
    [[nodiscard]] virtual bool isUp() const = 0;

    virtual void request(const QString& method, const QJsonObject& params, Reply reply,
        std::chrono::milliseconds deadline = kRequestDeadline, Lane lane = Lane::Priority) = 0;
    /// No answer comes. false: the link is down or full, and nothing was sent.
    [[nodiscard]] virtual bool notify(const QString& method, const QJsonObject& params) = 0;

    /// Answers the platform's requests and takes its notifications (whose Responder goes nowhere). Set before open().
    using Handler = std::function<void(const QString& method, const QJsonObject& params, Responder responder)>;
    virtual void setHandler(Handler handler) = 0;

Q_SIGNALS:
    void up(); ///< requests can be made; say hello
    void down(const QString& reason); ///< for a person; what was unanswered has been answered with Closed
};

} // namespace beacon::platform
