#include "tests/bench/spawned.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace beacon::bench {

Spawned::Spawned(const std::vector<std::string>& command, Ends ends, const std::string& directory)
{
    std::vector<char*> pointers;
    pointers.reserve(command.size() + 1);
    for (const std::string& word : command)
        pointers.push_back(const_cast<char*>(word.c_str())); // execv(3) changes none of them
    pointers.push_back(nullptr);
    m_pid = ::fork();
    if (m_pid != 0)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDWR);
    if (::dup2(ends.in >= 0 ? ends.in : null, STDIN_FILENO) >= 0
        && ::dup2(ends.out >= 0 ? ends.out : null, STDOUT_FILENO) >= 0 && ::dup2(null, STDERR_FILENO) >= 0
        && ::close(null) == 0 && ::chdir(directory.c_str()) == 0)
        ::execv(pointers[0], pointers.data());
    ::_exit(127);
}

Spawned::~Spawned()
{
    if (m_pid <= 0)
        return;
    ::kill(m_pid, SIGKILL);
    wait();
}

bool Spawned::wait()
{
    int status = -1;
    const pid_t waited = m_pid > 0 ? ::waitpid(m_pid, &status, 0) : -1;
    m_pid = -1;
    return waited > 0 && status == 0;
}

Pipe::Pipe()
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return;
    read.reset(ends[0]);
    write.reset(ends[1]);
}

std::string firstOf(int fd, std::chrono::milliseconds patience)
{
    pollfd waited{fd, POLLIN, 0};
    char text[4'096];
    if (::poll(&waited, 1, static_cast<int>(patience.count())) != 1)
        return {};
    const ssize_t size = ::read(fd, text, sizeof text);
    return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
}

std::string findProgram(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::istringstream places{std::string{path != nullptr ? path : ""} + ":/usr/bin:/usr/sbin:/sbin"};
    for (std::string place; std::getline(places, place, ':');) {
        std::string candidate = std::string{place}.append(1, '/').append(name);
        if (!place.empty() && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return {};
}

} // namespace beacon::bench
