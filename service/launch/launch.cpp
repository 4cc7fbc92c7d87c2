#include "service/launch/launch.h"

#include "service/launch/containment.h"
#include "service/launch/privileges.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string_view>
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

/// What beacon-launch passes on to the Beacon, or waits for: blocked in all of its processes.
constexpr int kAwaited[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

constexpr const char* kUsage = "usage: beacon-launch [--parent PID] [--report FD] [--user UID:GID] [--net-admin] "
                               "-- BINARY ARG...";

[[noreturn]] void fail(const std::string& what)
{
    std::fprintf(stderr, "beacon-launch: %s\n", what.c_str());
    ::_exit(EX_OSERR);
}

[[noreturn]] void fail(const Error& error)
{
    fail(describe(error));
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

std::vector<std::string> cleanEnvironment()
{
    std::vector<std::string> kept;
    for (const char* name : {"PATH", "LANG", "TZ", "BEACON_CONFIG"})
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

void report(const LaunchRequest& request, const std::string& key, const std::string& value)
{
    const std::string line = key + ' ' + value + '\n';
    if (request.report >= 0) [[maybe_unused]]
        const auto written = ::write(request.report, line.data(), line.size());
}

[[noreturn]] void execFailed(const LaunchRequest& request, int sys)
{
    report(request, "errno", std::to_string(sys));
    std::fprintf(stderr, "beacon-launch: cannot execute %s: %s\n", request.command[0].c_str(), std::strerror(sys));
    ::_exit(sys == ENOENT || sys == ENOTDIR ? kExitNotFound : kExitNotExecutable);
}

/// Bounds of what a Beacon gone wild can take from its host. Memory is the container's to limit: a bound of address
/// space would keep whole families of programs from starting.
void setLimits()
{
    const auto limit = [](auto resource, rlim_t most) {
        rlimit now{};
        if (::getrlimit(resource, &now) != 0)
            return;
        now.rlim_max = std::min(now.rlim_max, most);
        now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
        ::setrlimit(resource, &now);
    };
    constexpr rlim_t kDescriptors = 4'096, kProcesses = 1'024;
    limit(RLIMIT_CORE, 0); // a core would hold the key
    limit(RLIMIT_NOFILE, kDescriptors);
    limit(RLIMIT_NPROC, kProcesses);
}

/// Before BINARY is tried: no fault of its file.
[[noreturn]] void failed(const LaunchRequest& request, const Error& error)
{
    report(request, "failed", std::to_string(error.sys));
    fail(error);
}

[[noreturn]] void becomeBeacon(const LaunchRequest& request, Containment& containment, pid_t launcher)
{
    containment.enter();
    ::setsid(); // a group of its own, which one signal reaches
    if (auto dropped = becomeUnprivileged(request); !dropped)
        failed(request, dropped.error());
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // after the change of user, which clears it
    const pid_t parent = ::getppid(); // 0: it is outside this PID namespace, whose init watches it
    if (parent != 0 && parent != launcher)
        ::_exit(EX_UNAVAILABLE);
    report(request, "uid", std::to_string(::getuid()));
    report(request, "capabilities", capabilitiesNow());
    setLimits();
    ::umask(077);
    resetSignals();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    std::vector<std::string> command = request.command;
    std::vector<std::string> environment = cleanEnvironment();
    ::execve(command[0].c_str(), pointersTo(command).data(), pointersTo(environment).data());
    execFailed(request, errno);
}

/// Without CAP_SYS_PTRACE nobody reads the environment of another user's processes, but that user itself does.
void sweepLeftoversOf(LaunchRequest request)
{
    sweepLeftovers();
    if (!request.user)
        return;
    request.netAdmin = true; // nor of processes that can more than whoever reads
    const pid_t sweeper = ::fork();
    if (sweeper == 0) {
        if (becomeUnprivileged(request))
            sweepLeftovers();
        ::_exit(0);
    }
    while (sweeper > 0 && ::waitpid(sweeper, nullptr, 0) < 0 && errno == EINTR)
        ;
}

/// Passes signals on until `beacon` has ended; its wait status. `whom` is all that is reaped meanwhile, as waitpid(2)
/// has it.
int await(pid_t beacon, pid_t whom)
{
    const sigset_t signals = awaited();
    while (true) {
        siginfo_t info{};
        if (::sigwaitinfo(&signals, &info) < 0)
            continue; // EINTR: a SIGCONT
        if (info.si_signo != SIGCHLD) {
            if (::kill(-beacon, info.si_signo) != 0)
                ::kill(beacon, info.si_signo); // it has not made its group yet
            continue;
        }
        int status = 0;
        while (const pid_t ended = ::waitpid(whom, &status, WNOHANG)) {
            if (ended == beacon)
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

void detachFromStarter(const LaunchRequest& request)
{
    const pid_t parent = request.parent != 0 ? request.parent : ::getppid();
    if (::setsid() < 0 && ::getpgrp() != ::getpid()) // EPERM: leads a group already, which serves as well
        fail(systemError("setsid"));
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        fail(systemError("prctl PR_SET_PDEATHSIG"));
    if (::getppid() != parent) { // it died before prctl
        std::fputs("beacon-launch: whoever started this is gone, so nothing is started\n", stderr);
        ::_exit(EX_UNAVAILABLE);
    }
    resetSignals();
    const sigset_t signals = awaited();
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    if (!redirect(STDIN_FILENO, O_RDONLY))
        fail(systemError("open /dev/null"));
    // close_range(2) has no wrapper in older C libraries. Closing instead would hide a failed execve from the report.
    if (::syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        fail(systemError("close_range"));
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // it ends of the Beacon's signal, and has no core to give
    if (::chdir("/") != 0)
        fail(systemError("chdir /"));
}

template <class Number> std::optional<Number> numberIn(std::string_view text)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional{value} : std::nullopt;
}

std::optional<UserIds> userIn(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto uid = numberIn<uid_t>(text.substr(0, colon));
    const auto gid = numberIn<gid_t>(text.substr(colon + 1));
    constexpr auto kNobody = static_cast<uid_t>(-1); // "leave it as it is", setresuid(2)
    return uid && gid && *uid != kNobody && *gid != kNobody ? std::optional{UserIds{*uid, *gid}} : std::nullopt;
}

bool readOption(std::string_view name, std::string_view value, LaunchRequest& request)
{
    if (name == "--user") {
        request.user = userIn(value);
        return request.user.has_value();
    }
    const auto number = numberIn<int>(value);
    if ((name != "--parent" && name != "--report") || !number)
        return false;
    (name == "--parent" ? request.parent : request.report) = *number;
    return true;
}

} // namespace

Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments)
{
    LaunchRequest request;
    std::size_t i = 0;
    for (; i < arguments.size() && std::string_view{arguments[i]} != "--"; ++i) {
        const std::string_view name = arguments[i];
        if (name == "--net-admin")
            request.netAdmin = true;
        else if (++i >= arguments.size() || !readOption(name, arguments[i], request))
            return Error{Errc::BadInput, 0, kUsage};
    }
    if (i + 1 >= arguments.size())
        return Error{
            Errc::BadInput, 0, "name the program to run after --, as in: beacon-launch -- /usr/bin/beacon eth0"};
    request.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
    return request;
}

void launch(const LaunchRequest& request)
{
    detachFromStarter(request);
    if (!request.command[0].starts_with('/'))
        execFailed(request, EINVAL);
    const pid_t self = ::getpid();
    Containment containment;
    if (auto opened = containment.open(); !opened)
        failed(request, opened.error());
    if (containment.kind() == Containment::Kind::ProcessGroup)
        sweepLeftoversOf(request);
    report(request, "containment",
        containment.kind() == Containment::Kind::PidNamespace ? "pid_namespace" : "process_group");
    const pid_t beacon = ::fork();
    if (beacon < 0)
        failed(request, systemError("start a process"));
    if (beacon == 0)
        becomeBeacon(request, containment, self);
    report(request, "pid", std::to_string(beacon));
    if (request.report >= 0)
        ::close(request.report);
    redirect(STDOUT_FILENO, O_WRONLY); // when the Beacon closes its own, that is seen
    keepOnlyKill();
    ::prctl(PR_SET_DUMPABLE, 0); // the Beacon may be of the same user
    // The namespace's init is reaped when it is closed: until then its pid is nobody else's.
    constexpr pid_t kAnyone = -1;
    const int status = await(beacon, containment.kind() == Containment::Kind::PidNamespace ? beacon : kAnyone);
    containment.close();
    endLike(status);
}

} // namespace beacon
