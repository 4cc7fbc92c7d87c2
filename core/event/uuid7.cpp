#include "core/event/uuid7.h"

#include <QRandomGenerator>

#include <array>

namespace beacon {

namespace {

constexpr qint64 kHeldMs = 10'000;
constexpr quint16 kCounterMask = 0x0fff;
constexpr quint16 kCounterStart = 0x07ff; // the upper half is room to count in

} // namespace

QUuid Uuid7::next()
{
    qint64 ms = std::chrono::duration_cast<std::chrono::milliseconds>(m_clock.wall().time_since_epoch()).count();
    if (ms > m_lastMs || m_lastMs - ms > kHeldMs) {
        m_counter = static_cast<quint16>(QRandomGenerator::system()->generate() & kCounterStart);
    } else {
        ms = m_lastMs;
        if (++m_counter > kCounterMask) {
            m_counter = 0;
            ++ms;
        }
    }
    m_lastMs = ms;

    const quint64 random = QRandomGenerator::system()->generate64();
    std::array<uchar, 8> tail{};
    for (std::size_t i = 0; i < tail.size(); ++i)
        tail[i] = static_cast<uchar>(random >> (8 * i));
    tail[0] = static_cast<uchar>((tail[0] & 0x3f) | 0x80);
    return QUuid(static_cast<uint>(ms >> 16), static_cast<ushort>(ms & 0xffff), static_cast<ushort>(0x7000 | m_counter),
        tail[0], tail[1], tail[2], tail[3], tail[4], tail[5], tail[6], tail[7]);
}

bool isUuid7(const QUuid& uuid) noexcept
{
    return (uuid.data3 >> 12) == 7 && (uuid.data4[0] & 0xc0) == 0x80;
}

} // namespace beacon
