#pragma once

#include "core/base/clock.h"

#include <chrono>
#include <optional>

namespace beacon {

/// Tells a change that lasts from a flap. Pure: time is an argument.
///
/// A value that differs from the accepted one is accepted when it has stood for `settle`, or, where it keeps changing,
/// after `patience`: so a link that flaps at any rate causes at most one change per `patience`.
template <class Value> class Settling {
public:
    Settling(std::chrono::milliseconds settle, std::chrono::milliseconds patience)
        : m_settle(settle)
        , m_patience(patience)
    {
    }

    void reset(Value value)
    {
        m_accepted = std::move(value);
        m_candidate.reset();
        m_restless = false;
    }

    /// Whether accepted() changed.
    bool sample(const Value& value, MonotonicTime now)
    {
        if (value == m_accepted) {
            // Back where it was: quiet only when that, too, has stood for a while.
            if (m_candidate || !m_restless)
                m_quietSince = now;
            m_candidate.reset();
            if (m_restless && now - m_quietSince >= m_settle)
                m_restless = false;
            return false;
        }
        if (!m_restless)
            m_restlessSince = now;
        m_restless = true;
        if (!m_candidate || !(*m_candidate == value)) {
            m_candidate = value;
            m_candidateSince = now;
        }
        if (now - m_candidateSince < m_settle && now - m_restlessSince < m_patience)
            return false;
        reset(value);
        return true;
    }

    [[nodiscard]] const Value& accepted() const noexcept { return m_accepted; }
    [[nodiscard]] bool settled() const noexcept { return !m_candidate && !m_restless; } ///< else: sample again soon

private:
    std::chrono::milliseconds m_settle, m_patience;
    Value m_accepted{};
    std::optional<Value> m_candidate;
    MonotonicTime m_candidateSince{}, m_quietSince{}, m_restlessSince{};
    bool m_restless = false; ///< since m_restlessSince
};

} // namespace beacon
