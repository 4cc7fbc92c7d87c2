#include "core/observe/classifier.h"

#include <algorithm>
#include <array>

namespace beacon {

namespace {

constexpr std::size_t kMaxRuns = 8;
/// A run's late packets may arrive after the next run has begun, once; two Beacons that share a key do it again and
/// again.
constexpr std::uint32_t kReturnsOfAClone = 4;
/// A run counter that is less than the present one by no more than this is an earlier one; random runs lie further
/// apart.
constexpr std::uint32_t kEarlierWithin = 1U << 16;

struct LabelName {
    std::uint8_t label;
    std::string_view name;
};
constexpr auto kLabelNames = std::to_array<LabelName>({
    {sighting_label::kUnknownEgress, "unknown-egress"},
    {sighting_label::kStaleRun, "stale-run"},
    {sighting_label::kCloned, "cloned"},
});

} // namespace

std::string_view className(TokenClass value) noexcept
{
    switch (value) {
    case TokenClass::Noise:
        return "noise";
    case TokenClass::Retired:
        return "retired";
    case TokenClass::Duplicate:
        return "duplicate";
    case TokenClass::Replay:
        return "replay";
    case TokenClass::Fresh:
        return "fresh";
    }
    return "noise";
}

std::vector<std::string_view> labelNames(std::uint8_t labels)
{
    std::vector<std::string_view> names;
    for (const auto& [label, name] : kLabelNames) {
        if ((labels & label) != 0)
            names.push_back(name);
    }
    return names;
}

std::uint8_t labelFromName(std::string_view name) noexcept
{
    const auto found = std::ranges::find(kLabelNames, name, &LabelName::name);
    return found == kLabelNames.end() ? std::uint8_t{0} : found->label;
}

Classifier::Classifier(const Keyring& keyring, const Clock& clock, std::size_t tokensPerGeneration)
    : m_keyring(keyring)
    , m_clock(clock)
    , m_seen(tokensPerGeneration)
{
}

Verdict Classifier::classify(const Sighting& sighting)
{
    Verdict verdict;
    const auto fields = decodeToken(sighting.token);
    const KeyEntry* const key = m_keyring.verify(sighting.token);
    // A reply of ours that something sends back to us proves no way out of the segment.
    if (!fields || !key || (fields->flags & token_flag::kReply) != 0)
        return verdict;
    verdict.fields = *fields;
    verdict.key = key;
    verdict.confirm = (fields->flags & token_flag::kConfirm) != 0;
    verdict.tokenId = SeenTokens::idOf(verdict.confirm ? key->key.seal(*fields) : sighting.token);
    if (key->retired) {
        verdict.tokenClass = TokenClass::Retired;
        return verdict;
    }
    const bool expected = key->ranges.empty()
        || std::ranges::any_of(key->ranges, [&](const IpRange& range) { return range.contains(sighting.source); });
    if (!expected)
        verdict.labels |= sighting_label::kUnknownEgress;

    const MonotonicTime now = m_clock.now();
    if (const auto first = m_seen.firstSeen(verdict.tokenId); first) {
        verdict.tokenClass = now - *first <= kDuplicateWithin ? TokenClass::Duplicate : TokenClass::Replay;
        return verdict;
    }
    m_seen.remember(verdict.tokenId, now);
    verdict.tokenClass = TokenClass::Fresh;
    verdict.labels |= judgeRun(fields->keyId, fields->run, fields->counter);
    return verdict;
}

void Classifier::restore(
    std::uint64_t tokenId, std::uint32_t keyId, std::uint32_t run, std::uint32_t counter, std::chrono::microseconds age)
{
    m_seen.remember(tokenId, m_clock.now() - std::max(age, std::chrono::microseconds{0}));
    (void)judgeRun(keyId, run, counter);
}

std::uint8_t Classifier::judgeRun(std::uint32_t keyId, std::uint32_t run, std::uint32_t counter)
{
    Runs& runs = m_runs[keyId];
    const auto found = std::ranges::find(runs.known, run, &Run::run);
    if (found == runs.known.end()) {
        const bool earlier =
            !runs.known.empty() && runs.known.back().run > run && runs.known.back().run - run <= kEarlierWithin;
        if (runs.known.size() == kMaxRuns)
            runs.known.erase(runs.known.begin());
        runs.known.insert(earlier && !runs.known.empty() ? runs.known.end() - 1 : runs.known.end(), {run, counter});
        return earlier ? sighting_label::kStaleRun : std::uint8_t{0};
    }
    const bool present = found + 1 == runs.known.end();
    const bool goesOn = counter > found->highest;
    found->highest = std::max(found->highest, counter);
    if (present)
        return runs.returns >= kReturnsOfAClone ? sighting_label::kCloned : std::uint8_t{0};
    if (goesOn) {
        ++runs.returns;
        std::rotate(found, found + 1, runs.known.end()); // it is the present one until the other goes on
    }
    return runs.returns >= kReturnsOfAClone ? sighting_label::kCloned | sighting_label::kStaleRun
                                            : sighting_label::kStaleRun;
}

} // namespace beacon
