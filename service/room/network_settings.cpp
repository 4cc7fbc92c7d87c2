#include "service/room/network_settings.h"

#include "core/base/unique_fd.h"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <net/if.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace beacon {

namespace {

const std::string kNet = "/proc/sys/net/";

Result<> write(const std::string& path, char value)
{
    const UniqueFd reading{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!reading && errno == ENOENT)
        return {};
    char now = 0;
    if (reading && ::read(reading.get(), &now, 1) == 1 && now == value)
        return {}; // it may be read-only in a container
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd || ::write(fd.get(), &value, 1) != 1)
        return systemError(std::string{"write "} + value + " to " + path);
    return {};
}

/// Of "all", "default" and every interface that is there.
Result<> writeForEach(const std::string& folder, const std::string& setting, char value)
{
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    const std::unique_ptr<DIR, CloseDir> dir{::opendir(folder.c_str())};
    if (!dir && errno == ENOENT)
        return {}; // a kernel without this family
    if (!dir)
        return systemError("list " + folder);
    // "all" first: it changes those that are there, and they may not agree with it even where it is as it should be.
    if (auto written = write(folder + "/all/" + setting, value); !written)
        return written;
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == ".." || name == "all")
            continue;
        if (auto written = write(std::string{folder}.append("/").append(name).append("/").append(setting), value);
            !written)
            return written;
    }
    return {};
}

} // namespace

Result<> setUpLoopback()
{
    const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0)
        return systemError("look at interface lo");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
        return systemError("set up interface lo");
    return {};
}

Result<> forwardNothing()
{
    for (const char* family : {"ipv4", "ipv6"})
        if (auto written = writeForEach(kNet + family + "/conf", "forwarding", '0'); !written)
            return written;
    return {};
}

Result<> beOnlyABridge()
{
    if (auto written = writeForEach(kNet + "ipv6/conf", "disable_ipv6", '1'); !written)
        return written;
    for (const char* caller : {"iptables", "ip6tables", "arptables"})
        if (auto written = write(kNet + "bridge/bridge-nf-call-" + caller, '0'); !written)
            return written;
    return {};
}

} // namespace beacon
