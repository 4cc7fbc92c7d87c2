#include "service/launch/containment.h"

#include "service/launch/privileges.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace beacon {

namespace {

/// Reaps orphans, which the kernel does where SIGCHLD is ignored, until `life` ends. As process 1 of its namespace it
/// takes every process there with it.
[[noreturn]] void beInit(int life)
{
    ::prctl(PR_SET_NAME, "beacon-init");
    ::signal(SIGCHLD, SIG_IGN);
    if (life != STDIN_FILENO)
        ::dup2(life, STDIN_FILENO);
    ::syscall(SYS_close_range, STDIN_FILENO + 1U, ~0U, 0U); // a held pipe would never come to its end
    keepNothing();
    ::prctl(PR_SET_DUMPABLE, 0); // a Beacon of the same user would trace it, and have it outlive us
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    char none = 0;
    while (::read(STDIN_FILENO, &none, 1) < 0 && errno == EINTR)
        ;
    ::_exit(0);
}

constexpr int kDecimal = 10;

std::vector<pid_t> allProcesses()
{
    std::vector<pid_t> pids;
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    const std::unique_ptr<DIR, CloseDir> proc{::opendir("/proc")};
    if (!proc)
        return pids;
    while (const dirent* entry = ::readdir(proc.get()))
        if (const long pid = std::strtol(entry->d_name, nullptr, kDecimal); pid > 1) // 0: no process
            pids.push_back(static_cast<pid_t>(pid));
    return pids;
}

std::string contentOf(pid_t pid, const char* file)
{
    constexpr std::size_t kMost = 65'536;
    std::string text(kMost, '\0');
    const UniqueFd fd{::open(("/proc/" + std::to_string(pid) + '/' + file).c_str(), O_RDONLY | O_CLOEXEC)};
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
}

struct Kin {
    pid_t parent = 0; ///< 0: not known
    int terminal = 0; ///< 0: none
};

Kin kinOf(pid_t pid)
{
    const std::string stat = contentOf(pid, "stat");
    const std::size_t end = stat.rfind(')'); // the name before it may contain anything
    constexpr std::size_t kState = 2; // " S"
    if (end == std::string::npos || end + kState >= stat.size())
        return {};
    char* at = nullptr;
    std::array<long, 4> fields{}; // ppid, pgrp, session, tty_nr: proc(5)
    const char* text = stat.c_str() + end + 1 + kState;
    for (long& field : fields) {
        field = std::strtol(text, &at, kDecimal);
        text = at;
    }
    return {static_cast<pid_t>(fields.front()), static_cast<int>(fields.back())};
}

} // namespace

Result<> Containment::open()
{
    if (::unshare(CLONE_NEWPID) == 0) {
        m_kind = Kind::PidNamespace;
        return startInit();
    }
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return systemError("prctl PR_SET_CHILD_SUBREAPER");
    return {};
}

Result<> Containment::startInit()
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return systemError("make a pipe");
    const UniqueFd reading{ends[0]};
    m_life.reset(ends[1]);
    m_init = ::fork();
    if (m_init < 0)
        return systemError("start the init of a PID namespace");
    if (m_init == 0)
        beInit(reading.get());
    return {};
}

void Containment::enter()
{
    m_life.reset();
}

void Containment::close()
{
    if (m_kind == Kind::ProcessGroup) {
        killOrphans();
        return;
    }
    ::kill(m_init, SIGKILL);
    while (::waitpid(m_init, nullptr, 0) < 0 && errno == EINTR)
        ; // returns when the whole namespace is empty
}

void Containment::killOrphans()
{
    constexpr int kRounds = 1'000; // against one that forks all the time
    for (int round = 0; round < kRounds; ++round) {
        for (const pid_t pid : allProcesses())
            if (kinOf(pid).parent == ::getpid())
                ::kill(pid, SIGKILL);
        // Their children are ours then, so this ends when there are none.
        if (::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD)
            return;
        while (::waitpid(-1, nullptr, WNOHANG) > 0)
            ; // all that have died meanwhile
    }
}

void sweepLeftovers()
{
    const char* config = std::getenv("BEACON_CONFIG");
    if (config == nullptr || *config == '\0')
        return;
    const std::string mark = std::string{"BEACON_CONFIG="} + config;
    std::vector<pid_t> ours{::getpid()};
    for (pid_t up = ::getppid(); up > 1 && ours.size() < 64; up = kinOf(up).parent)
        ours.push_back(up);
    for (const pid_t pid : allProcesses()) {
        if (std::find(ours.begin(), ours.end(), pid) != ours.end())
            continue;
        const std::string environment = '\0' + contentOf(pid, "environ");
        const bool marked = environment.find('\0' + mark + '\0') != std::string::npos;
        if (marked && kinOf(pid).terminal == 0) // a person's shell may name the same file
            ::kill(pid, SIGKILL);
    }
}

} // namespace beacon
