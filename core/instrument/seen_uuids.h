#pragma once

#include <QSet>
#include <QUuid>

#include <deque>

namespace beacon {

/// Remembers the last `most` UUIDs, so that what is delivered twice counts once.
class SeenUuids {
public:
    explicit SeenUuids(std::size_t most = 16'384)
        : m_most(most)
    {
    }
    /// false: it is known already.
    [[nodiscard]] bool add(const QUuid& uuid)
    {
        if (m_known.contains(uuid))
            return false;
        m_known.insert(uuid);
        m_order.push_back(uuid);
        if (m_order.size() > m_most) {
            m_known.remove(m_order.front());
            m_order.pop_front();
        }
        return true;
    }

private:
    std::size_t m_most;
    QSet<QUuid> m_known;
    std::deque<QUuid> m_order;
};

} // namespace beacon
