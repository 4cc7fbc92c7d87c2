#pragma once

#include "core/platform/link.h"

#include <QJsonObject>
#include <QObject>
#include <QTimer>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace beacon::platform {

/// The half that all transports share: two lanes of requests, what is under way, and the deadline of each.
///
/// Thread:  one thread.
class RequestQueue final : public QObject {
    Q_OBJECT
public:
    /// Sends one request; its answer comes back through settle(), and at `deadline` Timeout does: the transport keeps
    /// that time, so that a slot is free here only when it is free there.
    using Send = std::function<void(
        quint64 ticket, const QString& method, const QJsonObject& params, std::chrono::milliseconds deadline)>;
    explicit RequestQueue(Send send, QObject* parent = nullptr);
    ~RequestQueue() override; ///< answers what is left with Closed

    void add(
        const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline, Lane lane);
    /// The answer to what was sent as `ticket`; an unknown one is late and passed over.
    void settle(quint64 ticket, const Answer& answer);
    void setUp(bool up, const QString& why = {}); ///< down: answers all with Closed

private:
    struct Request {
        QString method;
        QJsonObject params;
        Reply reply;
        Lane lane = Lane::Priority;
        std::chrono::steady_clock::time_point until;
    };
    void pump();
    void expire();
    void armDeadline();
    void refuseLater(Reply reply, rpc::Code code, const QString& why);
    void refuseNow();
    [[nodiscard]] std::deque<Request>& waiting(Lane lane) { return lane == Lane::Priority ? m_priority : m_bulk; }

    Send m_send;
    bool m_up = false;
    quint64 m_lastTicket = 0;
    std::deque<Request> m_priority, m_bulk;
    std::map<quint64, Request> m_underWay;
    std::size_t m_bulkUnderWay = 0;
    std::vector<std::pair<Reply, rpc::RpcError>> m_refused; ///< told at the event loop's next turn
    QTimer m_deadline;
};

} // namespace beacon::platform
