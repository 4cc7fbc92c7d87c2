#include "service/sensor/work_queue.h"

#include <algorithm>

namespace beacon {

WorkQueue::WorkQueue(QObject* parent)
    : QObject(parent)
    , m_thread([this](const std::stop_token& stop) { loop(stop); })
{
}

WorkQueue::~WorkQueue()
{
    m_thread.request_stop();
    m_thread.join();
}

void WorkQueue::run(QObject* context, std::function<void()> job, std::function<void()> done)
{
    const quint64 ticket = ++m_lastTicket;
    m_waiting.emplace_back(ticket, Waiting{context, std::move(done)});
    {
        const std::lock_guard lock{m_mutex};
        m_jobs.push_back({std::move(job), ticket});
    }
    m_wake.notify_one();
}

void WorkQueue::loop(const std::stop_token& stop)
{
    while (true) {
        Job job;
        {
            std::unique_lock lock{m_mutex};
            if (!m_wake.wait(lock, stop, [this] { return !m_jobs.empty(); }))
                return;
            if (stop.stop_requested())
                return;
            job = std::move(m_jobs.front());
            m_jobs.pop_front();
        }
        job.work();
        job.work = nullptr; // what it holds ends in the thread that used it
        QMetaObject::invokeMethod(
            this, [this, ticket = job.ticket] { finish(ticket); }, Qt::QueuedConnection);
    }
}

void WorkQueue::finish(quint64 ticket)
{
    const auto at =
        std::find_if(m_waiting.begin(), m_waiting.end(), [&](const auto& waiting) { return waiting.first == ticket; });
    if (at == m_waiting.end())
        return;
    const Waiting waiting = std::move(at->second);
    m_waiting.erase(at);
    if (waiting.context)
        waiting.done();
}

} // namespace beacon
