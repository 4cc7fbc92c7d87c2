#include "core/launch/launch_order.h"

namespace beacon {

bool readLaunchOption(std::string_view name, std::string_view value, LaunchOrder& order)
{
    const auto number = numberIn<int>(value);
    if ((name != "--parent" && name != "--report") || !number)
        return false;
    (name == "--parent" ? order.parent : order.report) = *number;
    return true;
}

Result<> readCommand(std::span<char* const> arguments, const char* example, LaunchOrder& order)
{
    if (arguments.size() < 2)
        return Error{Errc::BadInput, 0, std::string{"name the program to run after --, as in: "} + example};
    order.command.assign(arguments.begin() + 1, arguments.end());
    return {};
}

} // namespace beacon
