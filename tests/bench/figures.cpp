#include "tests/bench/figures.h"

#include <algorithm>
#include <cstdio>

namespace beacon::bench {

void row(const std::string& figure, double value, const char* unit, const char* goal, bool pass)
{
    std::printf("%s\t%.4g\t%s\t%s\t%s\n", figure.c_str(), value, unit, goal, pass ? "pass" : "short");
    std::fflush(stdout); // a bench that is ended has told what it knew
}

double nowMs()
{
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Samples::at(double share) const
{
    if (m_values.empty())
        return 1e9;
    std::vector<double> sorted = m_values;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

} // namespace beacon::bench
