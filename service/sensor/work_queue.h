#pragma once

#include <QObject>
#include <QPointer>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace beacon {

/// Does what may take long (netlink, nft, namespaces) one job after another, in the order in which they came, in a
/// thread of its own.
///
/// Thread:  the thread that created it; jobs run in the other one and must not throw.
/// Errors:  a job's own: its result is handed over.
/// Owns:    the thread; destruction finishes the job that runs and drops those that wait, whose `done` is never called.
class WorkQueue final : public QObject {
public:
    explicit WorkQueue(QObject* parent = nullptr);
    ~WorkQueue() override;

    /// `done` is called from the event loop, unless `context` is gone by then.
    void run(QObject* context, std::function<void()> job, std::function<void()> done);

    template <class T> void ask(QObject* context, std::function<T()> job, std::function<void(const T&)> done)
    {
        auto answer = std::make_shared<std::optional<T>>();
        run(
            context, [job = std::move(job), answer] { answer->emplace(job()); },
            [done = std::move(done), answer] { done(**answer); });
    }

private:
    struct Job {
        std::function<void()> work;
        quint64 ticket = 0;
    };
    struct Waiting {
        QPointer<QObject> context;
        std::function<void()> done;
    };
    void loop(const std::stop_token& stop);
    void finish(quint64 ticket);

    std::deque<std::pair<quint64, Waiting>> m_waiting; ///< in the order of the jobs
    quint64 m_lastTicket = 0;
    std::mutex m_mutex; // guards m_jobs
    std::condition_variable_any m_wake;
    std::deque<Job> m_jobs;
    std::jthread m_thread;
};

} // namespace beacon
