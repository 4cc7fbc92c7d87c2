#include "service/sensor/quiet_namespace.h"

#include <array>
#include <span>

namespace beacon::quiet {

namespace {

struct Setting {
    const char* path;
    const char* value;
};

constexpr auto kForwarding = std::to_array<Setting>({
    {"net/ipv4/conf/all/forwarding", "0"},
    {"net/ipv4/conf/default/forwarding", "0"},
    {"net/ipv6/conf/all/forwarding", "0"},
    {"net/ipv6/conf/default/forwarding", "0"},
});

constexpr auto kBridge = std::to_array<Setting>({
    {"net/ipv6/conf/all/disable_ipv6", "1"},
    {"net/ipv6/conf/default/disable_ipv6", "1"},
    {"net/bridge/bridge-nf-call-iptables", "0"},
    {"net/bridge/bridge-nf-call-ip6tables", "0"},
    {"net/bridge/bridge-nf-call-arptables", "0"},
});

Result<> set(std::span<const Setting> wanted)
{
    for (const Setting& each : wanted) {
        auto done = setSysctl(each.path, each.value);
        if (!done && done.error().code != Errc::NotFound)
            return done;
    }
    return {};
}

Result<bool> are(std::span<const Setting> wanted)
{
    for (const Setting& each : wanted) {
        const auto now = sysctl(each.path);
        if (!now && now.error().code != Errc::NotFound)
            return now.error();
        if (now && *now != each.value)
            return false;
    }
    return true;
}

} // namespace

Result<> forwardNothing(const NetworkNamespace& where)
{
    return where.run([] { return set(kForwarding); });
}

Result<> beOnlyABridge(const NetworkNamespace& where)
{
    return where.run([]() -> Result<> {
        auto done = set(kForwarding);
        return done ? set(kBridge) : done;
    });
}

Result<bool> isOnlyABridge(const NetworkNamespace& where)
{
    bool is = false;
    auto looked = where.run([&is]() -> Result<> {
        for (const std::span<const Setting> each :
            {std::span<const Setting>{kForwarding}, std::span<const Setting>{kBridge}}) {
            const auto some = are(each);
            if (!some)
                return some.error();
            is = *some;
            if (!is)
                break;
        }
        return {};
    });
    return looked ? Result<bool>{is} : Result<bool>{looked.error()};
}

} // namespace beacon::quiet
