#include "service/launch/privileges.h"

#include "core/base/user_map.h"
#include "core/launch/capabilities.h"

#include <algorithm>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace beacon {

namespace {

Result<> becomeUser(const UserIds& user)
{
    if (::getuid() == user.uid && ::getgid() == user.gid)
        return {};
    if (!isMapped("/proc/self/uid_map", user.uid) || !isMapped("/proc/self/gid_map", user.gid))
        return {}; // where one user is all there is, that one it stays
    if (::prctl(PR_SET_KEEPCAPS, 1) != 0)
        return systemError("prctl PR_SET_KEEPCAPS");
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0
        || ::setresuid(user.uid, user.uid, user.uid) != 0)
        return systemError("become user " + std::to_string(user.uid));
    return {};
}

void dropFromBoundingSet(const std::vector<cap_value_t>& kept)
{
    for (cap_value_t value = 0; value < ::cap_max_bits(); ++value)
        if (std::find(kept.begin(), kept.end(), value) == kept.end())
            ::cap_drop_bound(value); // without CAP_SETPCAP there is nothing to gain from it either
}

} // namespace

Result<> becomeUnprivileged(const LaunchRequest& request)
{
    const auto kept = request.netAdmin ? permitted({CAP_NET_RAW, CAP_NET_ADMIN}) : permitted({CAP_NET_RAW});
    dropFromBoundingSet(kept);
    ::cap_reset_ambient();
    if (request.user)
        if (auto became = becomeUser(*request.user); !became)
            return became;
    if (!keepOnly(kept, true))
        return systemError("drop capabilities");
    for (const cap_value_t value : kept)
        if (::cap_set_ambient(value, CAP_SET) != 0)
            return systemError("keep a capability over execve");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return systemError("prctl PR_SET_NO_NEW_PRIVS");
    return {};
}

std::string capabilitiesNow()
{
    std::string list;
    for (const auto& [value, name] : {std::pair{CAP_NET_RAW, "net_raw"}, std::pair{CAP_NET_ADMIN, "net_admin"}})
        if (!permitted({value}).empty())
            list += (list.empty() ? "" : ",") + std::string{name};
    return list.empty() ? "none" : list;
}

} // namespace beacon
