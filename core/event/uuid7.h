#pragma once

#include "core/base/clock.h"

#include <QUuid>

namespace beacon {

/// Makes UUIDs of version 7 (RFC 9562, section 5.7): Unix milliseconds, then a 12-bit counter that starts at random
/// and rises within a millisecond (section 6.2, method 1), then 62 random bits.
///
/// Thread:  one thread.
/// Order:   each is greater than the one before, also where the clock steps back by less than 10 s.
class Uuid7 {
public:
    explicit Uuid7(const Clock& clock)
        : m_clock(clock)
    {
    }
    [[nodiscard]] QUuid next();

private:
    const Clock& m_clock;
    qint64 m_lastMs = -1;
    quint16 m_counter = 0;
};

/// Whether `uuid` is an RFC 9562 UUID of version 7.
[[nodiscard]] bool isUuid7(const QUuid& uuid) noexcept;

} // namespace beacon
