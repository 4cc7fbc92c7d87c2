#include "core/launch/launcher.h"

#include "core/launch/capabilities.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kExitNotExecutable = 126; // as shells have it: POSIX, Shell Command Language 2.8.2
constexpr int kExitNotFound = 127;

/// What a launcher passes on to its program, or waits for: blocked in all of its processes.
constexpr int kAwaited[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

[[noreturn]] void fail(const LaunchOrder& order, const Error& error)
{
    std::fprintf(stderr, "%s: %s\n", order.launcher, describe(error).c_str());
    ::_exit(EX_OSERR);
}

sigset_t awaited()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kAwaited)
        sigaddset(&set, signal);
    return set;
}

void resetSignals()
{
    for (int signal = 1; signal < NSIG; ++signal)
        ::signal(signal, SIG_DFL); // SIGKILL, SIGSTOP and the C library's own refuse, as they may
}

bool redirect(int fd, int flags)
{
    const int null = ::open("/dev/null", flags);
    if (null < 0 || (null != fd && ::dup2(null, fd) < 0))
        return false;
    if (null > STDERR_FILENO)
        ::close(null);
    return true;
}

std::vector<std::string> cleanEnvironment(const std::vector<const char*>& names)
{
    std::vector<std::string> kept;
    for (const char* name : names)
        if (const char* value = std::getenv(name))
            kept.push_back(std::string{name} + '=' + value);
    if (std::getenv("PATH") == nullptr)
        kept.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    return kept;
}

std::vector<char*> pointersTo(std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (std::string& string : strings)
        pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// Bounds of what a program gone wild can take from its host. Memory is the container's to limit: a bound of address
/// space would keep whole families of programs from starting.
void setLimits(rlim_t processes)
{
    const auto limit = [](auto resource, rlim_t most) {
        rlimit now{};
        if (::getrlimit(resource, &now) != 0)
            return;
        now.rlim_max = std::min(now.rlim_max, most);
        now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
        ::setrlimit(resource, &now);
    };
    constexpr rlim_t kDescriptors = 4'096;
    limit(RLIMIT_CORE, 0); // a core would hold the key
    limit(RLIMIT_NOFILE, kDescriptors);
    limit(RLIMIT_NPROC, processes);
}

[[noreturn]] void becomeProgram(
    const LaunchOrder& order, Containment& containment, pid_t launcher, const std::function<Result<Standing>()>& become)
{
    containment.enter();
    ::setsid(); // a group of its own, which one signal reaches
    const auto became = become();
    if (!became)
        failed(order, became.error());
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // after the change of user, which clears it
    const pid_t parent = ::getppid(); // 0: it is outside this PID namespace, whose init watches it
    if (parent != 0 && parent != launcher)
        ::_exit(EX_UNAVAILABLE);
    report(order, "uid", std::to_string(became->uid));
    report(order, "capabilities", became->capabilities);
    setLimits(order.processes);
    ::umask(077);
    resetSignals();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    std::vector<std::string> command = order.command;
    std::vector<std::string> environment = cleanEnvironment(order.environment);
    ::execve(command[0].c_str(), pointersTo(command).data(), pointersTo(environment).data());
    execFailed(order, errno);
}

/// Passes signals on until `program` has ended; its wait status. `whom` is all that is reaped meanwhile, as waitpid(2)
/// has it.
int await(pid_t program, pid_t whom)
{
    const sigset_t signals = awaited();
    while (true) {
        siginfo_t info{};
        if (::sigwaitinfo(&signals, &info) < 0)
            continue; // EINTR: a SIGCONT
        if (info.si_signo != SIGCHLD) {
            if (::kill(-program, info.si_signo) != 0)
                ::kill(program, info.si_signo); // it has not made its group yet
            continue;
        }
        int status = 0;
        while (const pid_t ended = ::waitpid(whom, &status, WNOHANG)) {
            if (ended == program)
                return status;
            if (ended < 0)
                break;
        }
    }
}

[[noreturn]] void endLike(int status)
{
    if (WIFEXITED(status))
        ::_exit(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::raise(signal);
    constexpr int kSignalBase = 128;
    ::_exit(kSignalBase + signal);
}

} // namespace

void report(const LaunchOrder& order, const std::string& key, const std::string& value)
{
    const std::string line = key + ' ' + value + '\n';
    if (order.report >= 0) [[maybe_unused]]
        const auto written = ::write(order.report, line.data(), line.size());
}

void failed(const LaunchOrder& order, const Error& error)
{
    report(order, "failed", std::to_string(error.sys));
    fail(order, error);
}

void execFailed(const LaunchOrder& order, int sys)
{
    report(order, "errno", std::to_string(sys));
    std::fprintf(stderr, "%s: cannot execute %s: %s\n", order.launcher, order.command[0].c_str(), std::strerror(sys));
    ::_exit(sys == ENOENT || sys == ENOTDIR ? kExitNotFound : kExitNotExecutable);
}

void detachFromStarter(const LaunchOrder& order)
{
    const pid_t parent = order.parent != 0 ? order.parent : ::getppid();
    if (::setsid() < 0 && ::getpgrp() != ::getpid()) // EPERM: leads a group already, which serves as well
        fail(order, systemError("setsid"));
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        fail(order, systemError("prctl PR_SET_PDEATHSIG"));
    if (::getppid() != parent) { // it died before prctl
        std::fprintf(stderr, "%s: whoever started this is gone, so nothing is started\n", order.launcher);
        ::_exit(EX_UNAVAILABLE);
    }
    resetSignals();
    const sigset_t signals = awaited();
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    if (!redirect(STDIN_FILENO, O_RDONLY))
        fail(order, systemError("open /dev/null"));
    // close_range(2) has no wrapper in older C libraries. Closing instead would hide a failed execve from the report.
    if (::syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        fail(order, systemError("close_range"));
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // it ends of its program's signal, and has no core to give
    if (::chdir("/") != 0)
        fail(order, systemError("chdir /"));
}

void runContained(const LaunchOrder& order, Containment& containment, const std::function<Result<Standing>()>& become)
{
    const bool isNamespace = containment.kind() == Containment::Kind::PidNamespace;
    report(order, "containment", isNamespace ? "pid_namespace" : "process_group");
    const pid_t self = ::getpid();
    const pid_t program = ::fork();
    if (program < 0)
        failed(order, systemError("start a process"));
    if (program == 0)
        becomeProgram(order, containment, self, become);
    report(order, "pid", std::to_string(program));
    if (order.report >= 0)
        ::close(order.report);
    redirect(STDOUT_FILENO, O_WRONLY); // when the program closes its own, that is seen
    keepOnlyKill();
    ::prctl(PR_SET_DUMPABLE, 0); // the program may be of the same user
    // The namespace's init is reaped when it is closed: until then its pid is nobody else's.
    constexpr pid_t kAnyone = -1;
    const int status = await(program, isNamespace ? program : kAnyone);
    containment.close();
    endLike(status);
}

} // namespace beacon
