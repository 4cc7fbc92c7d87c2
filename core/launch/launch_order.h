#pragma once

#include "core/base/result.h"

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace beacon {

/// What every launcher is told on its command line: [--parent PID] [--report FD] ... -- BINARY ARG...
struct LaunchOrder {
    const char* launcher = ""; ///< its name: who says what goes to stderr
    pid_t parent = 0; ///< whose death ends the program; 0: whoever it is at the start
    int report = -1; ///< -1: none
    std::vector<std::string> command; ///< [0] is an absolute path
    std::vector<const char*> environment; ///< the variables that the program is given, where they are there
    unsigned processes = 1'024; ///< RLIMIT_NPROC: of each of its users
};

/// Not negative, and nothing after it.
template <class Number> [[nodiscard]] std::optional<Number> numberIn(std::string_view text)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional{value} : std::nullopt;
}

/// --parent or --report; false: it is neither, or its value is wrong.
[[nodiscard]] bool readLaunchOption(std::string_view name, std::string_view value, LaunchOrder& order);

/// `arguments` begin with the "--". BadInput: nothing stands after it.
[[nodiscard]] Result<> readCommand(std::span<char* const> arguments, const char* example, LaunchOrder& order);

} // namespace beacon
