#include "service/instrument/drill_figures.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace beacon {

namespace {

constexpr std::size_t kMaxNameBytes = 64;

std::string nameOf(std::uint8_t number)
{
    const Technique* const technique = findTechnique(number);
    return technique != nullptr ? std::string{technique->name} : "number " + std::to_string(number);
}

} // namespace

DrillFigures::Counts* DrillFigures::of(const std::string& technique)
{
    const std::string name = technique.substr(0, kMaxNameBytes);
    if (!m_techniques.contains(name) && m_techniques.size() >= kMaxTechniques)
        return nullptr;
    return &m_techniques[name];
}

void DrillFigures::onLine(const Line& line)
{
    if (const auto* const hello = std::get_if<HelloLine>(&line); hello != nullptr && m_version.empty()) {
        m_version = hello->version;
        for (const std::string& name : hello->techniques) {
            const Technique* const known = findTechnique(name);
            if (known != nullptr && known->count(m_aim) > 0)
                m_expected.insert(name);
        }
    } else if (const auto* const attempt = std::get_if<AttemptLine>(&line)) {
        if (attempt->outcome == Outcome::Skipped || attempt->outcome == Outcome::Planned)
            return; // not tried
        ++m_attempts;
        if (Counts* const counts = of(attempt->target.technique))
            ++counts->attempts;
    } else if (const auto* const escape = std::get_if<EscapeLine>(&line)) {
        onEscape(*escape);
    }
}

void DrillFigures::onEscape(const EscapeLine& line)
{
    const auto answered = m_answered.find(line.target.n);
    if (answered == m_answered.end() || nameOf(answered->second) != line.target.technique
        || !m_proven.insert(line.target.n).second)
        return;
    ++m_escapes;
    if (Counts* const counts = of(line.target.technique))
        ++counts->escapes;
}

void DrillFigures::onToken(const TokenFields& fields)
{
    ++m_recognised;
    if (Counts* const counts = of(nameOf(fields.technique)))
        ++counts->recognised;
}

void DrillFigures::onAnswer(const TokenFields& fields)
{
    if (m_answered.size() < kMaxAnswered)
        m_answered.emplace(fields.counter, fields.technique);
}

bool DrillFigures::complete() const
{
    if (m_foreign)
        return arrived();
    const bool all = std::ranges::all_of(m_expected, [this](const std::string& name) {
        const auto found = m_techniques.find(name);
        return found != m_techniques.end() && found->second.attempts > 0;
    });
    return all && escaped() && m_escapes > 0;
}

bool DrillFigures::escaped() const
{
    if (m_foreign)
        return arrived();
    return m_recognised > 0
        && std::ranges::all_of(m_techniques, [](const auto& technique) { return technique.second.recognised > 0; });
}

std::string DrillFigures::reason() const
{
    if (m_foreign)
        return "no IP packet of the Beacon arrived at Home, although everything was open";
    if (m_attempts == 0)
        return "the Beacon told of no attempt, and nothing of it arrived at Home";
    std::string silent;
    for (const auto& [name, counts] : m_techniques) {
        if (counts.recognised == 0)
            silent += (silent.empty() ? "" : ", ") + name;
    }
    return "attempts were told of that did not arrive at Home, although everything was open: " + silent;
}

std::string DrillFigures::json(const Circumstances& circumstances) const
{
    using Json = nlohmann::ordered_json;
    Json techniques = Json::object();
    for (const auto& [name, counts] : m_techniques)
        techniques[name] =
            Json{{"attempts", counts.attempts}, {"recognised", counts.recognised}, {"escapes", counts.escapes}};
    Json object{{"escaped", escaped()}, {"two_way", m_escapes > 0}, {"attempts", m_attempts},
        {"recognised", m_recognised}, {"escapes", m_escapes}, {"techniques", techniques}, {"foreign", m_foreign},
        {"frames", m_frames}, {"first_escape_ms", nullptr},
        {"seconds", std::round(circumstances.seconds * 1'000) / 1'000}, {"beacon", circumstances.beacon},
        {"version", nullptr}};
    if (circumstances.firstEscapeMs)
        object["first_escape_ms"] = *circumstances.firstEscapeMs;
    if (!m_version.empty())
        object["version"] = m_version;
    if (!escaped())
        object["reason"] = circumstances.trouble.empty() ? reason() : circumstances.trouble;
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace beacon
