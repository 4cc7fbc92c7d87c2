#pragma once

#include "core/base/clock.h"
#include "core/supervision/alarm.h"
#include "core/supervision/backoff.h"
#include "core/supervision/file_identity.h"
#include "core/supervision/lifecycle.h"
#include "core/supervision/process.h"

#include <QObject>

#include <memory>
#include <optional>

namespace beacon {

/// Keeps one external process alive: a thin shell around kLifecycle.
///
/// Thread:  used only from the thread that created it. Never blocks.
/// Errors:  everything arrives by signal.
/// Units:   durations are std::chrono types; nothing takes a bare integer.
/// Owns:    the Process and the Alarm; destruction kills the process. Borrows the Clock, which must outlive it.
class Supervisor final : public QObject {
    Q_OBJECT
public:
    struct Policy {
        Backoff::Policy backoff;
        std::chrono::milliseconds stopGrace{5'000}; ///< between SIGTERM and SIGKILL
        std::chrono::milliseconds heldPoll{2'000}; ///< how often a file that could not be executed is looked at
    };

    Supervisor(std::unique_ptr<Process> process, std::unique_ptr<Alarm> alarm, const Clock& clock, const Policy& policy,
        QObject* parent = nullptr);

    void setCommand(Command command); ///< for the next start; what runs, runs on
    [[nodiscard]] const Command& command() const noexcept { return m_command; }

    void setStopGrace(std::chrono::milliseconds grace) { m_policy.stopGrace = grace; } ///< for the next stop

    void start();
    void stop();
    void restart();
    void signal(int number) { m_process->signalAll(number); } ///< one that means something to the program, and no end
    void noteReady(); ///< the process has shown a sign of life
    void noteStalled(); ///< the process was silent for too long

    [[nodiscard]] Life life() const noexcept { return m_life; }
    [[nodiscard]] std::int64_t pid() const { return m_process->pid(); }
    [[nodiscard]] Containment containment() const { return m_process->containment(); } ///< of what runs, or ran last
    [[nodiscard]] bool crashLoop(); ///< more deaths than allowed, and not healthy since
    [[nodiscard]] std::size_t recentDeaths() const noexcept { return m_backoff.recentDeaths(); }
    [[nodiscard]] std::chrono::milliseconds uptime() const; ///< since the first sign of life; 0: none yet
    [[nodiscard]] std::chrono::milliseconds backoff() const noexcept { return m_delay; } ///< of the current Waiting
    [[nodiscard]] std::optional<Exit> lastExit() const noexcept { return m_lastExit; }

Q_SIGNALS:
    void processStarted(qint64 pid);
    void output(beacon::Stream stream, const QByteArray& chunk);
    /// `uptime` counts from the spawn. Precedes the stateChanged that it causes.
    void processExited(beacon::Exit exit, std::chrono::milliseconds uptime);
    void stateChanged(beacon::Life now);

private:
    void handle(Input input);
    void perform(Action action);
    void watch();
    void onExited(Exit exit);

    std::unique_ptr<Process> m_process;
    std::unique_ptr<Alarm> m_alarm;
    const Clock& m_clock;
    Policy m_policy;
    Backoff m_backoff;
    Command m_command;
    Life m_life = Life::Stopped;
    MonotonicTime m_spawnedAt{};
    std::optional<MonotonicTime> m_readyAt;
    std::optional<FileIdentity> m_heldFile; ///< what could not be executed; empty: it was not there
    bool m_watching = false;
    bool m_stalled = false;
    std::chrono::milliseconds m_delay{0};
    std::optional<Exit> m_lastExit;
};

} // namespace beacon
