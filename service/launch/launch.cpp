#include "service/launch/launch.h"

#include "core/base/unique_fd.h"

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
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kExitNotExecutable = 126; // as shells have it: POSIX, Shell Command Language 2.8.2
constexpr int kExitNotFound = 127;

int fail(const char* what)
{
    std::fprintf(stderr, "beacon-launch: %s: %s\n", what, std::strerror(errno));
    return EX_OSERR;
}

void resetSignals()
{
    for (int signal = 1; signal < NSIG; ++signal)
        ::signal(signal, SIG_DFL); // SIGKILL, SIGSTOP and the C library's own refuse, as they may
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool emptyStdin()
{
    const int null = ::open("/dev/null", O_RDONLY);
    if (null < 0 || (null != STDIN_FILENO && ::dup2(null, STDIN_FILENO) < 0))
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
    for (std::string& string : strings)
        pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

template <class Number> std::optional<Number> numberIn(std::string_view text)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional{value} : std::nullopt;
}

int execFailed(const LaunchRequest& request, int sys)
{
    if (request.report >= 0) {
        const std::string code = std::to_string(sys);
        [[maybe_unused]] const auto written = ::write(request.report, code.data(), code.size()); // stderr tells it too
    }
    std::fprintf(stderr, "beacon-launch: cannot execute %s: %s\n", request.command[0].c_str(), std::strerror(sys));
    return sys == ENOENT || sys == ENOTDIR ? kExitNotFound : kExitNotExecutable;
}

} // namespace

Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments)
{
    LaunchRequest request;
    std::size_t i = 0;
    for (; i < arguments.size() && std::string_view{arguments[i]} != "--"; i += 2) {
        const std::string_view name = arguments[i];
        const std::string_view value = i + 1 < arguments.size() ? arguments[i + 1] : "";
        const auto number = numberIn<int>(value);
        if ((name != "--parent" && name != "--report") || !number)
            return Error{Errc::BadInput, 0, "usage: beacon-launch [--parent PID] [--report FD] -- BINARY ARG..."};
        (name == "--parent" ? request.parent : request.report) = *number;
    }
    if (i + 1 >= arguments.size())
        return Error{
            Errc::BadInput, 0, "name the program to run after --, as in: beacon-launch -- /usr/bin/beacon eth0"};
    request.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
    return request;
}

int launch(const LaunchRequest& request)
{
    const pid_t parent = request.parent != 0 ? request.parent : ::getppid();
    if (::setsid() < 0 && ::getpgrp() != ::getpid()) // EPERM: leads a group already, which serves as well
        return fail("setsid");
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return fail("prctl PR_SET_PDEATHSIG");
    if (::getppid() != parent) {
        std::fputs(
            "beacon-launch: whoever started this is gone, so nothing is started\n", stderr); // it died before prctl
        return EX_UNAVAILABLE;
    }
    resetSignals();
    if (!emptyStdin())
        return fail("open /dev/null");
    // close_range(2) has no wrapper in older C libraries. Closing instead would hide a failed execve from the report.
    if (::syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return fail("close_range");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("prctl PR_SET_NO_NEW_PRIVS");
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // a core would hold the key
    if (::chdir("/") != 0)
        return fail("chdir /");
    if (request.command[0].front() != '/')
        return execFailed(request, EINVAL);

    std::vector<std::string> command = request.command;
    std::vector<std::string> environment = cleanEnvironment();
    ::execve(command[0].c_str(), pointersTo(command).data(), pointersTo(environment).data());
    return execFailed(request, errno);
}

} // namespace beacon
