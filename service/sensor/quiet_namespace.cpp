#include "service/sensor/quiet_namespace.h"

#include <QDir>

#include <string>
#include <vector>

namespace beacon::quiet {

namespace {

struct Setting {
    std::string path, value;
};

/// "all" first: that changes those that are there. The others, because each of them may be set by itself.
std::vector<Setting> forwarding()
{
    std::vector<Setting> found;
    for (const char* const family : {"net/ipv4/conf/", "net/ipv6/conf/"}) {
        found.push_back({std::string{family} + "all/forwarding", "0"});
        const auto names =
            QDir{QStringLiteral("/proc/sys/") + QLatin1StringView{family}}.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
        for (const QString& name : names)
            found.push_back({family + name.toStdString() + "/forwarding", "0"});
    }
    return found;
}

std::vector<Setting> bridge()
{
    auto all = forwarding();
    for (const char* const which : {"all", "default"})
        all.push_back({std::string{"net/ipv6/conf/"} + which + "/disable_ipv6", "1"});
    for (const char* const caller : {"iptables", "ip6tables", "arptables"})
        all.push_back({std::string{"net/bridge/bridge-nf-call-"} + caller, "0"});
    return all;
}

Result<> set(const std::vector<Setting>& wanted)
{
    for (const Setting& each : wanted) {
        auto done = setSysctl(each.path, each.value);
        if (!done && done.error().code != Errc::NotFound)
            return done;
    }
    return {};
}

Result<bool> are(const std::vector<Setting>& wanted)
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

Result<bool> areIn(const NetworkNamespace& where, std::vector<Setting> (*wanted)())
{
    bool is = false;
    auto looked = where.run([&is, wanted]() -> Result<> {
        const auto found = are(wanted());
        is = found && *found;
        return found ? Result<>{} : Result<>{found.error()};
    });
    return looked ? Result<bool>{is} : Result<bool>{looked.error()};
}

} // namespace

Result<> forwardNothing(const NetworkNamespace& where)
{
    return where.run([] { return set(forwarding()); });
}

Result<bool> forwardsNothing(const NetworkNamespace& where)
{
    return areIn(where, forwarding);
}

Result<> beOnlyABridge(const NetworkNamespace& where)
{
    return where.run([] { return set(bridge()); });
}

Result<bool> isOnlyABridge(const NetworkNamespace& where)
{
    return areIn(where, bridge);
}

} // namespace beacon::quiet
