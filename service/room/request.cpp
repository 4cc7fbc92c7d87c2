#include "service/room/request.h"

#include <algorithm>
#include <string_view>

namespace beacon {

namespace {

constexpr const char* kRunUsage = "usage: sensor-room run [--parent PID] [--report FD] [--user-namespace FILE] "
                                  "[--network-namespace FILE] [--cgroup DIR]... [--processes N] "
                                  "[--bind SOURCE:TARGET]... [--bind-writable SOURCE:TARGET]... [--hide PATH]... "
                                  "[--hostname NAME] -- BINARY ARG...";
constexpr const char* kMakeUsage =
    "usage: sensor-room make --network-namespace FILE [--user-namespace FILE --id-base N]";
constexpr const char* kUsage = "say what to do: sensor-room run, make or drop; see sensor-room --help";

Error usage(const char* text)
{
    return {Errc::BadInput, 0, text};
}

bool isAbsolute(std::string_view path)
{
    return path.starts_with('/');
}

bool readBind(std::string_view value, bool isWritable, RunRequest& request)
{
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos)
        return false;
    Bind bind{std::string{value.substr(0, colon)}, std::string{value.substr(colon + 1)}, isWritable};
    while (bind.target.size() > 1 && bind.target.ends_with('/'))
        bind.target.pop_back();
    const bool isForUs = bind.target == "/" || bind.target == "/proc" || bind.target.starts_with("/proc/");
    const bool good = isAbsolute(bind.source) && isAbsolute(bind.target) && !isForUs;
    request.binds.push_back(std::move(bind));
    return good;
}

bool readPath(std::string_view value, std::string& path)
{
    path = value;
    return isAbsolute(value);
}

bool readRunOption(std::string_view name, std::string_view value, RunRequest& request)
{
    if (name == "--user-namespace")
        return readPath(value, request.userNamespace);
    if (name == "--network-namespace")
        return readPath(value, request.networkNamespace);
    if (name == "--cgroup")
        return readPath(value, request.cgroups.emplace_back());
    if (name == "--hide")
        return readPath(value, request.hidden.emplace_back()) && value != "/";
    if (name == "--bind" || name == "--bind-writable")
        return readBind(value, name == "--bind-writable", request);
    if (name == "--hostname") {
        constexpr std::size_t kLongest = 64; // uname(2)
        request.hostname = value;
        return !value.empty() && value.size() <= kLongest;
    }
    if (name == "--processes") {
        const auto number = numberIn<unsigned>(value);
        request.processes = number.value_or(0);
        return request.processes > 0;
    }
    return readLaunchOption(name, value, request);
}

Result<Request> readRun(std::span<char* const> arguments)
{
    RunRequest request;
    std::size_t i = 0;
    for (; i < arguments.size() && std::string_view{arguments[i]} != "--"; i += 2)
        if (i + 1 >= arguments.size() || !readRunOption(arguments[i], arguments[i + 1], request))
            return usage(kRunUsage);
    const auto command = arguments.subspan(std::min(i, arguments.size()));
    if (auto read = readCommand(command, "sensor-room run -- /usr/bin/beacon-instrument", request); !read)
        return read.error();
    return Request{std::move(request)};
}

Result<Request> readMake(std::span<char* const> arguments)
{
    constexpr std::uint32_t kLowest = 65'536, kHighest = 4'294'836'224; // not the host's own; below 2^32 - 2^16
    MakeRequest request;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        const std::string_view name = arguments[i];
        if (i + 1 >= arguments.size())
            return usage(kMakeUsage);
        const std::string_view value = arguments[i + 1];
        const auto number = numberIn<std::uint32_t>(value);
        if (name == "--id-base" && number && *number >= kLowest && *number <= kHighest)
            request.idBase = *number;
        else if (!(name == "--network-namespace" && readPath(value, request.networkNamespace))
            && !(name == "--user-namespace" && readPath(value, request.userNamespace)))
            return usage(kMakeUsage);
    }
    if (request.networkNamespace.empty() || request.userNamespace.empty() != (request.idBase == 0))
        return usage(kMakeUsage);
    return Request{std::move(request)};
}

Result<Request> readDrop(std::span<char* const> arguments)
{
    DropRequest request;
    request.files.assign(arguments.begin(), arguments.end());
    if (request.files.empty() || !std::all_of(request.files.begin(), request.files.end(), isAbsolute))
        return usage("usage: sensor-room drop FILE..., each with its whole path");
    return Request{std::move(request)};
}

} // namespace

Result<Request> readRequest(std::span<char* const> arguments)
{
    if (arguments.empty())
        return usage(kUsage);
    const std::string_view what = arguments[0];
    const auto rest = arguments.subspan(1);
    if (what == "run")
        return readRun(rest);
    if (what == "make")
        return readMake(rest);
    return what == "drop" ? readDrop(rest) : usage(kUsage);
}

} // namespace beacon
