#include "core/platform/in_process_link.h"

namespace beacon::platform {

InProcessLink::InProcessLink()
    : m_queue(
        [this](quint64 ticket, const QString& method, const QJsonObject& params, std::chrono::milliseconds deadline) {
            send(ticket, method, params);
            QTimer::singleShot(deadline, &m_queue, [this, ticket] {
                m_queue.settle(
                    ticket, rpc::RpcError{rpc::Code::Timeout, QStringLiteral("the platform did not answer in time")});
            });
        })
{
}

InProcessLink::Pair InProcessLink::makePair()
{
    Pair pair{new InProcessLink, new InProcessLink};
    pair.first->m_other = pair.second.get();
    pair.second->m_other = pair.first.get();
    return pair;
}

InProcessLink::~InProcessLink()
{
    close();
}

void InProcessLink::open()
{
    m_open = true;
    meet();
}

void InProcessLink::close()
{
    m_open = false;
    if (m_up) {
        m_up = false;
        ++m_session;
        m_queue.setUp(false, QStringLiteral("closed here"));
    }
    if (m_other)
        m_other->part(QStringLiteral("it closed the connection"));
}

void InProcessLink::cut()
{
    m_cut = true;
    part(QStringLiteral("the connection was cut"));
    if (m_other)
        m_other->part(QStringLiteral("the connection was cut"));
}

void InProcessLink::restore()
{
    m_cut = false;
    meet();
}

void InProcessLink::meet()
{
    if (!m_other || !m_open || !m_other->m_open || m_cut || m_other->m_cut)
        return;
    for (InProcessLink* end : {this, m_other.data()})
        QMetaObject::invokeMethod(
            end, [end] { end->setUp(true); }, Qt::QueuedConnection);
}

void InProcessLink::part(const QString& why)
{
    QMetaObject::invokeMethod(
        this, [this, why] { setUp(false, why); }, Qt::QueuedConnection);
}

void InProcessLink::setUp(bool isUp, const QString& why)
{
    if (isUp && (!m_other || !m_open || !m_other->m_open || m_cut || m_other->m_cut))
        return; // cut again meanwhile
    if (m_up == isUp)
        return;
    m_up = isUp;
    ++m_session;
    m_queue.setUp(isUp, why);
    if (isUp)
        Q_EMIT up();
    else
        Q_EMIT down(why);
}

void InProcessLink::request(
    const QString& method, const QJsonObject& params, Reply reply, std::chrono::milliseconds deadline, Lane lane)
{
    m_queue.add(method, params, std::move(reply), deadline, lane);
}

void InProcessLink::send(quint64 ticket, const QString& method, const QJsonObject& params)
{
    const quint64 session = m_session;
    QMetaObject::invokeMethod(
        m_other,
        [this, self = QPointer{this}, other = m_other.data(), session, ticket, method, params] {
            if (!other->m_handler) {
                if (self)
                    m_queue.settle(
                        ticket, rpc::RpcError{rpc::Code::MethodNotFound, QStringLiteral("nothing is served here")});
                return;
            }
            other->m_handler(method, params, Responder{[this, self, session, ticket](const Answer& answer) {
                if (!self)
                    return;
                QMetaObject::invokeMethod(
                    this,
                    [this, session, ticket, answer] {
                        if (session == m_session)
                            m_queue.settle(ticket, answer);
                    },
                    Qt::QueuedConnection);
            }});
        },
        Qt::QueuedConnection);
}

bool InProcessLink::notify(const QString& method, const QJsonObject& params)
{
    if (!m_up || !m_other)
        return false;
    QMetaObject::invokeMethod(
        m_other,
        [other = m_other.data(), method, params] {
            if (other->m_handler)
                other->m_handler(method, params, Responder{[](const Answer&) {}});
        },
        Qt::QueuedConnection);
    return true;
}

} // namespace beacon::platform
