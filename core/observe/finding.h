#pragma once

#include "core/observe/classifier.h"

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// What makes two leaks the same one.
struct FindingKey {
    std::uint32_t keyId = 0;
    std::uint8_t technique = 0; ///< Technique::number
    Family family = Family::Ipv4; ///< intended; a gateway may have translated it
    std::uint16_t path = 0;

    auto operator<=>(const FindingKey&) const = default;
    /// "1a2b3c4d-3-ipv4-9f3c": the same for ever, so that a restart opens nothing twice.
    [[nodiscard]] std::string id() const;
};

/// A leak and its evidence. Evidence is bounded: the first so many of each kind stand for the rest.
struct Finding {
    static constexpr std::size_t kMaxPorts = 256;
    static constexpr std::size_t kMaxAddresses = 32;

    FindingKey key;
    WallTime firstSeen{};
    WallTime lastSeen{};
    std::uint64_t count = 0; ///< attempts whose token arrived
    std::uint8_t labels = 0;
    bool twoWay = false;
    std::vector<std::uint16_t> ports; ///< intended ones, sorted
    std::vector<IpAddress> targets; ///< addresses of Home, in order of arrival
    std::vector<IpAddress> egress; ///< where it came from, in order of arrival
    std::vector<const Carrier*> carriers;

    std::uint64_t reportedCount = 0;
    MonotonicTime nextReport{}; ///< not before
};

/// All findings of one Home, and when to speak of them: at once when one opens, then roll-ups of what goes on after
/// 1 min, 10 min, 1 h, then daily.
///
/// Thread:  one thread.
/// Bounds:  kMaxFindings; the one that was quiet for longest makes room.
class Findings {
public:
    static constexpr std::size_t kMaxFindings = 10'000;

    explicit Findings(const Clock& clock)
        : m_clock(clock)
    {
    }

    struct Taken {
        const Finding* finding = nullptr; ///< nullptr: this sighting changes no finding
        bool opened = false;
        bool newEvidence = false; ///< a port, target, egress address, carrier or label that it did not have, or two_way
    };
    /// Fresh opens or keeps a finding; a duplicate joins its evidence; a confirmation proves it two-way; the rest is
    /// ignored.
    Taken take(const Verdict& verdict, const Sighting& sighting);

    /// The roll-ups that are due now; each is given once.
    [[nodiscard]] std::vector<const Finding*> takeDue();

    void restore(Finding finding);
    [[nodiscard]] const std::map<FindingKey, Finding>& all() const noexcept { return m_findings; }

private:
    Finding* open(const FindingKey& key);
    [[nodiscard]] MonotonicTime reportAfter(const Finding& finding) const;

    const Clock& m_clock;
    std::map<FindingKey, Finding> m_findings;
};

} // namespace beacon
