#pragma once

#include "core/base/address.h"
#include "core/base/clock.h"
#include "core/observe/carrier.h"
#include "core/observe/keyring.h"
#include "core/observe/seen_tokens.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace beacon {

/// The classes of design section 4, in the order in which they are judged.
enum class TokenClass : std::uint8_t { Noise, Retired, Duplicate, Replay, Fresh };
[[nodiscard]] std::string_view className(TokenClass value) noexcept; ///< "noise", …

/// Remarks beside a class; never a reason to be silent.
namespace sighting_label {
inline constexpr std::uint8_t kUnknownEgress = 1; ///< from outside the ranges that the identity declares
inline constexpr std::uint8_t kStaleRun = 2; ///< of a run before the present one
inline constexpr std::uint8_t kCloned = 4; ///< two runs go on side by side
} // namespace sighting_label
[[nodiscard]] std::vector<std::string_view> labelNames(std::uint8_t labels);
[[nodiscard]] std::uint8_t labelFromName(std::string_view name) noexcept; ///< 0: unknown

/// One token that something brought to Home.
struct Sighting {
    Token token{};
    const Carrier* carrier = nullptr;
    IpAddress source; ///< the egress address
    IpAddress destination;
    bool twoWay = false; ///< data on a connection whose handshake was completed
};

struct Verdict {
    TokenClass tokenClass = TokenClass::Noise;
    TokenFields fields{};
    const KeyEntry* key = nullptr; ///< nullptr: noise. Valid until the keyring changes.
    std::uint64_t tokenId = 0; ///< of the token as it was first sent, also for a confirmation
    std::uint8_t labels = 0;
    bool confirm = false; ///< the Beacon has had Home's reply
};

/// Judges tokens: noise, retired, duplicate or replay, fresh, and the labels.
///
/// Thread:  one thread.
/// Bounds:  memory for SeenTokens, and for 8 runs a key.
class Classifier {
public:
    static constexpr std::chrono::seconds kDuplicateWithin{60};

    /// Both must outlive this.
    Classifier(const Keyring& keyring, const Clock& clock, std::size_t tokensPerGeneration = 1U << 19);

    [[nodiscard]] Verdict classify(const Sighting& sighting);

    /// What an earlier life of this Home has seen, oldest first.
    void restore(std::uint64_t tokenId, std::uint32_t keyId, std::uint32_t run, std::uint32_t counter,
        std::chrono::microseconds age);

private:
    struct Run {
        std::uint32_t run = 0;
        std::uint32_t highest = 0; ///< counter
    };
    struct Runs {
        std::vector<Run> known; ///< the present one last; at most 8
        std::uint32_t returns = 0; ///< how often an earlier run went on after a later one had begun
    };
    std::uint8_t judgeRun(std::uint32_t keyId, std::uint32_t run, std::uint32_t counter);

    const Keyring& m_keyring;
    const Clock& m_clock;
    SeenTokens m_seen;
    std::map<std::uint32_t, Runs> m_runs; ///< by key id: as many as there are keys
};

} // namespace beacon
