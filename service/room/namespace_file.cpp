#include "service/room/namespace_file.h"

#include "service/room/child.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace beacon {

namespace {

bool isNamespace(int fd)
{
    struct statfs facts { };
    return ::fstatfs(fd, &facts) == 0 && facts.f_type == NSFS_MAGIC;
}

bool isEmptyFile(int fd)
{
    struct stat facts { };
    return ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size == 0;
}

const char* nameOf(int type)
{
    return type == CLONE_NEWUSER ? "a user namespace" : "a network namespace";
}

std::string throughProc(int fd)
{
    return "/proc/self/fd/" + std::to_string(fd);
}

Result<std::string> contentOf(const char* path)
{
    const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
    std::array<char, 1'024> text{};
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    if (size < 0)
        return systemError(std::string{"read "} + path);
    return std::string{text.data(), static_cast<std::size_t>(size)};
}

/// Of a map with one line, which begins with 0: user_namespaces(7).
std::optional<std::uint32_t> baseIn(const std::string& map)
{
    std::istringstream words{map};
    std::uint64_t inside = 0, outside = 0, count = 0, more = 0;
    if (!(words >> inside >> outside >> count) || words >> more || inside != 0 || count != kIdsPerRange
        || outside > UINT32_MAX - kIdsPerRange)
        return std::nullopt;
    return static_cast<std::uint32_t>(outside);
}

} // namespace

Result<std::optional<UniqueFd>> openPin(const std::string& path, int type)
{
    // Not to be kept waiting by a FIFO.
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd && errno == ENOENT)
        return std::optional<UniqueFd>{};
    if (!fd)
        return systemError("open the pin " + path);
    if (!isNamespace(fd.get())) {
        if (isEmptyFile(fd.get()))
            return std::optional<UniqueFd>{};
        return Error{Errc::BadInput, 0, path + " is something else than a pin; remove it, or name another file"};
    }
    const int is = ::ioctl(fd.get(), NS_GET_NSTYPE);
    if (is != type)
        return Error{Errc::BadInput, 0,
            path + " does not pin " + nameOf(type) + " but something else; unpin it with: sensor-room drop " + path};
    return std::optional{std::move(fd)};
}

Result<UniqueFd> requirePin(const std::string& path, int type)
{
    auto opened = openPin(path, type);
    if (!opened)
        return opened.error();
    if (!*opened)
        return Error{Errc::NotFound, ENOENT, path + " pins no namespace; make one with sensor-room make"};
    return *std::move(*opened);
}

Result<> pin(int namespaceFd, const std::string& path)
{
    constexpr mode_t kOwnerOnly = 0600;
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kOwnerOnly)};
    if (!file)
        return systemError("make the file " + path);
    const std::string source = throughProc(namespaceFd);
    if (::mount(source.c_str(), throughProc(file.get()).c_str(), nullptr, MS_BIND, nullptr) != 0)
        return systemError("pin a namespace on " + path);
    return {};
}

Result<> unpin(const std::string& path)
{
    constexpr int kMostAtOnce = 16; // pins on one file, where two had the same idea
    for (int i = 0; i < kMostAtOnce; ++i) {
        const UniqueFd file{::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW)};
        if (!file && errno != ENOENT && errno != ENOTDIR)
            return systemError("look at " + path);
        if (!file || (!isNamespace(file.get()) && i == 0))
            return {};
        if (!isNamespace(file.get())) {
            if (isEmptyFile(file.get()) && ::unlink(path.c_str()) != 0)
                return systemError("remove " + path);
            return {};
        }
        if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
            return systemError("unpin " + path);
    }
    return Error{Errc::Busy, 0, path + " is pinned again and again by somebody else"};
}

Result<UniqueFd> ownerOf(int namespaceFd)
{
    UniqueFd owner{::ioctl(namespaceFd, NS_GET_USERNS)};
    if (!owner)
        return systemError("find the owner of a namespace");
    return owner;
}

Result<bool> isSame(int namespaceFd, int otherFd)
{
    struct stat one {
    }, other{};
    if (::fstat(namespaceFd, &one) != 0 || ::fstat(otherFd, &other) != 0)
        return systemError("compare namespaces");
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Result<bool> isOurUserNamespace(int userFd)
{
    const UniqueFd ours{::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC)};
    if (!ours)
        return systemError("open /proc/self/ns/user");
    return isSame(userFd, ours.get());
}

Result<> enter(int namespaceFd, int type, const std::string& name)
{
    if (::setns(namespaceFd, type) != 0)
        return systemError("enter " + (name.empty() ? nameOf(type) : "the namespace " + name));
    return {};
}

Result<std::uint32_t> idBaseOf(int userFd)
{
    const auto there = Child::start([userFd]() -> Result<std::string> {
        if (auto entered = enter(userFd, CLONE_NEWUSER, {}); !entered)
            return entered.error();
        const auto users = contentOf("/proc/self/uid_map");
        const auto groups = contentOf("/proc/self/gid_map");
        if (!users || !groups)
            return users ? groups.error() : users.error();
        return *users == *groups ? *users : std::string{};
    });
    if (!there)
        return there.error();
    const auto base = baseIn(there->text());
    if (!base)
        return Error{Errc::BadInput, 0, "the user namespace does not have the users and groups 0 to 65535"};
    return *base;
}

} // namespace beacon
