#include "core/launch/containment.h"

#include "core/launch/capabilities.h"
#include "core/launch/process_table.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

} // namespace beacon
