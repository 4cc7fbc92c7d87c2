#include "core/base/resolvers.h"

#include "core/base/unique_fd.h"

#include <algorithm>
#include <fcntl.h>

namespace beacon {

namespace {

constexpr std::size_t kMaxResolvers = 8;
constexpr std::size_t kMaxFileBytes = 64 * 1024;

bool isLoopback(const IpAddress& address)
{
    if (address.family() == Family::Ipv4)
        return address.bytes()[0] == 127;
    return address == IpAddress::parse("::1");
}

} // namespace

std::vector<IpAddress> parseResolvers(std::string_view resolvConf)
{
    std::vector<IpAddress> resolvers;
    while (!resolvConf.empty() && resolvers.size() < kMaxResolvers) {
        const std::string_view line = resolvConf.substr(0, resolvConf.find('\n'));
        resolvConf.remove_prefix(std::min(resolvConf.size(), line.size() + 1));
        constexpr std::string_view kKeyword = "nameserver";
        constexpr std::string_view kBlank = " \t\r";
        if (!line.starts_with(kKeyword))
            continue;
        const std::size_t from = line.find_first_not_of(kBlank, kKeyword.size());
        if (from == std::string_view::npos || from == kKeyword.size())
            continue;
        std::string_view text = line.substr(from);
        text = text.substr(0, text.find_first_of(" \t\r%"));
        const auto address = IpAddress::parse(text);
        if (address && !isLoopback(*address) && std::ranges::find(resolvers, *address) == resolvers.end())
            resolvers.push_back(*address);
    }
    return resolvers;
}

std::vector<IpAddress> readResolvers(const std::string& path)
{
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    std::string text(kMaxFileBytes, '\0');
    const ssize_t bytes = ::read(file.get(), text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    return parseResolvers(text);
}

} // namespace beacon
