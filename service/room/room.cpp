#include "service/room/room.h"

#include "service/room/mounts.h"
#include "service/room/place.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::uint64_t kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kReadOnly = kHarmless | MOUNT_ATTR_RDONLY;
constexpr std::uint64_t kNoPrograms = kHarmless | MOUNT_ATTR_NOEXEC;

const std::string kTmpBytes = "67108864"; // memory of the host's
const std::string kFewBytes = "65536"; // for names only
const std::string kMostFiles = "16384";

constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};

bool isMissing(const Error& error)
{
    return error.sys == ENOENT || error.sys == ENOTDIR;
}

Result<UniqueFd> newTmpfs(const char* mode, const std::string& bytes, std::uint64_t attributes = kHarmless)
{
    return newMount("tmpfs", {{"mode", mode}, {"size", bytes}, {"nr_inodes", kMostFiles}}, attributes);
}

Result<> attachTmpfs(const std::string& path, const char* mode)
{
    const auto mount = newTmpfs(mode, kTmpBytes);
    return mount ? attach(*mount, path) : mount.error();
}

/// An empty folder over a folder, an empty file over a file. The folder's mount, for it is not read-only yet; a file,
/// or nothing where there is nothing: none.
Result<UniqueFd> hide(const std::string& path)
{
    const auto place = openPlace(path);
    if (!place)
        return isMissing(place.error()) ? Result<UniqueFd>{UniqueFd{}} : place.error();
    const auto folder = isFolder(*place);
    if (!folder)
        return folder.error();
    auto cover = *folder ? newTmpfs("0555", kFewBytes, kNoPrograms) : copyOf("/dev/null", MOUNT_ATTR_NOSUID);
    if (!cover)
        return cover.error();
    if (auto attached = attach(*cover, *place, path); !attached)
        return attached.error();
    return *folder ? std::move(cover) : Result<UniqueFd>{UniqueFd{}};
}

Result<> hideForGood(const char* path)
{
    const auto cover = hide(path);
    if (!cover)
        return cover.error();
    return *cover ? addAttributes(*cover, kReadOnly) : Result<>{};
}

/// Copies are taken before anything is covered.
Result<std::vector<UniqueFd>> copiesOf(const std::vector<Bind>& binds)
{
    std::vector<UniqueFd> copies;
    copies.reserve(binds.size());
    for (const Bind& bind : binds) {
        auto copy = copyOf(bind.source, bind.isWritable ? kHarmless : kReadOnly);
        if (!copy)
            return copy.error();
        copies.push_back(*std::move(copy));
    }
    return copies;
}

Result<> attachBind(const Bind& bind, const UniqueFd& copy, const UserIds& owner)
{
    const auto folder = isFolder(copy);
    if (!folder)
        return folder.error();
    const auto place = makePlace(bind.target, *folder, owner);
    return place ? attach(copy, *place, bind.target) : place.error();
}

using Devices = std::vector<std::pair<std::string, UniqueFd>>;

Result<Devices> copiesOfDevices()
{
    Devices devices;
    for (const char* name : kDevices) {
        auto copy = copyOf(std::string{"/dev/"} + name, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        if (copy)
            devices.emplace_back(name, *std::move(copy));
        else if (!isMissing(copy.error()))
            return copy.error();
    }
    return devices;
}

Result<> furnishDev(const UniqueFd& dev)
{
    constexpr mode_t kFolder = 0755;
    for (const char* folder : {"pts", "shm"})
        if (::mkdirat(dev.get(), folder, kFolder) != 0)
            return systemError(std::string{"make /dev/"} + folder);
    constexpr std::pair<const char*, const char*> kLinks[] = {{"ptmx", "pts/ptmx"}, {"fd", "/proc/self/fd"},
        {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}};
    for (const auto& [name, target] : kLinks)
        if (::symlinkat(target, dev.get(), name) != 0)
            return systemError(std::string{"make /dev/"} + name);
    return {};
}

/// It is still writable.
Result<UniqueFd> buildDev(const Devices& devices)
{
    constexpr mode_t kFile = 0644;
    auto dev = newTmpfs("0755", kFewBytes, kNoPrograms);
    if (!dev)
        return dev;
    if (auto furnished = furnishDev(*dev); !furnished)
        return furnished.error();
    for (const auto& [name, copy] : devices)
        if (!UniqueFd{::openat(dev->get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFile)})
            return systemError("make /dev/" + name);
    if (auto attached = attach(*dev, "/dev"); !attached)
        return attached.error();
    for (const auto& [name, copy] : devices)
        if (auto attached = attach(copy, "/dev/" + name); !attached)
            return attached.error();
    // Its terminals belong to whoever opens them.
    const auto pts =
        newMount("devpts", {{"ptmxmode", "0666"}, {"mode", "0600"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    if (!pts)
        return pts.error();
    if (auto attached = attach(*pts, "/dev/pts"); !attached)
        return attached.error();
    if (auto attached = attachTmpfs("/dev/shm", "1777"); !attached)
        return attached.error();
    return dev;
}

/// Where a container's root may not mount its own, none is better than the one of somebody else's network.
Result<UniqueFd> newSys()
{
    auto sys = newMount("sysfs", {}, kNoPrograms | MOUNT_ATTR_RDONLY);
    return sys || sys.error().sys != EPERM ? std::move(sys) : newTmpfs("0555", kFewBytes, kReadOnly);
}

Result<> attachSys(const UniqueFd& sys)
{
    if (auto attached = attach(sys, "/sys"); !attached)
        return attached;
    for (const char* path : {"/sys/firmware", "/sys/devices/virtual/powercap"})
        if (auto hidden = hideForGood(path); !hidden)
            return hidden;
    return {};
}

Result<> attachTemporary(const RunRequest& request, const UserIds& owner)
{
    for (const char* path : {"/tmp", "/var/tmp"})
        if (auto attached = attachTmpfs(path, "1777"); !attached && !isMissing(attached.error()))
            return attached;
    const auto isRun = [](const Bind& bind) { return bind.target == "/run"; };
    if (std::any_of(request.binds.begin(), request.binds.end(), isRun))
        return {};
    const auto run = newMount("tmpfs",
        {{"mode", "0755"}, {"size", kTmpBytes}, {"nr_inodes", kMostFiles}, {"uid", std::to_string(owner.uid)},
            {"gid", std::to_string(owner.gid)}},
        kHarmless);
    return run ? attach(*run, "/run") : run.error();
}

Result<> hideAndBind(const RunRequest& request, const std::vector<UniqueFd>& copies, const UserIds& owner)
{
    std::vector<UniqueFd> covers;
    covers.reserve(request.hidden.size());
    for (const std::string& path : request.hidden) {
        auto cover = hide(path);
        if (!cover)
            return cover.error();
        if (*cover)
            covers.push_back(*std::move(cover));
    }
    for (std::size_t i = 0; i < copies.size(); ++i)
        if (auto attached = attachBind(request.binds[i], copies[i], owner); !attached)
            return attached;
    for (const UniqueFd& cover : covers)
        if (auto closed = addAttributes(cover, MOUNT_ATTR_RDONLY); !closed)
            return closed;
    return {};
}

} // namespace

Result<> buildRoom(const RunRequest& request, const UserIds& owner)
{
    ::umask(0); // modes are as they are said
    const auto copies = copiesOf(request.binds);
    if (!copies)
        return copies.error();
    const auto devices = copiesOfDevices();
    if (!devices)
        return devices.error();
    const auto sys = newSys();
    if (!sys)
        return sys.error();
    std::vector<std::string> covered{"/dev", "/sys", "/run", "/tmp", "/var/tmp"};
    covered.insert(covered.end(), request.hidden.begin(), request.hidden.end());
    if (auto detached = detachBelow(covered); !detached)
        return detached;
    if (auto closed = addAttributes("/", kReadOnly); !closed)
        return closed;
    const auto dev = buildDev(*devices);
    if (!dev)
        return dev.error();
    if (auto attached = attachSys(*sys); !attached)
        return attached;
    if (auto attached = attachTemporary(request, owner); !attached)
        return attached;
    if (auto done = hideAndBind(request, *copies, owner); !done)
        return done;
    return addAttributes(*dev, MOUNT_ATTR_RDONLY);
}

Result<> mountProc()
{
    const auto proc = newMount("proc", {}, kNoPrograms);
    if (!proc)
        return proc.error();
    if (auto detached = detachBelow({"/proc"}); !detached)
        return detached;
    if (auto attached = attach(*proc, "/proc"); !attached)
        return attached;
    for (const std::string path : {"/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq"}) {
        const auto copy = copyOf(path, kNoPrograms | MOUNT_ATTR_RDONLY);
        if (!copy && isMissing(copy.error()))
            continue;
        if (auto attached = copy ? attach(*copy, path) : copy.error(); !attached)
            return attached;
    }
    for (const char* path : {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
             "/proc/sched_debug", "/proc/scsi", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats"})
        if (auto hidden = hideForGood(path); !hidden)
            return hidden;
    return {};
}

} // namespace beacon
