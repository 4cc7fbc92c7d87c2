#include "core/base/result.h"

#include <cerrno>
#include <cstring>
#include <sysexits.h>

namespace beacon {

std::string describe(const Error& error)
{
    if (error.sys == 0)
        return error.context;
    char buffer[128];
    return error.context + ": " + strerror_r(error.sys, buffer, sizeof buffer);
}

Error systemError(std::string context)
{
    const int sys = errno;
    const Errc code = sys == EACCES || sys == EPERM                 ? Errc::Denied
        : sys == ENOENT || sys == ENODEV || sys == ENXIO            ? Errc::NotFound
        : sys == EBUSY || sys == EADDRINUSE || sys == EAGAIN        ? Errc::Busy
        : sys == EOPNOTSUPP || sys == ENOSYS || sys == EAFNOSUPPORT ? Errc::Unsupported
                                                                    : Errc::System;
    return Error{code, sys, std::move(context)};
}

int exitCode(const Error& error) noexcept
{
    switch (error.code) {
    case Errc::BadInput:
        return error.sys == 0 ? EX_DATAERR : EX_NOINPUT;
    case Errc::Denied:
        return EX_NOPERM;
    case Errc::NotFound:
        return EX_NOINPUT;
    case Errc::Busy:
    case Errc::Timeout:
        return EX_TEMPFAIL;
    case Errc::TooLarge:
    case Errc::Corrupt:
        return EX_DATAERR;
    case Errc::Unsupported:
        return EX_UNAVAILABLE;
    case Errc::System:
        return EX_OSERR;
    }
    return EX_SOFTWARE;
}

} // namespace beacon
