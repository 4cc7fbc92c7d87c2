#pragma once

#include "core/base/clock.h"
#include "core/instrument/health.h"

#include <chrono>
#include <deque>
#include <optional>

namespace beacon {

/// Decides when a changed health is pushed: within kCoalesce of the change, and without spam where it flaps.
///
/// What is worse than the last push, or names another worst reason, goes out at once, at most once in kCoalesce. Where
/// the status changed over kFlaps times in kWindow it flaps: then a better one goes out only once it has held for
/// kCalm, and what was pushed (the worse) stays.
///
/// Thread:  one thread; time is what the Clock says.
class HealthPush {
public:
    static constexpr std::chrono::milliseconds kCoalesce{50};
    static constexpr std::chrono::seconds kWindow{60};
    static constexpr std::size_t kFlaps = 6;
    static constexpr std::chrono::seconds kCalm{10};

    explicit HealthPush(const Clock& clock);

    /// Says what is now; call it at every change, and when nextTry() has passed. A value: push this now.
    [[nodiscard]] std::optional<HealthSnapshot> offer(const HealthSnapshot& now);
    /// When to offer again although nothing changed; nothing: not at all.
    [[nodiscard]] std::optional<std::chrono::milliseconds> nextTry() const;
    [[nodiscard]] const std::optional<HealthSnapshot>& pushed() const noexcept { return m_pushed; }
    [[nodiscard]] bool flapping() const;

private:
    const Clock& m_clock;
    std::optional<HealthSnapshot> m_pushed;
    std::optional<MonotonicTime> m_lastPush, m_due;
    HealthStatus m_lastStatus = HealthStatus::Pending;
    MonotonicTime m_statusSince{};
    std::deque<MonotonicTime> m_changes;
};

} // namespace beacon
