#include "core/launch/capabilities.h"

#include <memory>
#include <type_traits>

namespace beacon {

namespace {

struct FreeCap {
    void operator()(void* caps) const { ::cap_free(caps); }
};
using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCap>;

bool has(cap_t caps, cap_value_t value)
{
    cap_flag_value_t state = CAP_CLEAR;
    return ::cap_get_flag(caps, value, CAP_PERMITTED, &state) == 0 && state == CAP_SET;
}

} // namespace

std::vector<cap_value_t> permitted(const std::vector<cap_value_t>& wanted)
{
    const Caps now{::cap_get_proc()};
    std::vector<cap_value_t> values;
    values.reserve(wanted.size());
    for (const cap_value_t value : wanted)
        if (now && has(now.get(), value))
            values.push_back(value);
    return values;
}

bool keepOnly(const std::vector<cap_value_t>& values, bool inheritable)
{
    const Caps caps{::cap_init()};
    if (!caps)
        return false;
    for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE})
        if (!values.empty() && (inheritable || flag != CAP_INHERITABLE))
            ::cap_set_flag(caps.get(), flag, static_cast<int>(values.size()), values.data(), CAP_SET);
    return ::cap_set_proc(caps.get()) == 0;
}

void keepOnlyKill()
{
    static_cast<void>(keepOnly(permitted({CAP_KILL}), false));
}

void keepNothing()
{
    static_cast<void>(keepOnly({}, false));
}

} // namespace beacon
