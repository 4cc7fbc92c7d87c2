#pragma once

#include "core/base/clock.h"
#include "core/token/token.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace beacon {

/// Remembers when tokens were first seen, in bounded memory: the last `perGeneration` to 2 × `perGeneration` of them.
///
/// A token is known by the first 64 bits of its tag, which are as good as random; only what has a valid tag gets here.
class SeenTokens {
public:
    /// 16 to 32 bytes a token, taken as they come.
    explicit SeenTokens(std::size_t perGeneration = 1U << 19);

    [[nodiscard]] static std::uint64_t idOf(const Token& token) noexcept;

    [[nodiscard]] std::optional<MonotonicTime> firstSeen(std::uint64_t id) const;
    void remember(std::uint64_t id, MonotonicTime at);
    [[nodiscard]] std::size_t size() const noexcept { return m_tables[0].count + m_tables[1].count; }

private:
    struct Slot {
        std::uint64_t id = 0; ///< 0: free
        MonotonicTime at{};
    };
    struct Table {
        std::vector<Slot> slots; ///< a power of two, at most 3/4 full
        std::size_t count = 0;
        [[nodiscard]] const Slot* find(std::uint64_t id) const;
        void insert(Slot slot);
    };

    std::array<Table, 2> m_tables; ///< the present generation, and the one before
    std::size_t m_perGeneration;
};

} // namespace beacon
