#include "core/platform/request_queue.h"

#include "core/rpc/peer.h"

#include <algorithm>
#include <vector>

namespace beacon::platform {

namespace {

constexpr std::size_t kMostUnderWay = rpc::kMaxInFlight;
constexpr std::size_t kMostBulkUnderWay = kMostUnderWay / 4;

rpc::RpcError closed(const QString& why)
{
    return {rpc::Code::Closed,
        why.isEmpty() ? QStringLiteral("the platform is not connected")
                      : QStringLiteral("the platform went away: ") + why};
}

} // namespace

RequestQueue::RequestQueue(Send send, QObject* parent)
    : QObject(parent)
    , m_send(std::move(send))
{
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this, &RequestQueue::expire);
}

RequestQueue::~RequestQueue()
{
    setUp(false, QStringLiteral("this program ends"));
    refuseNow();
}

void RequestQueue::refuseLater(Reply reply, rpc::Code code, const QString& why)
{
    m_refused.emplace_back(std::move(reply), rpc::RpcError{code, why});
    QMetaObject::invokeMethod(this, &RequestQueue::refuseNow, Qt::QueuedConnection);
}

void RequestQueue::refuseNow()
{
    for (const auto& [reply, error] : std::exchange(m_refused, {}))
        reply(error);
}

void RequestQueue::add(
    const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline, Lane lane)
{
    if (!m_up) {
        refuseLater(std::move(reply), rpc::Code::Closed, closed({}).message);
        return;
    }
    if (m_priority.size() + m_bulk.size() >= kMaxQueued) {
        refuseLater(std::move(reply), rpc::Code::Busy,
            QStringLiteral("%1 requests wait for the platform already").arg(kMaxQueued));
        return;
    }
    waiting(lane).push_back({method, params, std::move(reply), lane, std::chrono::steady_clock::now() + deadline});
    pump();
    armDeadline();
}

void RequestQueue::pump()
{
    while (m_up && m_underWay.size() < kMostUnderWay) {
        const bool bulk = m_priority.empty();
        if (bulk && (m_bulk.empty() || m_bulkUnderWay >= kMostBulkUnderWay))
            return;
        auto& lane = bulk ? m_bulk : m_priority;
        Request request = std::move(lane.front());
        lane.pop_front();
        m_bulkUnderWay += bulk ? 1 : 0;
        const quint64 ticket = ++m_lastTicket;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(request.until - std::chrono::steady_clock::now());
        const QString method = request.method;
        const QJsonObject params = std::exchange(request.params, {});
        m_underWay.emplace(ticket, std::move(request));
        m_send(ticket, method, params, std::max(left, std::chrono::milliseconds{1}));
    }
}

void RequestQueue::settle(quint64 ticket, const Answer& answer)
{
    const auto at = m_underWay.find(ticket);
    if (at == m_underWay.end())
        return;
    const Request request = std::move(at->second);
    m_underWay.erase(at);
    m_bulkUnderWay -= request.lane == Lane::Bulk ? 1 : 0;
    pump();
    armDeadline();
    request.reply(answer);
}

void RequestQueue::setUp(bool up, const QString& why)
{
    m_up = up;
    if (up)
        return;
    m_deadline.stop();
    std::vector<Reply> replies;
    for (auto& [ticket, request] : m_underWay)
        replies.push_back(std::move(request.reply));
    for (auto* lane : {&m_priority, &m_bulk})
        for (Request& request : *lane)
            replies.push_back(std::move(request.reply));
    m_underWay.clear();
    m_priority.clear();
    m_bulk.clear();
    m_bulkUnderWay = 0;
    for (const Reply& reply : replies)
        reply(closed(why));
}

void RequestQueue::armDeadline()
{
    std::optional<std::chrono::steady_clock::time_point> next;
    const auto consider = [&next](const Request& request) {
        if (!next || request.until < *next)
            next = request.until;
    };
    for (const Request& request : m_priority)
        consider(request);
    for (const Request& request : m_bulk)
        consider(request);
    if (!next) {
        m_deadline.stop();
        return;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now());
    m_deadline.start(std::max(left, std::chrono::milliseconds{0}));
}

void RequestQueue::expire()
{
    const auto now = std::chrono::steady_clock::now();
    std::vector<Reply> late;
    for (auto* lane : {&m_priority, &m_bulk})
        std::erase_if(*lane, [&](Request& request) {
            if (request.until > now)
                return false;
            late.push_back(std::move(request.reply));
            return true;
        });
    armDeadline();
    for (const Reply& reply : late)
        reply(rpc::RpcError{rpc::Code::Timeout, QStringLiteral("the platform did not answer in time")});
}

} // namespace beacon::platform
