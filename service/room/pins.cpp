#include "service/room/pins.h"

#include "service/room/child.h"
#include "service/room/namespace_file.h"
#include "service/room/network_settings.h"

#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

namespace beacon {

namespace {

using MaybePin = std::optional<UniqueFd>;

/// Held as long as the descriptor is: two that make the same at once would make it twice.
Result<UniqueFd> lockFolderOf(const std::string& path)
{
    const std::string folder = std::filesystem::path{path}.parent_path().string();
    UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::flock(fd.get(), LOCK_EX) != 0)
        return systemError("lock the folder " + folder);
    return fd;
}

Result<UniqueFd> namespaceOf(const Child& child, const char* kind)
{
    const std::string path = "/proc/" + std::to_string(child.pid()) + "/ns/" + kind;
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd)
        return systemError("open " + path);
    return fd;
}

Result<> writeMap(const Child& child, const char* map, std::uint32_t base)
{
    const std::string path = "/proc/" + std::to_string(child.pid()) + '/' + map;
    const std::string text = "0 " + std::to_string(base) + ' ' + std::to_string(kIdsPerRange);
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return systemError("give a user namespace the ids from " + std::to_string(base) + " on");
    return {};
}

Result<UniqueFd> newUserNamespace(std::uint32_t base)
{
    const auto child = Child::start([]() -> Result<std::string> {
        if (::unshare(CLONE_NEWUSER) != 0)
            return systemError("make a user namespace");
        return std::string{};
    });
    if (!child)
        return child.error();
    for (const char* map : {"uid_map", "gid_map"})
        if (auto written = writeMap(*child, map, base); !written)
            return written.error();
    return namespaceOf(*child, "user");
}

/// `userFd` is its owner; -1: our own user namespace is.
Result<UniqueFd> newNetworkNamespace(int userFd)
{
    const auto child = Child::start([userFd]() -> Result<std::string> {
        if (userFd >= 0)
            if (auto entered = enter(userFd, CLONE_NEWUSER, {}); !entered)
                return entered.error();
        if (::unshare(CLONE_NEWNET) != 0)
            return systemError("make a network namespace");
        return std::string{};
    });
    if (!child)
        return child.error();
    return namespaceOf(*child, "net");
}

Error belongsToAnother(const std::string& path)
{
    return {Errc::BadInput, 0,
        path + " pins a namespace that belongs to another user namespace; unpin it with: sensor-room drop " + path};
}

/// Pins the owner of `network` where only its own pin was lost.
Result<UniqueFd> userNamespaceFor(const MakeRequest& request, const MaybePin& network)
{
    auto pinned = openPin(request.userNamespace, CLONE_NEWUSER);
    if (!pinned)
        return pinned.error();
    if (*pinned)
        return *std::move(*pinned);
    auto made = network ? ownerOf(network->get()) : newUserNamespace(request.idBase);
    if (!made)
        return made;
    const auto isOurs = isOurUserNamespace(made->get());
    if (!isOurs)
        return isOurs.error();
    if (*isOurs)
        return belongsToAnother(request.networkNamespace);
    const auto base = idBaseOf(made->get());
    if (!base || *base != request.idBase)
        return base ? belongsToAnother(request.networkNamespace) : base.error();
    if (auto done = pin(made->get(), request.userNamespace); !done)
        return done.error();
    return made;
}

Result<> checkIds(int userFd, const MakeRequest& request)
{
    const auto base = idBaseOf(userFd);
    if (base && *base == request.idBase)
        return {};
    if (base)
        return Error{Errc::BadInput, 0,
            request.userNamespace + " has the ids from " + std::to_string(*base) + " on, not from "
                + std::to_string(request.idBase) + "; unpin it with: sensor-room drop " + request.userNamespace};
    if (base.error().code == Errc::BadInput)
        return Error{Errc::BadInput, 0, request.userNamespace + ": " + base.error().context};
    return base.error();
}

/// `userFd`: as newNetworkNamespace() has it.
Result<UniqueFd> networkNamespaceFor(const MakeRequest& request, MaybePin pinned, int userFd)
{
    if (!pinned) {
        auto made = newNetworkNamespace(userFd);
        if (!made)
            return made;
        if (auto done = pin(made->get(), request.networkNamespace); !done)
            return done.error();
        return made;
    }
    const auto owner = ownerOf(pinned->get());
    if (!owner)
        return owner.error();
    const auto fits = userFd >= 0 ? isSame(owner->get(), userFd) : isOurUserNamespace(owner->get());
    if (!fits)
        return fits.error();
    if (!*fits)
        return belongsToAnother(request.networkNamespace);
    return *std::move(pinned);
}

Result<> setUp(int networkFd, bool isInstruments)
{
    const auto child = Child::start([=]() -> Result<std::string> {
        if (auto entered = enter(networkFd, CLONE_NEWNET, {}); !entered)
            return entered.error();
        if (auto forwards = forwardNothing(); !forwards)
            return forwards.error();
        if (auto done = isInstruments ? setUpLoopback() : beOnlyABridge(); !done)
            return done.error();
        return std::string{};
    });
    return child ? Result<>{} : child.error();
}

} // namespace

Result<> makePins(const MakeRequest& request)
{
    const auto lock = lockFolderOf(request.networkNamespace);
    if (!lock)
        return lock.error();
    auto network = openPin(request.networkNamespace, CLONE_NEWNET);
    if (!network)
        return network.error();
    UniqueFd user;
    if (!request.userNamespace.empty()) {
        auto found = userNamespaceFor(request, *network);
        if (!found)
            return found.error();
        user = *std::move(found);
        if (auto fits = checkIds(user.get(), request); !fits)
            return fits;
    }
    const auto made = networkNamespaceFor(request, *std::move(network), user.get());
    if (!made)
        return made.error();
    return setUp(made->get(), bool(user));
}

Result<> dropPins(const DropRequest& request)
{
    Result<> first;
    for (const std::string& file : request.files)
        if (auto dropped = unpin(file); !dropped && first)
            first = std::move(dropped);
    return first;
}

} // namespace beacon
