#include "core/supervision/file_identity.h"

#include <sys/stat.h>

namespace beacon {

std::optional<FileIdentity> identityOf(const std::string& path)
{
    struct stat info { };
    if (::stat(path.c_str(), &info) != 0)
        return std::nullopt;
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    return FileIdentity{info.st_dev, info.st_ino, info.st_size,
        info.st_mtim.tv_sec * kNsPerSecond + info.st_mtim.tv_nsec,
        info.st_ctim.tv_sec * kNsPerSecond + info.st_ctim.tv_nsec};
}

} // namespace beacon
