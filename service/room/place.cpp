#include "service/room/place.h"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kMostSteps = 100; // folders to be made, and links followed

/// Descriptor or -1.
int openQuietly(const std::string& path)
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
}

/// Empty where it is no symbolic link.
std::string targetOf(int folder, const std::string& name)
{
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    return {target.data(), static_cast<std::size_t>(size > 0 ? size : 0)};
}

Result<UniqueFd> makeIn(const UniqueFd& folder, const std::string& name, bool isFolder, const UserIds& owner)
{
    constexpr mode_t kFolder = 0755, kFile = 0644;
    if (isFolder) {
        if (::mkdirat(folder.get(), name.c_str(), kFolder) != 0)
            return systemError("make a folder");
    } else if (!UniqueFd{::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFile)}) {
        return systemError("make a file");
    }
    UniqueFd made{::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!made || ::fchownat(made.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0)
        return systemError("give it its owner");
    return made;
}

Result<UniqueFd> make(const std::string& path, bool isFolder, const UserIds& owner, int& steps)
{
    if (UniqueFd there{openQuietly(path)})
        return there;
    if (errno != ENOENT || ++steps > kMostSteps)
        return systemError("open");
    const std::size_t slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    const auto above = make(slash == 0 ? "/" : path.substr(0, slash), true, owner, steps);
    if (!above)
        return above.error();
    if (name.empty() || name == "." || name == "..")
        return make(path, isFolder, owner, steps); // there now
    const std::string link = targetOf(above->get(), name);
    if (link.empty())
        return makeIn(*above, name, isFolder, owner);
    return make(link.front() == '/' ? link : path.substr(0, slash + 1) + link, isFolder, owner, steps);
}

} // namespace

Result<UniqueFd> openPlace(const std::string& path)
{
    UniqueFd place{openQuietly(path)};
    if (!place)
        return systemError("open " + path);
    return place;
}

Result<UniqueFd> makePlace(const std::string& path, bool isFolder, const UserIds& owner)
{
    int steps = 0;
    auto made = make(path, isFolder, owner, steps);
    if (!made)
        return Error{made.error().code, made.error().sys, "make " + path + " in the room"};
    return made;
}

Result<bool> isFolder(const UniqueFd& place)
{
    struct stat facts { };
    if (::fstat(place.get(), &facts) != 0)
        return systemError("look at what is to be mounted");
    return S_ISDIR(facts.st_mode);
}

} // namespace beacon
