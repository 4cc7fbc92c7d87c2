#include "core/instrument/worker.h"

#include <condition_variable>
#include <system_error>
#include <thread>

namespace beacon {

/// What the thread and its Worker share.
struct Worker::Run {
    std::mutex mutex;
    std::condition_variable ended;
    bool over = false;
    Worker* worker = nullptr; ///< null: nobody waits any more
    std::stop_source stop;
};

Worker::Worker(QObject* parent)
    : QObject(parent)
{
    for (QTimer* timer : {&m_deadline, &m_askToStop}) {
        timer->setSingleShot(true);
        timer->setTimerType(Qt::PreciseTimer);
    }
    connect(&m_deadline, &QTimer::timeout, this, &Worker::expire);
    connect(&m_askToStop, &QTimer::timeout, this, [this] {
        if (m_current)
            m_current->stop.request_stop();
    });
}

Worker::~Worker()
{
    if (!m_current)
        return;
    m_current->stop.request_stop();
    std::unique_lock lock{m_current->mutex};
    m_current->worker = nullptr;
    m_current->ended.wait_for(lock, std::chrono::seconds{1}, [this] { return m_current->over; });
}

void Worker::run(Job job, std::chrono::milliseconds deadline, platform::Reply reply)
{
    if (m_current) {
        QMetaObject::invokeMethod(
            this,
            [reply = std::move(reply)] {
                reply(rpc::RpcError{rpc::Code::Busy, QStringLiteral("the one before still runs; ask again later")});
            },
            Qt::QueuedConnection);
        return;
    }
    m_reply = std::move(reply);
    m_current = std::make_shared<Run>();
    m_current->worker = this;
    m_deadline.start(deadline);
    m_askToStop.start(deadline - deadline / 10);
    const auto work = [run = m_current, job = std::move(job)] {
        const platform::Answer answer = job(run->stop.get_token());
        const std::lock_guard lock{run->mutex};
        run->over = true;
        run->ended.notify_all();
        if (run->worker != nullptr) // alive as long as the mutex is held
            QMetaObject::invokeMethod(
                run->worker, [worker = run->worker, run, answer] { worker->finished(run, answer); },
                Qt::QueuedConnection);
    };
    try {
        std::thread(work).detach();
    } catch (const std::system_error& problem) { // the limit of threads
        const rpc::RpcError error{
            rpc::Code::Busy, QStringLiteral("no thread can be started: ") + QString::fromUtf8(problem.what())};
        QMetaObject::invokeMethod(
            this, [this, run = m_current, error] { finished(run, error); }, Qt::QueuedConnection);
    }
}

void Worker::finished(const std::shared_ptr<Run>& run, const platform::Answer& answer)
{
    if (run != m_current)
        return;
    m_current.reset();
    m_deadline.stop();
    m_askToStop.stop();
    if (const auto reply = std::exchange(m_reply, nullptr))
        reply(answer);
    else
        Q_EMIT returned();
}

void Worker::expire()
{
    m_current->stop.request_stop();
    const auto reply = std::exchange(m_reply, nullptr);
    Q_EMIT hangs();
    if (reply) // last: it may end us
        reply(rpc::RpcError{rpc::Code::Timeout, QStringLiteral("it took longer than it may")});
}

} // namespace beacon
