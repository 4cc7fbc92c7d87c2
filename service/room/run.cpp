#include "service/room/run.h"

#include "core/base/unique_fd.h"
#include "core/launch/launcher.h"
#include "service/room/namespace_file.h"
#include "service/room/room.h"

#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beacon {

namespace {

/// What no Instrument needs, also not over itself.
constexpr cap_value_t kNeverNeeded[] = {CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_AUDIT_WRITE, CAP_BLOCK_SUSPEND,
    CAP_LINUX_IMMUTABLE, CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_SYSLOG, CAP_SYS_BOOT, CAP_SYS_MODULE, CAP_SYS_RAWIO,
    CAP_SYS_TIME, CAP_WAKE_ALARM};

/// Where the Instrument's processes are, and who they are to the host.
struct Home {
    UniqueFd user; ///< none: the caller's user namespace
    UserIds root;
};

Result<> write(const std::string& path, const std::string& text)
{
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return systemError("write " + path);
    return {};
}

Result<> joinCgroups(const std::vector<std::string>& folders)
{
    for (const std::string& folder : folders)
        if (auto joined = write(folder + "/cgroup.procs", std::to_string(::getpid())); !joined)
            return joined;
    return {};
}

Result<Home> openHome(const RunRequest& request)
{
    Home home{{}, {::getuid(), ::getgid()}};
    if (request.userNamespace.empty())
        return home;
    auto user = requirePin(request.userNamespace, CLONE_NEWUSER);
    if (!user)
        return user.error();
    home.user = *std::move(user);
    const auto base = idBaseOf(home.user.get());
    if (!base)
        return base.error();
    home.root = {*base, *base};
    return home;
}

Result<> enterNetwork(const std::string& file)
{
    if (file.empty())
        return {};
    const auto network = requirePin(file, CLONE_NEWNET);
    return network ? enter(network->get(), CLONE_NEWNET, file) : network.error();
}

Result<> leaveTheHost(const RunRequest& request)
{
    if (::unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        return systemError("make a mount, IPC and UTS namespace");
    if (::unshare(CLONE_NEWCGROUP) != 0 && errno != EINVAL) // a kernel without
        return systemError("make a cgroup namespace");
    if (!request.hostname.empty() && ::sethostname(request.hostname.data(), request.hostname.size()) != 0)
        return systemError("take the hostname " + request.hostname);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return systemError("part the mounts from the host's");
    return {};
}

/// A Sensor may be the last that is killed when memory is short; what it runs is not.
void beKilledAsOthers()
{
    constexpr const char* kScore = "/proc/self/oom_score_adj";
    const UniqueFd fd{::open(kScore, O_RDONLY | O_CLOEXEC)};
    char first = 0;
    if (fd && ::read(fd.get(), &first, 1) == 1 && first == '-')
        static_cast<void>(write(kScore, "0"));
}

Result<> becomeItsRoot(const Home& home)
{
    if (!home.user)
        return {};
    if (auto entered = enter(home.user.get(), CLONE_NEWUSER, {}); !entered)
        return entered;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
        return systemError("become root of the user namespace");
    if (::unshare(CLONE_NEWNS) != 0) // which locks all that is mounted
        return systemError("make a mount namespace");
    return {};
}

Result<> giveUp()
{
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); // the starter's is not for it; a kernel may have none
    for (const cap_value_t capability : kNeverNeeded)
        if (::prctl(PR_CAPBSET_DROP, capability) != 0 && errno != EINVAL) // a kernel that does not know it
            return systemError("drop capabilities");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return systemError("prctl PR_SET_NO_NEW_PRIVS");
    return {};
}

Result<> prepare(const RunRequest& request, const Home& home)
{
    if (auto joined = joinCgroups(request.cgroups); !joined)
        return joined;
    if (auto entered = enterNetwork(request.networkNamespace); !entered)
        return entered;
    if (auto left = leaveTheHost(request); !left)
        return left;
    return buildRoom(request, home.root);
}

} // namespace

void runInRoom(const RunRequest& request)
{
    detachFromStarter(request);
    if (!request.command[0].starts_with('/'))
        execFailed(request, EINVAL);
    const auto home = openHome(request);
    if (!home)
        failed(request, home.error());
    if (auto prepared = prepare(request, *home); !prepared)
        failed(request, prepared.error());
    Containment containment;
    if (auto opened = containment.open(); !opened)
        failed(request, opened.error());
    if (containment.kind() != Containment::Kind::PidNamespace)
        failed(request, {Errc::Denied, EPERM, "make a PID namespace"});
    runContained(request, containment, [&]() -> Result<Standing> {
        beKilledAsOthers();
        if (auto mounted = mountProc(); !mounted)
            return mounted.error();
        if (auto became = becomeItsRoot(*home); !became)
            return became.error();
        if (auto given = giveUp(); !given)
            return given.error();
        return Standing{home->root.uid, home->user ? "none" : "host"};
    });
}

} // namespace beacon
