#pragma once

#include "core/base/address.h"
#include "core/observe/classifier.h"

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace beacon {

/// Counts what opens nothing, and where it came from, for one roll-up at a time.
///
/// Bounds:  the first kMaxSources sources of a roll-up have a count of their own.
class NoiseMeter {
public:
    static constexpr std::size_t kMaxSources = 1'024;
    static constexpr std::size_t kTopSources = 10;

    void count(TokenClass tokenClass, const IpAddress& source);

    struct RollUp {
        std::array<std::uint64_t, 5> byClass{}; ///< index: TokenClass
        std::vector<std::pair<IpAddress, std::uint64_t>> topSources; ///< of noise, most first
        [[nodiscard]] std::uint64_t total() const noexcept;
    };
    /// Since the last call.
    [[nodiscard]] RollUp take();
    [[nodiscard]] std::size_t sources() const noexcept { return m_sources.size(); } ///< with a count of their own

private:
    std::array<std::uint64_t, 5> m_byClass{};
    std::unordered_map<IpAddress, std::uint64_t, IpAddressHash> m_sources;
};

} // namespace beacon
