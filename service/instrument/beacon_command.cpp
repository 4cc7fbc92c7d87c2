#include "service/instrument/beacon_command.h"

#include "core/base/run_place.h"
#include "core/base/unique_fd.h"
#include "core/base/user_map.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::size_t kMostIdentityBytes = 65'536;

bool has(const std::initializer_list<int> capabilities)
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0)
        return false;
    return std::all_of(capabilities.begin(), capabilities.end(), [&](int capability) {
        return (sets.at(static_cast<std::size_t>(CAP_TO_INDEX(capability))).effective & CAP_TO_MASK(capability)) != 0;
    });
}

/// Root in a container may lack what that takes, or have no other user at all.
bool mayBecome(const UserIds& user)
{
    return has({CAP_SETUID, CAP_SETGID, CAP_CHOWN}) && isMapped("/proc/self/uid_map", user.uid)
        && isMapped("/proc/self/gid_map", user.gid);
}

/// Whether a copy is what it takes: the file is a private one of somebody else's.
bool needsCopy(int fd, const UserIds& user)
{
    struct stat status { };
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) == 0
        && status.st_uid != user.uid && static_cast<std::size_t>(status.st_size) <= kMostIdentityBytes;
}

/// What the Beacon cannot read, or must not, it is told of by its own name: so its complaint names the right file.
Result<std::string> identityFor(const Settings& settings, const std::optional<UserIds>& user)
{
    if (!settings.identityText.empty()) {
        if (auto written = writePrivateFile(settings.identityCopyPath(), settings.identityText, user); !written)
            return written.error();
        return settings.identityCopyPath();
    }
    if (!user || settings.identity.empty())
        return settings.identity;
    const UniqueFd fd{::open(settings.identity.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd || !needsCopy(fd.get(), *user))
        return settings.identity;
    std::string text(kMostIdentityBytes, '\0');
    const ssize_t size = ::pread(fd.get(), text.data(), text.size(), 0);
    if (size < 0)
        return systemError("read " + settings.identity);
    text.resize(static_cast<std::size_t>(size));
    const auto written = writePrivateFile(settings.identityCopyPath(), text, user);
    explicit_bzero(text.data(), text.size());
    if (!written)
        return written.error();
    return settings.identityCopyPath();
}

} // namespace

std::optional<UserIds> beaconUser(const Settings& settings)
{
    if (::geteuid() != 0 || settings.user.empty())
        return std::nullopt;
    std::array<char, 4'096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(settings.user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    const UserIds user{found->pw_uid, found->pw_gid};
    return mayBecome(user) ? std::optional{user} : std::nullopt;
}

BeaconCommand prepareBeacon(const Settings& settings, const std::string& interface)
{
    BeaconCommand made;
    made.command.program = settings.beacon;
    made.command.arguments = {interface};
    made.command.environment = {{"BEACON_CONFIG", settings.beaconConfigPath()}};
    made.command.user = beaconUser(settings);
    made.command.netAdmin = settings.netAdmin;
    made.prepared = letBeaconPass(settings);
    Settings told = settings;
    const auto identity = identityFor(settings, made.command.user);
    if (identity)
        told.identity = *identity;
    else
        made.prepared = identity.error();
    if (told.identity != settings.identityCopyPath())
        forgetBeaconFiles(settings); // of an earlier start
    if (auto written = writePrivateFile(settings.beaconConfigPath(), beaconConfig(told), made.command.user); !written)
        made.prepared = written;
    return made;
}

Result<> letBeaconPass(const Settings& settings)
{
    const auto user = beaconUser(settings);
    if (!user || !settings.ownsRuntimeRoot)
        return {};
    constexpr mode_t kPassAll = 0001, kPassGroup = 0010, kOthers = 077;
    for (std::filesystem::path dir = settings.runtimeDir; dir.has_relative_path(); dir = dir.parent_path()) {
        const UniqueFd fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
        struct stat status { };
        if (!fd || ::fstat(fd.get(), &status) != 0)
            return systemError("open directory " + dir.string());
        if ((status.st_mode & kPassAll) != 0 || status.st_uid == user->uid)
            continue;
        if (status.st_uid != ::geteuid() || (status.st_mode & kOthers & ~kPassGroup) != 0)
            return Error{Errc::Denied, 0, "open directory " + dir.string() + " to the Beacon's user"};
        if (::fchown(fd.get(), static_cast<uid_t>(-1), user->gid) != 0
            || ::fchmod(fd.get(), (status.st_mode & 07777) | kPassGroup) != 0)
            return systemError("open directory " + dir.string() + " to the Beacon's user");
    }
    return {};
}

void forgetBeaconFiles(const Settings& settings)
{
    ::unlink(settings.identityCopyPath().c_str());
}

} // namespace beacon
