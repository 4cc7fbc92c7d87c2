#pragma once

#include "core/base/clock.h"

#include <optional>

namespace beacon {

/// A wall clock to judge age by: it follows every step back at once, but a jump forward only once that has stood for
/// kBelievedAfter. A clock that is wrong for a while makes nothing look old; what slept (suspended, switched off) finds
/// its things an hour younger than they are.
///
/// Thread:  any, one at a time.
class SteadyWall {
public:
    static constexpr std::chrono::hours kBelievedAfter{1};
    static constexpr std::chrono::minutes kSlack{1}; ///< no jump: what NTP mends in one step

    /// `known`: a time that has been, in an earlier run. Without it the first reading is believed.
    explicit SteadyWall(std::optional<WallTime> known = {})
        : m_known(known)
    {
    }

    /// `now` must not run backwards.
    [[nodiscard]] WallTime read(MonotonicTime now, WallTime wall);

private:
    using Offset = std::chrono::microseconds; ///< wall clock less monotonic one
    struct Jump {
        Offset to;
        MonotonicTime since;
    };
    std::optional<WallTime> m_known;
    std::optional<Offset> m_believed;
    std::optional<Jump> m_jump;
};

} // namespace beacon
