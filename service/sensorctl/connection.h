#pragma once

#include "core/base/unique_fd.h"
#include "service/sensorctl/failure.h"

#include <QByteArray>

#include <chrono>
#include <deque>
#include <functional>
#include <map>

#include <csignal>

namespace beacon::sensorctl {

using Deadline = std::chrono::steady_clock::time_point;

/// The asking end of a control connection, with the frames of core/rpc/message.h. It blocks, which rpc::Peer never
/// does: a command has nothing else to do than to wait, and must tell a Sensor that is gone from one that talks
/// nonsense, which a Peer's Code::Closed does not.
///
/// Thread:  one.
/// Errors:  69 nobody answers, 76 no JSON-RPC, 77 not allowed; after one of them the connection is of no more use.
/// Memory:  a frame (1 MiB), answers that were not fetched yet, and 1,024 notifications.
class Connection {
public:
    [[nodiscard]] static Outcome<Connection> open(const QString& path, Deadline deadline);

    /// Sends; the answer is fetched by the id that comes back.
    [[nodiscard]] Outcome<qint64> ask(QLatin1StringView method, const QJsonObject& params, Deadline deadline);
    [[nodiscard]] Outcome<QJsonValue> answerTo(qint64 id, Deadline deadline);

    /// Waits for the next notification. nullopt: `interrupted`, or nobody reads `watched` (a descriptor, or -1) any
    /// more.
    [[nodiscard]] Outcome<std::optional<rpc::Notification>> notification(
        const sigset_t& whileWaiting, const std::function<bool()>& interrupted, int watched);

private:
    explicit Connection(UniqueFd socket);
    [[nodiscard]] std::optional<Failure> send(const QByteArray& frame, Deadline deadline);
    [[nodiscard]] std::optional<Failure> read(); ///< what is there
    [[nodiscard]] std::optional<Failure> sort(); ///< whole frames into answers and notifications
    void take(const rpc::Message& message);

    UniqueFd m_socket;
    rpc::FrameReader m_frames;
    std::map<qint64, rpc::Response> m_answers;
    std::deque<rpc::Notification> m_notifications;
    QString m_lastWords; ///< why the other end is about to close
    std::optional<rpc::RpcError> m_turnedAway;
    qint64 m_asked = 0;
};

} // namespace beacon::sensorctl
