#pragma once

#include "core/base/unique_fd.h"
#include "core/supervision/process.h"

#include <QProcess>
#include <QSocketNotifier>

#include <memory>
#include <optional>
#include <string_view>

namespace beacon {

/// A Process by QProcess and a launcher (core/launch/launcher.h: beacon-launch, sensor-room), which contains the
/// program, dies with us, and tells on a close-on-exec pipe what it reached, or why the program could not be executed:
/// so a program's own exit code 127 is never mistaken for that.
///
/// Thread:  as Process. PR_SET_PDEATHSIG is bound to the thread that calls start(): it must live as long as we do.
/// Limits:  the program's output waits in its pipes only (kPipeBytes each); a chunk is at most kChunkBytes, and valid
///          during the signal only. A flood leaves the event loop its turn.
/// Owns:    the process and its pipes; destruction kills all of it.
class QtProcess final : public Process {
    Q_OBJECT
public:
    static constexpr int kPipeBytes = 256 * 1024;
    static constexpr std::size_t kChunkBytes = 64 * 1024;

    /// `launcherOptions` stand before our own on the launcher's command line.
    explicit QtProcess(std::string launcher, std::vector<std::string> launcherOptions = {});
    ~QtProcess() override;

    void start(const Command& command) override;
    void signalAll(int signal) override;
    [[nodiscard]] std::int64_t pid() const override { return m_pid; }
    [[nodiscard]] Containment containment() const override { return m_containment; }
    /// From the next start() on.
    void setLauncherOptions(std::vector<std::string> options) { m_launcherOptions = std::move(options); }

private:
    /// A pipe from the program to us.
    struct Channel {
        UniqueFd fd;
        std::unique_ptr<QSocketNotifier> notifier;
    };

    [[nodiscard]] bool openPipe(Channel& channel, UniqueFd& theirEnd, void (QtProcess::*onReadable)());
    [[nodiscard]] bool openTerminal(Channel& channel, UniqueFd& theirEnd, void (QtProcess::*onReadable)());
    void listenTo(Channel& channel, int fd, void (QtProcess::*onReadable)());
    void readOutput() { drain(Stream::Out, kChunksPerTurn); }
    void readErrors() { drain(Stream::Err, kChunksPerTurn); }
    void readReport();
    void takeReport(std::string_view text);
    void drain(Stream stream, int mostChunks);
    /// Reads and passes on one chunk; its size, and 0 where there is none now.
    std::size_t readChunk(Stream stream);
    void drainWhatIsLeft();
    void onFinished(int code, QProcess::ExitStatus status);
    void onError(QProcess::ProcessError error);
    void retireSoon(Exit exit);
    void retire(Exit exit);

    static constexpr int kChunksPerTurn = 4;

    std::string m_launcher;
    std::vector<std::string> m_launcherOptions;
    std::unique_ptr<QProcess> m_process;
    Channel m_out, m_err, m_report;
    std::string m_reported; ///< a last line without its end; bounded by the pipe's own 64 KiB
    std::unique_ptr<char[]> m_buffer; ///< kChunkBytes
    std::int64_t m_launcherPid = 0;
    std::int64_t m_pid = 0;
    Containment m_containment;
    int m_execErrno = 0;
    std::optional<int> m_failure; ///< errno of a launcher that got no further; 0: not known
    bool m_announced = false; ///< started() was emitted
    bool m_killed = false; ///< SIGKILL was sent once
};

/// Whether an execve(2) that failed with `sys` may succeed later although the file stays as it is.
[[nodiscard]] bool mayPass(int sys) noexcept;

} // namespace beacon
