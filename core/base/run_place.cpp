#include "core/base/run_place.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

Result<> makeDirectories(const std::string& path)
{
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (!error)
        return {};
    errno = error.value();
    return systemError("make directory " + path);
}

Result<UniqueFd> takeLock(const std::string& path)
{
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
        return systemError("open " + path);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        return Error{Errc::Busy, 0, "another process holds " + path};
    return systemError("lock " + path);
}

std::string ownProgram()
{
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::string{"/proc/self/exe"} : path.string();
}

Result<> writePrivateFile(const std::string& path, std::string_view bytes)
{
    const std::string next = path + ".new";
    ::unlink(next.c_str()); // left by a process that was killed here
    const UniqueFd fd{::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
        return systemError("create " + next);
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return systemError("write " + next);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::rename(next.c_str(), path.c_str()) != 0)
        return systemError("replace " + path);
    return {};
}

} // namespace beacon
