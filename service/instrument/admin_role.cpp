#include "service/instrument/admin_role.h"

#include <grp.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr uid_t kOverflowUid = 65'534;

bool isFromWithout(const rpc::Credentials& credentials)
{
    return credentials.pid == 0 && credentials.uid == kOverflowUid;
}

} // namespace

admin::Role roleOf(const rpc::Credentials& credentials, bool ownsRuntimeRoot)
{
    const group* admins = ::getgrnam("beacon-admin");
    const bool isAdmin = credentials.uid == 0 || credentials.uid == ::geteuid()
        || (admins != nullptr && credentials.isInGroup(admins->gr_gid))
        || (ownsRuntimeRoot && isFromWithout(credentials));
    return isAdmin ? admin::Role::Admin : admin::Role::Observer;
}

} // namespace beacon
