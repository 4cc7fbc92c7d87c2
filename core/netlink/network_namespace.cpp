#include "core/netlink/network_namespace.h"

#include "core/netlink/netlink_error.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <optional>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <thread>

namespace beacon {

namespace {

constexpr const char* kOfThisThread = "/proc/thread-self/ns/net";

bool isNetworkNamespace(int fd)
{
    struct statfs about { };
    return ::fstatfs(fd, &about) == 0 && about.f_type == NSFS_MAGIC && ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/// The answer of what ran in a thread, which has no other way to give one.
struct Outcome {
    std::optional<Error> error;
};

} // namespace

Result<NetworkNamespace> NetworkNamespace::open(const std::string& path)
{
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd)
        return systemError("open network namespace " + path);
    struct stat about { };
    if (!isNetworkNamespace(fd.get()) || ::fstat(fd.get(), &about) != 0)
        return Error{Errc::NotFound, 0, path + " is no network namespace"};
    return NetworkNamespace{std::move(fd), about.st_ino};
}

Result<NetworkNamespace> NetworkNamespace::ofThisThread()
{
    return open(kOfThisThread);
}

Result<> NetworkNamespace::run(const std::function<Result<>()>& work) const
{
    struct stat here { };
    if (::stat(kOfThisThread, &here) == 0 && here.st_ino == m_inode)
        return work();
    Outcome outcome;
    try {
        std::thread{[&outcome, &work, fd = m_fd.get()] {
            if (::setns(fd, CLONE_NEWNET) != 0) {
                outcome.error = systemError("enter a network namespace");
                return;
            }
            if (auto done = work(); !done)
                outcome.error = done.error();
        }}.join();
    } catch (const std::system_error& error) {
        return Error{Errc::System, error.code().value(), "start a thread for a network namespace"};
    }
    return outcome.error ? Result<>{*outcome.error} : Result<>{};
}

Result<NetworkNamespace::NetlinkSocket> NetworkNamespace::netlink(int protocol) const
{
    NetlinkSocket socket{nl_socket_alloc()};
    if (!socket)
        return Error{Errc::System, ENOMEM, "open a netlink socket"};
    auto opened = run([&socket, protocol]() -> Result<> {
        if (const int failed = nl_connect(socket.get(), protocol); failed < 0)
            return netlinkError(failed, "open a netlink socket");
        return {};
    });
    if (!opened)
        return opened.error();
    return socket;
}

Result<UniqueFd> NetworkNamespace::socket(int domain, int type, int protocol) const
{
    UniqueFd fd;
    auto opened = run([&]() -> Result<> {
        fd.reset(::socket(domain, type | SOCK_CLOEXEC, protocol));
        return fd ? Result<>{} : Result<>{systemError("open a socket in a network namespace")};
    });
    if (!opened)
        return opened.error();
    return fd;
}

Result<std::string> sysctl(const std::string& path)
{
    const std::string file = "/proc/sys/" + path;
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string value(64, '\0');
    const ssize_t got = fd ? ::read(fd.get(), value.data(), value.size()) : -1;
    if (got < 0)
        return systemError("read " + file);
    value.resize(static_cast<std::size_t>(got));
    value.resize(std::min(value.size(), value.find('\n')));
    return value;
}

Result<> setSysctl(const std::string& path, const std::string& value)
{
    const auto now = sysctl(path);
    if (!now)
        return now.error();
    if (*now == value)
        return {}; // it may be read-only in a container
    const std::string file = "/proc/sys/" + path;
    const UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd || ::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return systemError("write " + file);
    return {};
}

} // namespace beacon
