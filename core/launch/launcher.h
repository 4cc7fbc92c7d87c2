#pragma once

#include "core/launch/containment.h"
#include "core/launch/launch_order.h"

#include <functional>

/// What a launcher does around its own work: a program that starts one other, which holds nothing of whoever started
/// the launcher, and of which nothing survives.
///
/// Three processes: the launcher, which waits; the init of a PID namespace, which only reaps; and the program in that
/// namespace. When the program ends, its namespace is killed, and then the launcher ends as the program did: with its
/// exit code, or of its signal. When the launcher or its parent dies, the namespace dies with it.
///
/// The report is lines of `key value`, and ends when the program is executed:
///
///     containment pid_namespace | process_group
///     pid N              of the program, in the parent's PID namespace
///     uid N              that it runs as
///     capabilities LIST  that it has
///     errno N            it could not be executed, and this is why
///     failed N           it was not even tried, for want of something that is not its file's fault: an errno, or 0
///
/// So an execve(2) that fails is told apart from a program that exits. Besides, one sentence goes to stderr then, and
/// the exit code is 127 where the program is not there, else 126; 71 where it was not tried; 69 where the parent is
/// gone.
///
/// Thread:  single-threaded processes only.
namespace beacon {

/// A session of its own without a terminal, default signals, no input, nothing inherited over execve(2) but the
/// streams; the working directory is /. Ends the process where its parent is gone, and with it later.
void detachFromStarter(const LaunchOrder& order);

void report(const LaunchOrder& order, const std::string& key, const std::string& value);

/// Before the program is tried: no fault of its file.
[[noreturn]] void failed(const LaunchOrder& order, const Error& error);
[[noreturn]] void execFailed(const LaunchOrder& order, int sys);

/// Whom a program runs as, as the report has it.
struct Standing {
    uid_t uid = 0;
    std::string capabilities;
};

/// Runs order.command in `containment`, which is open, and ends the process as the program did. `become` is called in
/// the program's process before it is executed, and takes from it what it must not have.
[[noreturn]] void runContained(
    const LaunchOrder& order, Containment& containment, const std::function<Result<Standing>()>& become);

} // namespace beacon
