#pragma once

#include "core/base/clock.h"

#include <random>

namespace beacon {

/// When the next frame may leave: `rate` frames a second with jitter, every frame counted, no catching up after a
/// pause.
///
/// Pure: time is given, and a test gives the seed.
class Pace {
public:
    Pace(double framesPerSecond, std::uint64_t seed)
        : m_interval(1.0 / framesPerSecond)
        , m_random(seed)
    {
    }

    [[nodiscard]] bool due(MonotonicTime now) const noexcept { return now >= m_next; }
    [[nodiscard]] MonotonicTime next() const noexcept { return m_next; }

    /// An attempt's first frame was sent at `now`.
    void sent(MonotonicTime now)
    {
        constexpr std::chrono::milliseconds kMaxCatchUp{20};
        m_next = std::max(m_next, now - kMaxCatchUp)
            + seconds(m_interval * std::uniform_real_distribution{0.8, 1.2}(m_random));
    }

    /// `frames` more have left than were foreseen: a retransmission, a handshake, a question for a MAC.
    void charge(std::size_t frames) { m_next += seconds(m_interval * static_cast<double>(frames)); }

private:
    [[nodiscard]] static MonotonicTime::duration seconds(double count)
    {
        return std::chrono::duration_cast<MonotonicTime::duration>(std::chrono::duration<double>{count});
    }

    double m_interval;
    MonotonicTime m_next{};
    std::mt19937_64 m_random;
};

} // namespace beacon
