#include "core/observe/seen_tokens.h"

#include <algorithm>
#include <utility>

namespace beacon {

SeenTokens::SeenTokens(std::size_t perGeneration)
    : m_perGeneration(std::max<std::size_t>(perGeneration, 1))
{
}

std::uint64_t SeenTokens::idOf(const Token& token) noexcept
{
    std::uint64_t id = 0;
    for (std::size_t i = kTokenBytes - kTagBytes; i < kTokenBytes - kTagBytes + 8; ++i)
        id = id << 8 | token[i];
    return id == 0 ? 1 : id;
}

const SeenTokens::Slot* SeenTokens::Table::find(std::uint64_t id) const
{
    if (slots.empty())
        return nullptr;
    const std::size_t mask = slots.size() - 1;
    for (std::size_t i = id & mask; slots[i].id != 0; i = (i + 1) & mask) {
        if (slots[i].id == id)
            return &slots[i];
    }
    return nullptr;
}

void SeenTokens::Table::insert(Slot slot)
{
    if (slots.empty() || (count + 1) * 4 > slots.size() * 3) {
        std::vector<Slot> old(std::max<std::size_t>(slots.size() * 2, 1024));
        old.swap(slots);
        count = 0;
        for (const Slot& one : old) {
            if (one.id != 0)
                insert(one);
        }
    }
    const std::size_t mask = slots.size() - 1;
    std::size_t i = slot.id & mask;
    while (slots[i].id != 0)
        i = (i + 1) & mask;
    slots[i] = slot;
    ++count;
}

std::optional<MonotonicTime> SeenTokens::firstSeen(std::uint64_t id) const
{
    for (const Table& table : m_tables) {
        if (const Slot* const slot = table.find(id))
            return slot->at;
    }
    return std::nullopt;
}

void SeenTokens::remember(std::uint64_t id, MonotonicTime at)
{
    if (firstSeen(id))
        return;
    if (m_tables[0].count >= m_perGeneration)
        m_tables[1] = std::exchange(m_tables[0], Table{});
    m_tables[0].insert({id, at});
}

} // namespace beacon
