// intruder {HOW ARGUMENT}...: tries each, and prints "done" or the name of the error, one a line.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

bool connectTo(const std::string& name, bool isAbstract)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + (isAbstract ? 1 : 0), sizeof address.sun_path - 2);
    const auto size = offsetof(sockaddr_un, sun_path) + name.size() + 1;
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0;
}

bool useTerminal()
{
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0)
        return false;
    const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    char letter = 0;
    return slave >= 0 && ::write(slave, "x", 1) == 1 && ::read(master, &letter, 1) == 1 && letter == 'x';
}

bool readFirst(const char* path)
{
    const int fd = ::open(path, O_RDONLY);
    char letter = 0;
    return fd >= 0 && ::read(fd, &letter, 1) >= 0;
}

bool setTheClock()
{
    timespec now{};
    return ::clock_gettime(CLOCK_REALTIME, &now) == 0 && ::clock_settime(CLOCK_REALTIME, &now) == 0;
}

bool attempt(std::string_view how, const char* argument)
{
    const auto pid = static_cast<pid_t>(std::strtol(argument, nullptr, 10));
    if (how == "read")
        return readFirst(argument);
    if (how == "write")
        return ::open(argument, O_WRONLY) >= 0;
    if (how == "create")
        return ::open(argument, O_WRONLY | O_CREAT | O_EXCL, 0644) >= 0;
    if (how == "unmount")
        return ::umount2(argument, MNT_DETACH) == 0;
    if (how == "remount")
        return ::mount(nullptr, argument, nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0;
    if (how == "remount-all")
        return ::mount(nullptr, argument, nullptr, MS_REMOUNT, nullptr) == 0;
    if (how == "move")
        return ::mount(argument, "/tmp", nullptr, MS_MOVE, nullptr) == 0;
    if (how == "look-under") // without what is mounted below it
        return ::open_tree(AT_FDCWD, argument, OPEN_TREE_CLONE) >= 0;
    if (how == "mount")
        return ::mount(argument, "/tmp", argument, 0, nullptr) == 0;
    if (how == "make-device")
        return ::mknod(argument, S_IFBLK | 0600, makedev(254, 0)) == 0;
    if (how == "kill")
        return ::kill(pid, SIGKILL) == 0;
    if (how == "trace")
        return ::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0;
    if (how == "enter") {
        const int fd = ::open(argument, O_RDONLY);
        return fd >= 0 && ::setns(fd, 0) == 0;
    }
    if (how == "connect")
        return connectTo(argument, false);
    if (how == "connect-abstract")
        return connectTo(argument, true);
    if (how == "name-host")
        return ::sethostname(argument, std::strlen(argument)) == 0;
    if (how == "set-clock")
        return setTheClock();
    if (how == "terminal")
        return useTerminal();
    errno = EINVAL;
    return false;
}

} // namespace

int main(int argc, char** argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        errno = 0;
        std::puts(attempt(argv[i], argv[i + 1]) ? "done" : ::strerrorname_np(errno));
    }
    return 0;
}
