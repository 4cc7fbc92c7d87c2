#include "service/room/mounts.h"

#include "service/room/place.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace beacon {

namespace {

/// As mountinfo writes paths: proc_pid_mountinfo(5).
std::string unescaped(const std::string& text)
{
    constexpr std::size_t kDigits = 3;
    constexpr int kOctal = 8;
    std::string path;
    path.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + kDigits < text.size()) {
            path += static_cast<char>(std::strtol(text.substr(i + 1, kDigits).c_str(), nullptr, kOctal));
            i += kDigits;
        } else {
            path += text[i];
        }
    }
    return path;
}

struct Mounted {
    std::string path, type;
};

Mounted readMountinfo(const std::string& line)
{
    constexpr int kFieldsBefore = 4;
    std::istringstream words{line};
    std::string word;
    for (int i = 0; i < kFieldsBefore; ++i)
        words >> word;
    Mounted mounted;
    words >> mounted.path;
    while (words >> word && word != "-")
        ;
    words >> mounted.type;
    mounted.path = unescaped(mounted.path);
    return mounted;
}

bool isBelow(const std::string& path, const std::string& folder)
{
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

} // namespace

Result<UniqueFd> newMount(const char* type, const MountOptions& options, std::uint64_t attributes)
{
    const std::string what = std::string{"mount a new "} + type;
    const UniqueFd system{::fsopen(type, FSOPEN_CLOEXEC)};
    if (!system)
        return systemError(what);
    if (::fsconfig(system.get(), FSCONFIG_SET_STRING, "source", type, 0) != 0)
        return systemError(what);
    for (const auto& [key, value] : options)
        if (::fsconfig(system.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0)
            return systemError(std::string{what}.append(" with ").append(key).append("=").append(value));
    if (::fsconfig(system.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return systemError(what);
    UniqueFd mount{::fsmount(system.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes))};
    if (!mount)
        return systemError(what);
    return mount;
}

Result<UniqueFd> copyOf(const std::string& path, std::uint64_t attributes)
{
    const auto place = openPlace(path);
    if (!place)
        return place.error();
    UniqueFd copy{::open_tree(
        place->get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)};
    if (!copy)
        return systemError("bind " + path);
    mount_attr change{};
    change.attr_set = attributes;
    if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change) != 0)
        return systemError("bind " + path);
    return copy;
}

Result<> attach(const UniqueFd& mount, const UniqueFd& place, const std::string& path)
{
    if (::move_mount(mount.get(), "", place.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return systemError("mount on " + path);
    return {};
}

Result<> attach(const UniqueFd& mount, const std::string& path)
{
    const auto place = openPlace(path);
    return place ? attach(mount, *place, path) : place.error();
}

Result<> addAttributes(const std::string& path, std::uint64_t attributes)
{
    mount_attr change{};
    change.attr_set = attributes;
    if (::mount_setattr(AT_FDCWD, path.c_str(), AT_RECURSIVE, &change, sizeof change) != 0)
        return systemError("change the mounts below " + path);
    return {};
}

Result<> addAttributes(const UniqueFd& mount, std::uint64_t attributes)
{
    mount_attr change{};
    change.attr_set = attributes;
    if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0)
        return systemError("change a mount");
    return {};
}

Result<> detachBelow(const std::vector<std::string>& folders)
{
    std::ifstream table{"/proc/self/mountinfo"};
    std::vector<std::string> paths;
    for (std::string line; std::getline(table, line);) {
        Mounted mounted = readMountinfo(line);
        const auto covers = [&](const std::string& folder) { return isBelow(mounted.path, folder); };
        if (mounted.type == "nsfs" || std::any_of(folders.begin(), folders.end(), covers))
            paths.push_back(std::move(mounted.path));
    }
    if (!table.eof())
        return Error{Errc::System, EIO, "read /proc/self/mountinfo"};
    for (auto path = paths.rbegin(); path != paths.rend(); ++path) // what was mounted last is uppermost
        ::umount2(path->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    return {};
}

} // namespace beacon
