#include "core/escape/schedule.h"

namespace beacon {

RoundRobin::RoundRobin(std::vector<const Technique*> techniques)
{
    for (const Technique* const technique : techniques)
        m_turns.push_back({technique, 0});
}

std::optional<Turn> RoundRobin::next(const Aim& aim)
{
    for (std::size_t tried = 0; tried < m_turns.size(); ++tried) {
        Turn& turn = m_turns[m_at];
        m_at = (m_at + 1) % m_turns.size();
        if (turn.index < turn.technique->count(aim))
            return Turn{turn.technique, turn.index++};
    }
    for (Turn& turn : m_turns)
        turn.index = 0;
    m_at = 0;
    return std::nullopt;
}

} // namespace beacon
