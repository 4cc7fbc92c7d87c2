#pragma once

#include "core/escape/technique.h"

#include <optional>
#include <vector>

namespace beacon {

/// Which technique, and which member of its probe set.
struct Turn {
    const Technique* technique;
    std::size_t index;
};

/// The order of attempts.
///
/// Thread:  used from one thread.
/// Memory:  does not grow with the number of probes.
class Schedule {
public:
    virtual ~Schedule() = default;
    /// nullopt: a cycle is complete (or there is nothing to try); the next call begins another.
    virtual std::optional<Turn> next(const Aim& aim) = 0;
};

/// Each probe once a cycle; the techniques take turns until their sets are used up.
class RoundRobin final : public Schedule {
public:
    explicit RoundRobin(std::vector<const Technique*> techniques);
    std::optional<Turn> next(const Aim& aim) override;

private:
    std::vector<Turn> m_turns; ///< per technique the next index
    std::size_t m_at = 0;
};

} // namespace beacon
