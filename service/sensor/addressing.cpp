#include "service/sensor/addressing.h"

namespace beacon {

namespace {

Error notYet(const std::string& interface)
{
    return Error{Errc::Unsupported, 0, "configure addresses of " + interface};
}

} // namespace

Result<> configureAddresses(const std::string&, const std::string& interface, const Addressing&)
{
    return notYet(interface);
}

Result<> applyLease(const std::string&, const std::string& interface, const Lease&)
{
    return notYet(interface);
}

Result<> dropLease(const std::string&, const std::string& interface)
{
    return notYet(interface);
}

Result<AddressFacts> lookAddresses(const std::string&, const std::string& interface)
{
    return notYet(interface);
}

} // namespace beacon
