#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace beacon {

/// As in OCSF's severity_id, 1 to 5.
enum class Severity : std::uint8_t { Informational = 1, Low = 2, Medium = 3, High = 4, Critical = 5 };

[[nodiscard]] constexpr std::optional<Severity> severityFromNumber(std::int64_t number) noexcept
{
    if (number < 1 || number > 5)
        return std::nullopt;
    return static_cast<Severity>(number);
}

[[nodiscard]] constexpr int number(Severity severity) noexcept
{
    return static_cast<int>(severity);
}

/// For people: "informational" … "critical".
[[nodiscard]] std::string_view severityName(Severity severity) noexcept;

} // namespace beacon
