#include "core/observe/finding.h"

#include "core/base/base32.h"

#include <algorithm>
#include <array>

namespace beacon {

namespace {

constexpr auto kRollUps =
    std::to_array<std::chrono::seconds>({std::chrono::minutes{1}, std::chrono::minutes{10}, std::chrono::hours{1}});
constexpr std::chrono::hours kDaily{24};

template <class T> bool append(std::vector<T>& values, const T& value, std::size_t bound)
{
    if (values.size() >= bound || std::ranges::find(values, value) != values.end())
        return false;
    values.push_back(value);
    return true;
}

bool insertSorted(std::vector<std::uint16_t>& ports, std::uint16_t port, std::size_t bound)
{
    const auto at = std::ranges::lower_bound(ports, port);
    if (port == 0 || ports.size() >= bound || (at != ports.end() && *at == port))
        return false;
    ports.insert(at, port);
    return true;
}

bool joinEvidence(Finding& finding, const Verdict& verdict, const Sighting& sighting)
{
    bool added = insertSorted(finding.ports, verdict.fields.port, Finding::kMaxPorts);
    added |= append(finding.targets, sighting.destination, Finding::kMaxAddresses);
    added |= append(finding.egress, sighting.source, Finding::kMaxAddresses);
    added |= append(finding.carriers, sighting.carrier, carriers().size());
    const bool twoWay = finding.twoWay || sighting.twoWay || verdict.confirm;
    const auto labels = static_cast<std::uint8_t>(finding.labels | verdict.labels);
    added |= twoWay != finding.twoWay || labels != finding.labels;
    finding.twoWay = twoWay;
    finding.labels = labels;
    return added;
}

} // namespace

std::string FindingKey::id() const
{
    std::array<Byte, 6> raw{static_cast<Byte>(keyId >> 24), static_cast<Byte>(keyId >> 16),
        static_cast<Byte>(keyId >> 8), static_cast<Byte>(keyId), static_cast<Byte>(path >> 8), static_cast<Byte>(path)};
    const ByteView bytes{raw};
    return toHex(bytes.first(4)) + '-' + std::to_string(technique) + '-' + std::string{familyName(family)} + '-'
        + toHex(bytes.last(2));
}

Finding* Findings::open(const FindingKey& key)
{
    if (m_findings.size() >= kMaxFindings) {
        const auto quietest =
            std::ranges::min_element(m_findings, {}, [](const auto& entry) { return entry.second.lastSeen; });
        m_findings.erase(quietest);
    }
    Finding& finding = m_findings[key];
    finding.key = key;
    finding.firstSeen = m_clock.wall();
    finding.nextReport = m_clock.now() + kRollUps.front();
    return &finding;
}

Findings::Taken Findings::take(const Verdict& verdict, const Sighting& sighting)
{
    const bool fresh = verdict.tokenClass == TokenClass::Fresh;
    if (!verdict.key || verdict.tokenClass == TokenClass::Retired || (verdict.fields.flags & token_flag::kControl) != 0
        || (verdict.tokenClass == TokenClass::Replay && !verdict.confirm))
        return {};
    const TokenFields& fields = verdict.fields;
    const FindingKey key{.keyId = fields.keyId,
        .technique = fields.technique,
        .family = (fields.flags & token_flag::kIpv6) != 0 ? Family::Ipv6 : Family::Ipv4,
        .path = fields.path};
    const auto found = m_findings.find(key);
    Taken taken{.opened = found == m_findings.end()};
    if (taken.opened && !fresh)
        return {};
    Finding* const finding = taken.opened ? open(key) : &found->second;
    taken.newEvidence = joinEvidence(*finding, verdict, sighting);
    if (fresh) {
        ++finding->count;
        finding->lastSeen = m_clock.wall();
        if (taken.opened)
            finding->reportedCount = finding->count;
    } else if (!taken.newEvidence) {
        return {};
    }
    taken.finding = finding;
    return taken;
}

MonotonicTime Findings::reportAfter(const Finding& finding) const
{
    const MonotonicTime now = m_clock.now();
    const auto age = std::max(m_clock.wall() - finding.firstSeen, WallTime::duration{0});
    const auto next = std::ranges::find_if(kRollUps, [&](std::chrono::seconds after) { return after > age; });
    return next == kRollUps.end() ? now + kDaily : now + (*next - age);
}

std::vector<const Finding*> Findings::takeDue()
{
    std::vector<const Finding*> due;
    for (auto& [key, finding] : m_findings) {
        if (finding.count == finding.reportedCount || m_clock.now() < finding.nextReport)
            continue;
        finding.reportedCount = finding.count;
        finding.nextReport = reportAfter(finding);
        due.push_back(&finding);
    }
    return due;
}

void Findings::restore(Finding finding)
{
    m_findings.insert_or_assign(finding.key, std::move(finding));
}

} // namespace beacon
