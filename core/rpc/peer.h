#pragma once

#include "core/rpc/message.h"

#include <QLocalSocket>
#include <QObject>
#include <QPointer>
#include <QTimer>

#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

namespace beacon::rpc {

inline constexpr int kMaxInFlight = 32; ///< requests, each way
inline constexpr qint64 kMaxPendingBytes = 256 * 1024; ///< unsent, before notify() says no
inline constexpr std::chrono::milliseconds kDeadline{5000}; ///< unless told otherwise

/// Who is at the other end: SO_PEERCRED and SO_PEERGROUPS (unix(7), socket(7)) as they were when it connected.
/// Across a user namespace uid and gid may read 65534.
struct Credentials {
    pid_t pid = 0;
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    std::vector<gid_t> groups; ///< the supplementary ones

    [[nodiscard]] bool isInGroup(gid_t group) const noexcept;
};
[[nodiscard]] Credentials credentialsOf(int socket);

class Peer;

/// The duty to answer one request. Answering twice does nothing; dropped unanswered it answers for itself with an
/// error, and so it does at its deadline: a request gets an answer or an error, never silence.
class Responder {
public:
    Responder(Peer* peer, quint64 ticket);
    Responder(Responder&& other) noexcept;
    Responder& operator=(Responder&& other) noexcept;
    ~Responder();

    void answer(const QJsonValue& result);
    void fail(Code code, const QString& message, const QJsonValue& data = QJsonValue::Undefined);

private:
    void finish(std::variant<QJsonValue, RpcError> answer);
    QPointer<Peer> m_peer;
    quint64 m_ticket = 0;
};

/// One end of a JSON-RPC 2.0 connection over a local socket; both ends may ask.
///
/// Thread:  the thread that created it. Never blocks.
/// Errors:  a malformed or oversized frame is answered with the JSON-RPC error and the connection is closed. Whatever
///          was asked when a connection ends is answered with Code::Closed.
/// Memory:  at most a frame in, kMaxPendingBytes of notifications and 32 answers out: while more is unsent, no
///          further frame is read.
/// Owns:    the socket.
class Peer final : public QObject {
    Q_OBJECT
public:
    /// `socket` is connected.
    explicit Peer(std::unique_ptr<QLocalSocket> socket, QObject* parent = nullptr);
    ~Peer() override;

    using Reply = std::function<void(const std::variant<QJsonValue, RpcError>& answer)>;
    /// `reply` is called exactly once, never from within call(), also when the peer is closed or destroyed.
    void call(
        const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline = kDeadline);

    /// The same with the text of a JSON object.
    void callText(const QByteArray& method, const QByteArray& params, Reply reply,
        std::chrono::milliseconds deadline = kDeadline);

    /// false: the other end is too slow or gone, nothing was sent, and the caller counts what it misses.
    [[nodiscard]] bool notify(const QString& method, const QJsonObject& params);
    /// The same with the text of a JSON object.
    [[nodiscard]] bool notifyText(const QByteArray& method, const QByteArray& params);
    /// Whether notify() would take something now. After a no, drained() tells when to try again.
    [[nodiscard]] bool canTake() const;
    [[nodiscard]] qint64 pendingBytes() const;

    using Handler = std::function<void(const QString& method, const QJsonObject& params, Responder responder)>;
    /// Answers the other end's requests; without one they get MethodNotFound. Unanswered after `deadline`: Timeout.
    void setHandler(Handler handler, std::chrono::milliseconds deadline = kDeadline);

    /// Sends what is pending, for at most a second, then closes.
    void close();
    [[nodiscard]] bool isOpen() const;
    [[nodiscard]] const Credentials& credentials() const noexcept { return m_credentials; }

Q_SIGNALS:
    void notified(const QString& method, const QJsonObject& params);
    void drained(); ///< canTake() has become true again, with little left unsent
    void closed(const QString& reason); ///< once; for a person; empty where either end just closed
private:
    friend class Responder;
    struct Asked {
        Reply reply;
        std::unique_ptr<QTimer> deadline;
    };
    struct Answering {
        QJsonValue id;
        std::unique_ptr<QTimer> deadline;
    };
    void read();
    void take(const Message& message);
    void serve(const Request& request);
    void settle(const Response& response);
    void ask(const std::function<QByteArray(qint64 id)>& frameOf, Reply reply, std::chrono::milliseconds deadline);
    void finish(quint64 ticket, std::variant<QJsonValue, RpcError> answer);
    void send(const QByteArray& frame);
    void refuse(const RpcError& error);
    void onBytesWritten();
    void onDisconnected();

    std::unique_ptr<QLocalSocket> m_socket;
    Credentials m_credentials;
    FrameReader m_frames;
    Handler m_handler;
    std::chrono::milliseconds m_answerWithin = kDeadline;
    std::unordered_map<qint64, Asked> m_asked;
    std::unordered_map<quint64, Answering> m_answering;
    QTimer m_lastWords;
    QString m_reason;
    qint64 m_nextId = 0;
    quint64 m_nextTicket = 0;
    bool m_full = false;
    bool m_closing = false;
    bool m_closedSaid = false;
    bool m_reading = false;
};

} // namespace beacon::rpc
