#pragma once

#include "core/observe/ip_range.h"
#include "core/token/token.h"

#include <map>
#include <string>
#include <vector>

namespace beacon {

/// What Home knows of one Beacon.
struct KeyEntry {
    std::uint32_t id = 0;
    std::string name;
    TokenKey key;
    bool retired = false; ///< the Beacon was deleted; its tokens open nothing
    std::vector<IpRange> ranges; ///< where its packets are expected to come from; empty: not declared
};

/// The keys of all Beacons of one Home.
///
/// Thread:  one thread.
class Keyring {
public:
    /// Adds, or takes the place of the one with the same id.
    void put(KeyEntry entry);

    [[nodiscard]] const KeyEntry* find(std::uint32_t id) const;

    /// Whose token this is; nullptr where the tag is wrong or the key unknown. Valid until the next put().
    [[nodiscard]] const KeyEntry* verify(const Token& token) const;

    [[nodiscard]] std::size_t size() const noexcept { return m_keys.size(); }

private:
    std::map<std::uint32_t, KeyEntry> m_keys;
};

} // namespace beacon
