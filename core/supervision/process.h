#pragma once

#include "core/base/user_ids.h"

#include <QByteArray>
#include <QObject>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace beacon {

/// What to run: an absolute path, never a shell.
struct Command {
    std::string program;
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment; ///< added to what the launcher lets through
    std::optional<UserIds> user{}; ///< nullopt: nobody else than we are
    bool netAdmin = false; ///< whether it may keep CAP_NET_ADMIN
    /// Whether its stdout is to be a terminal, where a C library prints each line at once that it would hold back for
    /// minutes in a pipe (stdio(3)). Slower; where there is no terminal to be had, a pipe all the same.
    bool terminal = false;

    bool operator==(const Command&) const = default;
};

enum class Stream : std::uint8_t { Out, Err };

/// How a process ended.
struct Exit {
    enum class How : std::uint8_t {
        Code, ///< `value` is its exit code
        Signal, ///< `value` is the signal that ended it
        Unrunnable, ///< its file cannot be executed: `value` is the errno; no use before the file changes
        NoSpawn, ///< could not be started for want of something that may come back: `value` is the errno or 0
        NoLauncher, ///< what starts it cannot be executed: `value` is the errno or 0
    };
    How how = How::Code;
    int value = 0;
};

/// Whether there was a process at all.
[[nodiscard]] constexpr bool ranAtAll(const Exit& exit)
{
    return exit.how == Exit::How::Code || exit.how == Exit::How::Signal;
}

/// How well a process is kept from outliving or harming its supervisor, as far as its launcher reached it.
struct Containment {
    std::string
        kind; ///< "pid_namespace", or "process_group", which one with a session of its own can leave; empty: not known
    std::optional<std::uint32_t> uid; ///< that it runs as
    std::string capabilities; ///< "none", or "net_raw,net_admin"

    bool operator==(const Containment&) const = default;
};

/// "exit code 1", "signal 9 (Killed)", "cannot be executed: No such file or directory"
[[nodiscard]] std::string describe(const Exit& exit);

/// One external process at a time, with both its pipes drained at once whatever anybody makes of the bytes.
///
/// Thread:  used only from the thread that created it. Never blocks.
/// Errors:  arrive by exited(), exactly once per start(), also where nothing was started.
/// Owns:    the process; destruction kills it.
class Process : public QObject {
    Q_OBJECT
public:
    /// Call only where nothing runs: at first, or after exited().
    virtual void start(const Command& command) = 0;
    /// To the process and all of its group; nothing where nothing runs. May be called at any time. What is left when
    /// the process has ended is killed without being asked.
    virtual void signalAll(int signal) = 0;
    [[nodiscard]] virtual std::int64_t pid() const = 0; ///< of the program; 0: nothing runs
    [[nodiscard]] virtual Containment containment() const { return {}; } ///< of what runs, or ran last

Q_SIGNALS:
    void started(qint64 pid); ///< the program itself is running, not only its launcher; precedes its output
    void output(beacon::Stream stream, const QByteArray& chunk);
    void exited(beacon::Exit exit);
};

} // namespace beacon
