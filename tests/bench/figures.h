#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// What every bench prints, and how it takes the time.
namespace beacon::bench {

/// One figure: name, value, unit, goal ("none": told for comparison) and whether it was met, separated by tabs.
void row(const std::string& figure, double value, const char* unit, const char* goal = "none", bool pass = true);

[[nodiscard]] double nowMs(); ///< monotonic

/// Measurements of one thing, in any unit.
class Samples {
public:
    explicit Samples(std::size_t expected = 0) { m_values.reserve(expected); }
    void add(double value) { m_values.push_back(value); }
    [[nodiscard]] std::size_t size() const noexcept { return m_values.size(); }
    [[nodiscard]] double at(double share) const; ///< 0.5: the median; 1e9 where there is none
    [[nodiscard]] double median() const { return at(0.5); }

private:
    std::vector<double> m_values;
};

} // namespace beacon::bench
