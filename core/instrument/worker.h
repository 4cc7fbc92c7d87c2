#pragma once

#include "core/platform/link.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

namespace beacon {

/// Runs what may take long in a thread of its own, one job at a time, with a deadline.
///
/// Thread:  the thread that created it; the job runs in another one.
/// Errors:  answered Timeout at the deadline, whether or not the job ever ends; until it does, the next job is answered
///          Busy. At nine tenths of the deadline the job is asked to stop, so that it can still tell how far it got.
///          A job must not throw. Destroyed before the answer, the reply is not called.
/// Owns:    the thread. Destroyed while a job hangs, it asks it to stop, waits a second and leaves it behind: what the
///          job touches must be its own or live as long as the process.
class Worker final : public QObject {
    Q_OBJECT
public:
    using Job = std::function<platform::Answer(std::stop_token stop)>;
    explicit Worker(QObject* parent = nullptr);
    ~Worker() override;

    /// `reply` is called once, from the event loop.
    void run(Job job, std::chrono::milliseconds deadline, platform::Reply reply);
    [[nodiscard]] bool isBusy() const noexcept { return m_current != nullptr; }
    [[nodiscard]] bool isHanging() const noexcept { return m_current != nullptr && !m_reply; }

Q_SIGNALS:
    void hangs(); ///< the deadline passed and the job still runs
    void returned(); ///< a job that had hung has ended after all
private:
    struct Run;
    void finished(const std::shared_ptr<Run>& run, const platform::Answer& answer);
    void expire();

    std::shared_ptr<Run> m_current;
    platform::Reply m_reply;
    QTimer m_deadline, m_askToStop;
};

} // namespace beacon
