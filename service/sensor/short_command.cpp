#include "service/sensor/short_command.h"

#include "core/base/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::size_t kMostWords = 300; ///< of what it said

std::string pathOf(const std::string& program)
{
    if (program.find('/') != std::string::npos)
        return program;
    const char* const given = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets the environment
    const std::string path = std::string{given != nullptr ? given : ""} + ":/usr/sbin:/sbin";
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        std::string candidate = std::string{folder} + '/' + program;
        if (!folder.empty() && folder.front() == '/' && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return program;
}

/// The reading end of a pipe that holds all of it already: nobody is to be waited for, and no SIGPIPE comes.
Result<UniqueFd> pipeWith(const std::string& text)
{
    if (text.size() > ShortCommand::kMostInputBytes)
        return Error{Errc::TooLarge, 0, "prepare the input of a command"};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return systemError("make a pipe");
    UniqueFd reading{ends[0]};
    const UniqueFd writing{ends[1]};
    if (static_cast<std::size_t>(::fcntl(writing.get(), F_GETPIPE_SZ)) < text.size()
        && ::fcntl(writing.get(), F_SETPIPE_SZ, static_cast<int>(text.size())) < 0)
        return systemError("make a large pipe");
    if (::write(writing.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return systemError("write to a pipe");
    return reading;
}

std::string saidIn(int fd)
{
    std::string said(kMostWords, '\0');
    const ssize_t got = ::pread(fd, said.data(), said.size(), 0);
    said.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    said.resize(std::min(said.size(), said.find('\n')));
    std::replace_if(
        said.begin(), said.end(), [](char each) { return each >= 0 && each < ' '; }, ' ');
    return said;
}

class Spawn {
public:
    Spawn()
    {
        ::posix_spawn_file_actions_init(&m_actions);
        ::posix_spawnattr_init(&m_attributes);
    }
    ~Spawn()
    {
        ::posix_spawn_file_actions_destroy(&m_actions);
        ::posix_spawnattr_destroy(&m_attributes);
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;

    Result<pid_t> start(const ShortCommand& command, int input, int output)
    {
        ::posix_spawn_file_actions_adddup2(&m_actions, input, STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&m_actions, output, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&m_actions, output, STDERR_FILENO);
        sigset_t signals; // what we block for a signalfd, it would never hear of
        ::sigemptyset(&signals);
        ::posix_spawnattr_setsigmask(&m_attributes, &signals);
        ::sigfillset(&signals);
        ::posix_spawnattr_setsigdefault(&m_attributes, &signals);
        ::posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

        const std::string path = pathOf(command.program);
        std::vector<std::string> words{command.program};
        words.insert(words.end(), command.arguments.begin(), command.arguments.end());
        std::vector<char*> pointers;
        pointers.reserve(words.size() + 1);
        for (std::string& word : words)
            pointers.push_back(word.data());
        pointers.push_back(nullptr);
        pid_t pid = -1;
        errno = ::posix_spawn(&pid, path.c_str(), &m_actions, &m_attributes, pointers.data(), environ);
        if (errno != 0)
            return systemError("start " + command.program);
        return pid;
    }

private:
    posix_spawn_file_actions_t m_actions{};
    posix_spawnattr_t m_attributes{};
};

/// Whether it ended in time; it is reaped in any case.
bool waitFor(pid_t pid, std::chrono::milliseconds deadline, int& status)
{
    const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    const auto until = std::chrono::steady_clock::now() + deadline;
    int ready = 0;
    do {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd ended{process.get(), POLLIN, 0};
        ready = process ? ::poll(&ended, 1, static_cast<int>(std::max<long>(left, 0))) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) { }
    return ready > 0;
}

} // namespace

Result<> runShortCommand(const ShortCommand& command)
{
    const auto input = pipeWith(command.input);
    if (!input)
        return input.error();
    const UniqueFd output{::memfd_create("output", MFD_CLOEXEC)}; // never full, and no one to be read from
    if (!output)
        return systemError("make a file for what " + command.program + " says");
    const auto pid = Spawn{}.start(command, input->get(), output.get());
    if (!pid)
        return pid.error();
    int status = 0;
    if (!waitFor(*pid, command.deadline, status))
        return Error{Errc::Timeout, 0, "wait for " + command.program};
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    const std::string said = saidIn(output.get());
    return Error{Errc::System, 0, "run " + command.program + (said.empty() ? "" : ": " + said)};
}

} // namespace beacon
