#include "service/instrument/roll_up.h"

#include <QJsonArray>

#include <algorithm>

namespace beacon {

std::string techniqueOrOther(const std::string& name)
{
    const auto isUpper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto isWord = [&](char c) { return isUpper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && isUpper(name.front()) && std::all_of(name.begin(), name.end(), isWord) ? name : "Other";
}

void RollUp::add(const AttemptLine& line)
{
    auto key = std::tuple{techniqueOrOther(line.target.technique), line.target.family, line.outcome};
    if (m_counts.size() >= kMostRows && !m_counts.contains(key))
        std::get<0>(key) = "Other";
    ++m_counts[key];
}

QJsonObject RollUp::take(double seconds)
{
    const auto text = [](std::string_view name) {
        return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
    };
    QJsonArray rows;
    for (const auto& [key, count] : m_counts) {
        const auto& [technique, family, outcome] = key;
        rows.append(QJsonObject{{QStringLiteral("technique"), text(technique)},
            {QStringLiteral("family"), text(familyName(family))},
            {QStringLiteral("outcome"), text(outcomeName(outcome))},
            {QStringLiteral("count"), static_cast<qint64>(count)}});
    }
    m_counts.clear();
    return {{QStringLiteral("counts"), rows}, {QStringLiteral("seconds"), seconds}};
}

} // namespace beacon
