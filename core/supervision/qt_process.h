#pragma once

#include "core/base/unique_fd.h"
#include "core/supervision/process.h"

#include <QProcess>
#include <QSocketNotifier>

#include <memory>

namespace beacon {

/// A Process by QProcess and beacon-launch, which gives the program a session of its own, dies with us, and reports a
/// failed execve(2) as a decimal errno on a close-on-exec pipe: so a program's own exit code 127 is never mistaken for
/// it.
///
/// Thread:  as Process. PR_SET_PDEATHSIG is bound to the thread that calls start(): it must live as long as we do.
/// Limits:  holds at most what a pipe does (64 KiB a stream): every chunk is passed on when it is read.
/// Owns:    the process and its pipes; destruction sends SIGKILL to the group and waits for the reaping.
class QtProcess final : public Process {
    Q_OBJECT
public:
    explicit QtProcess(std::string launcher);
    ~QtProcess() override;

    void start(const Command& command) override;
    void signalAll(int signal) override;
    [[nodiscard]] std::int64_t pid() const override;

private:
    void drain();
    void onReport();
    void onFinished(int code, QProcess::ExitStatus status);
    void onError(QProcess::ProcessError error);
    void retire(Exit exit);

    std::string m_launcher;
    std::unique_ptr<QProcess> m_process;
    UniqueFd m_report; ///< our end of the launcher's report
    std::unique_ptr<QSocketNotifier> m_reportNotifier;
    std::int64_t m_pid = 0;
    int m_execErrno = 0;
    bool m_announced = false; ///< started() was emitted
};

/// Whether an execve(2) that failed with `sys` may succeed later although the file stays as it is.
[[nodiscard]] bool mayPass(int sys) noexcept;

} // namespace beacon
