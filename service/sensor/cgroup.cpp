#include "service/sensor/cgroup.h"

#include "core/base/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr const char* kLeaf = "/sensord.self";

/// Where cgroup2 is mounted, proc(5) mountinfo: "… MOUNTPOINT OPTIONS … - cgroup2 …".
std::string mountPoint(const std::string& proc)
{
    std::ifstream mounts{proc + "/mountinfo"};
    for (std::string line; std::getline(mounts, line);) {
        const std::size_t dash = line.find(" - cgroup2 ");
        if (dash == std::string::npos)
            continue;
        std::istringstream fields{line.substr(0, dash)};
        std::string field;
        constexpr int kMountPoint = 5; // of the fields, counted from 1
        for (int i = 0; i < kMountPoint; ++i)
            fields >> field;
        return field;
    }
    return {};
}

std::string ownGroup(const std::string& proc)
{
    std::ifstream groups{proc + "/cgroup"};
    for (std::string line; std::getline(groups, line);)
        if (line.starts_with("0::/"))
            return line.size() == 4 ? std::string{} : line.substr(3);
    return {};
}

Result<> write(const std::string& path, const std::string& text)
{
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC)};
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return systemError("write " + text + " to " + path);
    return {};
}

Result<> makeGroup(const std::string& path)
{
    constexpr mode_t kMode = 0755;
    if (::mkdir(path.c_str(), kMode) != 0 && errno != EEXIST)
        return systemError("make " + path);
    return {};
}

bool has(const std::string& controllers, const std::string& name)
{
    std::istringstream words{controllers};
    for (std::string word; words >> word;)
        if (word == name)
            return true;
    return false;
}

} // namespace

Result<Cgroup> Cgroup::open(const std::string& proc)
{
    const std::string mounted = mountPoint(proc);
    if (mounted.empty())
        return Error{Errc::Unsupported, 0, "cgroup v2 is not mounted"};
    std::string root = mounted + ownGroup(proc);
    if (root.ends_with(kLeaf)) // ours from an earlier life in this place
        root.resize(root.size() - std::string_view{kLeaf}.size());
    std::string controllers;
    std::getline(std::ifstream{root + "/cgroup.controllers"}, controllers);
    if (!has(controllers, "memory") || !has(controllers, "pids"))
        return Error{Errc::Unsupported, 0, "cgroup v2 has no memory and pids controllers in " + root};
    if (root != mounted) { // the root group alone may hold processes besides its children
        if (auto made = makeGroup(root + kLeaf); !made)
            return made.error();
        if (auto moved = write(root + kLeaf + "/cgroup.procs", std::to_string(::getpid())); !moved)
            return moved.error();
    }
    if (auto handed = write(root + "/cgroup.subtree_control", "+memory +pids"); !handed)
        return handed.error();
    return Cgroup{root};
}

Result<std::string> Cgroup::make(const std::string& name, const Limits& limits) const
{
    const std::string path = m_root + "/" + name;
    if (auto made = makeGroup(path); !made)
        return made.error();
    const auto limit = [](std::int64_t most) { return most > 0 ? std::to_string(most) : std::string{"max"}; };
    if (auto set = write(path + "/memory.max", limit(limits.memoryBytes)); !set)
        return set.error();
    if (auto set = write(path + "/pids.max", limit(limits.processes)); !set)
        return set.error();
    return path;
}

void Cgroup::remove(const std::string& name) const
{
    ::rmdir((m_root + "/" + name).c_str());
}

} // namespace beacon
