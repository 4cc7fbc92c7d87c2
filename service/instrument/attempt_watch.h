#pragma once

#include "core/base/clock.h"
#include "core/lines/line.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace beacon {

/// Judges from a Beacon's attempts whether anything leaves this host. Pure: time is an argument.
class AttemptWatch {
public:
    enum class Verdict : std::uint8_t {
        Leaving, ///< something left within the limit, or it is too early to tell
        NoNextHop, ///< nothing left; mostly for want of a next hop
        LocalErrors, ///< nothing left; mostly because this host refused
        Skipped, ///< nothing left; mostly because the Beacon did not try
        NothingTested, ///< no attempt at all
    };

    explicit AttemptWatch(std::chrono::milliseconds limit)
        : m_limit(limit)
    {
    }

    /// From here on the limit counts anew: a Beacon was started, or the link came back.
    void restart(MonotonicTime now);
    void attempt(MonotonicTime now, const AttemptLine& line);
    void left(MonotonicTime now, Family family); ///< proof of another kind: an escape

    [[nodiscard]] Verdict judge(MonotonicTime now) const;
    /// How long it is until judge() or impaired() may say something else, unless attempts come; never less than a tenth
    /// of the limit.
    [[nodiscard]] std::chrono::milliseconds untilVerdict(MonotonicTime now) const;
    [[nodiscard]] const std::string& detail() const noexcept
    {
        return m_detail;
    } ///< errno or reason of the last failure
    /// A family of which nothing leaves, although it is tried, while the other one's attempts do.
    [[nodiscard]] std::optional<Family> impaired(MonotonicTime now) const;
    [[nodiscard]] std::chrono::milliseconds limit() const noexcept { return m_limit; }

private:
    struct PerFamily {
        std::optional<MonotonicTime> lastLeft;
        MonotonicTime since{}; ///< of the last that left, or the restart
        std::uint64_t failedSince = 0; ///< that did not leave
    };

    std::chrono::milliseconds m_limit;
    MonotonicTime m_lastLeft{};
    std::uint64_t m_noNextHop = 0, m_localError = 0, m_skipped = 0; ///< since the last that left
    std::array<PerFamily, 2> m_families{};
    std::string m_detail;
};

} // namespace beacon
