#include "service/sensor/resolv_conf.h"

#include "core/base/address.h"
#include "core/base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::size_t kCLibraryTakes = 3; // MAXNS, resolv.h
constexpr std::size_t kMostNamed = 16;

Result<std::string> textFor(const std::vector<std::string>& resolvers)
{
    std::string text = "# Written by sensord.\n";
    std::size_t count = 0;
    for (const std::string& resolver : resolvers) {
        // A zone ("fe80::1%eth0") is for the C library; it is a name of an interface, and nothing else.
        const std::size_t percent = std::min(resolver.find('%'), resolver.size());
        const bool zoneIsGood = percent == resolver.size()
            || (percent + 1 < resolver.size() && resolver.size() - percent <= 16
                && resolver.find_first_of(" \t\r\n#;", percent) == std::string::npos);
        if (!IpAddress::parse(std::string_view{resolver}.substr(0, percent)) || !zoneIsGood)
            return Error{Errc::BadInput, 0, "resolver " + std::to_string(count + 1) + " is no address"};
        if (++count > kMostNamed)
            break;
        text +=
            (count <= kCLibraryTakes ? "nameserver " : "# one more than programs take: nameserver ") + resolver + '\n';
    }
    return text;
}

Result<bool> holds(int fd, const std::string& text, const std::string& path)
{
    std::string now(text.size() + 1, '\0'); // one byte more, so that a longer file is told apart
    const ssize_t got = ::pread(fd, now.data(), now.size(), 0);
    if (got < 0)
        return systemError("read " + path);
    now.resize(static_cast<std::size_t>(got));
    return now == text;
}

} // namespace

Result<> writeResolvers(const std::string& path, const std::vector<std::string>& resolvers)
{
    const auto text = textFor(resolvers);
    if (!text)
        return text.error();
    const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!fd) {
        Error error = systemError("open " + path);
        if (error.sys == ENOENT)
            error.code = Errc::NotFound;
        return error;
    }
    struct stat about { };
    if (::fstat(fd.get(), &about) != 0)
        return systemError("look at " + path);
    if (!S_ISREG(about.st_mode))
        return Error{Errc::BadInput, 0, path + " is no ordinary file"};
    if ((about.st_mode & 07777) != 0644 && ::fchmod(fd.get(), 0644) != 0)
        return systemError("let everybody read " + path);
    const auto already = holds(fd.get(), *text, path);
    if (!already)
        return already.error();
    if (*already)
        return {};
    // Emptied first: who reads in between sees no resolver of the old and the new ones together.
    if (::ftruncate(fd.get(), 0) != 0
        || ::pwrite(fd.get(), text->data(), text->size(), 0) != static_cast<ssize_t>(text->size()))
        return systemError("write " + path);
    return {};
}

} // namespace beacon
