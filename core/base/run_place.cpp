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

OwnCommand::OwnCommand(int argc, char** argv)
    : m_arguments(argv, argv + argc)
{
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    m_file = error ? "/proc/self/exe" : path.string();
    m_arguments.push_back(nullptr);
}

std::span<char* const> OwnCommand::arguments() const
{
    const std::span<char* const> all{m_arguments.data(), m_arguments.size() - 1};
    return all.empty() ? all : all.subspan(1);
}

Error OwnCommand::startAgain() const
{
    ::execv(m_file.c_str(), m_arguments.data());
    return systemError("start again as " + m_file);
}

Result<> writePrivateFile(const std::string& path, std::string_view bytes, const std::optional<UserIds>& owner)
{
    const std::string next = path + ".new";
    ::unlink(next.c_str()); // left by a process that was killed here
    const UniqueFd fd{::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
        return systemError("create " + next);
    if (owner && ::fchown(fd.get(), owner->uid, owner->gid) != 0)
        return systemError("give " + next + " to its user");
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
