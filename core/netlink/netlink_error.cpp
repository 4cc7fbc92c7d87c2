#include "core/netlink/netlink_error.h"

namespace beacon {

Error netlinkError(int code, const std::string& context)
{
    Errc kind = Errc::System;
    if (code == -NLE_PERM || code == -NLE_NOACCESS)
        kind = Errc::Denied;
    else if (code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND)
        kind = Errc::NotFound;
    return Error{kind, 0, context + ": " + nl_geterror(code)};
}

} // namespace beacon
