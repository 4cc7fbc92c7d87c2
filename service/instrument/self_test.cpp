#include "service/instrument/self_test.h"

#include "core/base/run_place.h"
#include "service/instrument/beacon_command.h"
#include "service/instrument/drill.h"
#include "service/instrument/drill_figures.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sodium.h>
#include <sstream>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

namespace beacon {

namespace {

using namespace std::chrono_literals;

constexpr auto kToEscape = 15s;
constexpr auto kToResult = 18s; // with a second to end it all, this stays below the 20 s that are promised
constexpr auto kToEnd = 1s;
constexpr std::size_t kMaxPorts = 20;
constexpr std::size_t kMaxResult = 64 * 1024;
constexpr int kExitNotEscaped = 1;
constexpr const char* kPrefix = "self-test.";

int fail(const Error& error)
{
    std::fprintf(stderr, "beacon-instrument: the self-test is not possible: %s\n", describe(error).c_str());
    return exitCode(error);
}

pid_t numberIn(std::string_view text)
{
    pid_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

/// 0: not known.
pid_t parentOf(const std::filesystem::path& process)
{
    std::string stat;
    std::getline(std::ifstream{process / "stat"}, stat);
    const std::size_t name = stat.rfind(')'); // which may hold anything before it: proc(5)
    if (name == std::string::npos)
        return 0;
    std::istringstream rest{stat.substr(name + 1)};
    std::string state, parent;
    rest >> state >> parent;
    return numberIn(parent);
}

std::vector<pid_t> childrenOfOurs()
{
    std::vector<pid_t> children;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const pid_t pid = numberIn(entry.path().filename().string());
        if (pid > 0 && parentOf(entry.path()) == ::getpid())
            children.push_back(pid);
    }
    return children;
}

/// Kills whatever is below this process, which is its subreaper: what loses its parent becomes our child.
void endDescendants(const Clock& clock)
{
    const MonotonicTime until = clock.now() + kToEnd;
    while (clock.now() < until) {
        for (const pid_t child : childrenOfOurs())
            ::kill(child, SIGKILL);
        pid_t reaped = 0;
        while ((reaped = ::waitpid(-1, nullptr, WNOHANG)) > 0)
            ;
        if (reaped < 0)
            return; // ECHILD
        ::poll(nullptr, 0, 2);
    }
}

/// A directory that is locked while the drill goes on, and removed afterwards.
class PrivateDirectory {
public:
    static Result<PrivateDirectory> make(const std::string& parent)
    {
        if (auto made = makeDirectories(parent); !made)
            return made.error();
        sweep(parent);
        PrivateDirectory directory;
        directory.m_path = parent + '/' + kPrefix + "XXXXXX";
        if (::mkdtemp(directory.m_path.data()) == nullptr)
            return systemError("make directory " + directory.m_path);
        constexpr mode_t kPassThrough = 0711; // the Beacon's user reads its own files in it, and sees no others
        if (::chmod(directory.m_path.c_str(), kPassThrough) != 0)
            return systemError("open directory " + directory.m_path);
        directory.m_lock = lock(directory.m_path);
        return directory;
    }
    [[nodiscard]] const std::string& path() const noexcept { return m_path; }
    void remove() const
    {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }

private:
    /// None where somebody else holds it.
    static UniqueFd lock(const std::string& path)
    {
        UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
        if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
            fd.reset();
        return fd;
    }
    /// What was left where both processes of a drill were killed at once.
    static void sweep(const std::string& parent)
    {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
            if (entry.path().filename().string().starts_with(kPrefix) && lock(entry.path()))
                std::filesystem::remove_all(entry.path(), error);
        }
    }

    std::string m_path;
    UniqueFd m_lock;
};

Result<UniqueFd> signalFd()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    UniqueFd fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd)
        return systemError("watch for signals");
    return fd;
}

/// The child's whole life. Its parent's death tells it to stop, so that it can put away what it made.
int drillAndTell(const DrillOrder& order, const PrivateDirectory& directory, int result, pid_t parent)
{
    const SystemClock clock;
    const auto signals = signalFd();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::signal(SIGPIPE, SIG_IGN);
    const bool orphaned = ::getppid() != parent;
    const Result<DrillResult> drilled = !signals ? Result<DrillResult>{signals.error()}
        : orphaned                               ? Result<DrillResult>{Error{Errc::Timeout, 0, "nobody waits for it"}}
                                                 : runDrill(order, signals->get(), clock);
    endDescendants(clock);
    directory.remove();
    if (!drilled)
        return fail(drilled.error());
    const std::string& json = drilled->json;
    if (::write(result, json.data(), json.size()) != static_cast<ssize_t>(json.size()))
        return EX_IOERR;
    return drilled->escaped ? EX_OK : kExitNotEscaped;
}

/// All that comes until the end of `fd`, or until `until`.
std::string readUntil(int fd, MonotonicTime until, const Clock& clock)
{
    std::string text;
    while (text.size() < kMaxResult && clock.now() < until) {
        pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock.now());
        ::poll(&readable, 1, static_cast<int>(std::max(left, 0ms).count()));
        std::array<char, 4096> buffer{};
        const ssize_t got = readable.revents != 0 ? ::read(fd, buffer.data(), buffer.size()) : -1;
        if (got == 0)
            break;
        if (got > 0)
            text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

/// The exit code of `child`; nullopt: it was killed, if need be by us.
std::optional<int> codeOf(pid_t child, MonotonicTime until, const Clock& clock)
{
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (clock.now() >= until) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            break;
        }
        ::poll(nullptr, 0, 1);
    }
    return WIFEXITED(status) ? std::optional{WEXITSTATUS(status)} : std::nullopt;
}

std::string resultWithoutFigures(const DrillOrder& order, const std::string& reason, std::chrono::duration<double> took)
{
    return DrillFigures{Aim{}}.json(
        {.beacon = order.beacon, .trouble = reason, .seconds = took.count(), .firstEscapeMs = std::nullopt});
}

int watchOver(const DrillOrder& order, const PrivateDirectory& directory)
{
    const SystemClock clock;
    const MonotonicTime began = clock.now();
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(systemError("make a pipe"));
    const UniqueFd ours{ends[0]};
    UniqueFd theirs{ends[1]};
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // for what a killed child of ours would leave
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        return fail(systemError("fork"));
    if (child == 0)
        ::_exit(drillAndTell(order, directory, theirs.get(), self));
    theirs.reset();
    const MonotonicTime until = began + kToResult;
    std::string json = readUntil(ours.get(), until, clock);
    auto code = codeOf(child, until, clock);
    endDescendants(clock);
    const bool told = code && !json.empty() && (*code == EX_OK || *code == kExitNotEscaped);
    if (!told && code && *code > kExitNotEscaped)
        return *code; // it has said why
    if (!told) {
        json = resultWithoutFigures(order, "the drill itself came to no end", clock.now() - began);
        code = kExitNotEscaped;
    }
    return std::puts(json.c_str()) < 0 || std::fflush(stdout) != 0 ? EX_IOERR : *code;
}

} // namespace

std::vector<std::uint16_t> drillPorts(const std::vector<std::uint16_t>& configured)
{
    std::vector<std::uint16_t> ports{53, 80, 443};
    for (const std::uint16_t port : configured) {
        if (ports.size() < kMaxPorts && std::find(ports.begin(), ports.end(), port) == ports.end())
            ports.push_back(port);
    }
    std::sort(ports.begin(), ports.end());
    return ports;
}

int runSelfTest(const Settings& settings)
{
    if (::sodium_init() < 0)
        return EX_SOFTWARE;
    if (::access(settings.launcher.c_str(), X_OK) != 0)
        return fail(systemError("execute " + settings.launcher));
    const auto directory = PrivateDirectory::make(settings.runtimeDir);
    if (!directory)
        return fail(directory.error());
    if (const auto passed = letBeaconPass(settings); !passed)
        return fail(passed.error());
    const DrillOrder order{.interface = settings.interface,
        .beacon = settings.beacon,
        .launcher = settings.launcher,
        .user = beaconUser(settings),
        .netAdmin = settings.netAdmin,
        .techniques = settings.techniques,
        .ports = drillPorts(settings.ports),
        .directory = directory->path(),
        .deadline = SystemClock{}.now() + kToEscape};
    const int code = watchOver(order, *directory);
    directory->remove();
    return code;
}

} // namespace beacon
