#include "service/launch/launch.h"

#include "core/launch/launcher.h"
#include "service/launch/leftovers.h"
#include "service/launch/privileges.h"

#include <cerrno>
#include <sys/wait.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr const char* kUsage = "usage: beacon-launch [--parent PID] [--report FD] [--user UID:GID] [--net-admin] "
                               "-- BINARY ARG...";

/// Without CAP_SYS_PTRACE nobody reads the environment of another user's processes, but that user itself does.
void sweepLeftoversOf(LaunchRequest request)
{
    sweepLeftovers();
    if (!request.user)
        return;
    request.netAdmin = true; // nor of processes that can more than whoever reads
    const pid_t sweeper = ::fork();
    if (sweeper == 0) {
        if (becomeUnprivileged(request))
            sweepLeftovers();
        ::_exit(0);
    }
    while (sweeper > 0 && ::waitpid(sweeper, nullptr, 0) < 0 && errno == EINTR)
        ;
}

std::optional<UserIds> userIn(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto uid = numberIn<uid_t>(text.substr(0, colon));
    const auto gid = numberIn<gid_t>(text.substr(colon + 1));
    constexpr auto kNobody = static_cast<uid_t>(-1); // "leave it as it is", setresuid(2)
    return uid && gid && *uid != kNobody && *gid != kNobody ? std::optional{UserIds{*uid, *gid}} : std::nullopt;
}

bool readOption(std::string_view name, std::string_view value, LaunchRequest& request)
{
    if (name == "--user") {
        request.user = userIn(value);
        return request.user.has_value();
    }
    return readLaunchOption(name, value, request);
}

} // namespace

Result<LaunchRequest> readLaunchRequest(std::span<char* const> arguments)
{
    LaunchRequest request;
    std::size_t i = 0;
    for (; i < arguments.size() && std::string_view{arguments[i]} != "--"; ++i) {
        const std::string_view name = arguments[i];
        if (name == "--net-admin")
            request.netAdmin = true;
        else if (++i >= arguments.size() || !readOption(name, arguments[i], request))
            return Error{Errc::BadInput, 0, kUsage};
    }
    if (auto read = readCommand(arguments.subspan(i), "beacon-launch -- /usr/bin/beacon eth0", request); !read)
        return read.error();
    return request;
}

void launch(const LaunchRequest& request)
{
    detachFromStarter(request);
    if (!request.command[0].starts_with('/'))
        execFailed(request, EINVAL);
    Containment containment;
    if (auto opened = containment.open(); !opened)
        failed(request, opened.error());
    if (containment.kind() == Containment::Kind::ProcessGroup)
        sweepLeftoversOf(request);
    runContained(request, containment, [&request]() -> Result<Standing> {
        if (auto dropped = becomeUnprivileged(request); !dropped)
            return dropped.error();
        return Standing{::getuid(), capabilitiesNow()};
    });
}

} // namespace beacon
