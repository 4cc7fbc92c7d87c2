#pragma once

#include "core/lines/line.h"

#include <QJsonObject>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace beacon {

/// Counts attempts by technique, family and outcome for one event a minute.
///
/// Limits:  kMostRows kinds; further ones, and names that are no technique's, are counted as technique "Other".
class RollUp {
public:
    static constexpr std::size_t kMostRows = 512;

    void add(const AttemptLine& line);
    [[nodiscard]] bool empty() const noexcept { return m_counts.empty(); }
    /// The event's data; begins anew.
    [[nodiscard]] QJsonObject take(double seconds);

private:
    std::map<std::tuple<std::string, Family, Outcome>, std::uint64_t> m_counts;
};

/// PascalCase, as the event schema has it; "Other" for anything else.
[[nodiscard]] std::string techniqueOrOther(const std::string& name);

} // namespace beacon
