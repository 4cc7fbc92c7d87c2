#pragma once

#include "service/home/records.h"

#include <QObject>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace beacon {

/// Writes observations and findings in a thread of its own, so that a locked, full or damaged database never keeps an
/// alert waiting; and reads the keys of newly issued identities.
///
/// Thread:  add() from any thread; signals come from the recorder's thread (connect them queued).
/// Bounds:  kMaxQueued observations; then the oldest are dropped and counted. Findings are kept by id.
/// Errors:  failed() once per trouble, recovered() when it is over; nothing is lost meanwhile but what the bound drops.
class Recorder final : public QObject {
    Q_OBJECT
public:
    static constexpr std::size_t kMaxQueued = 100'000;
    static constexpr std::chrono::seconds kKeysEvery{1};
    static constexpr std::chrono::seconds kRetry{1};

    explicit Recorder(std::string path);
    /// Tries once more to write what is queued.
    ~Recorder() override;

    void start();
    void add(Observation observation);
    void add(const Finding& finding);

Q_SIGNALS:
    void keysRead(const std::vector<beacon::KeyEntry>& keys);
    void failed(const QString& why);
    void recovered(quint64 dropped);

private:
    void run();
    Result<> work();
    Result<> ensureOpen();

    std::string m_path;
    std::unique_ptr<Records> m_records; ///< the thread's own
    std::vector<std::uint32_t> m_keyIds; ///< the thread's own: those that were told
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Observation> m_observations;
    std::map<std::string, Finding> m_findings;
    quint64 m_dropped = 0;
    bool m_stopping = false;
    std::thread m_thread;
};

} // namespace beacon
