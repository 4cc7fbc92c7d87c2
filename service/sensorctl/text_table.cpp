#include "service/sensorctl/text_table.h"

#include "service/sensorctl/plain.h"

#include <algorithm>
#include <numeric>

namespace beacon::sensorctl {

namespace {

constexpr int kGap = 2;
constexpr int kLeast = 8; ///< columns of any cell, however narrow the terminal

QLatin1StringView codeOf(Tone tone)
{
    switch (tone) {
    case Tone::Good:
        return QLatin1StringView("\x1b[32m");
    case Tone::Warning:
        return QLatin1StringView("\x1b[33m");
    case Tone::Bad:
        return QLatin1StringView("\x1b[1;31m");
    case Tone::Faint:
        return QLatin1StringView("\x1b[2m");
    case Tone::Heading:
        return QLatin1StringView("\x1b[1m");
    case Tone::Plain:
        break;
    }
    return {};
}

} // namespace

QString painted(const QString& harmlessText, Tone tone, const Style& style)
{
    if (!style.colour || tone == Tone::Plain || harmlessText.isEmpty())
        return harmlessText;
    return codeOf(tone) + harmlessText + QLatin1StringView("\x1b[0m");
}

Tone toneOf(const QString& status)
{
    if (status == QLatin1StringView("OK"))
        return Tone::Good;
    if (status == QLatin1StringView("WARNING"))
        return Tone::Warning;
    return status == QLatin1StringView("ERROR") ? Tone::Bad : Tone::Plain;
}

TextTable::TextTable(std::vector<Column> columns)
    : m_columns(std::move(columns))
{
}

void TextTable::add(const std::vector<Cell>& row)
{
    std::vector<Cell> clean;
    clean.reserve(m_columns.size());
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        const Cell cell = i < row.size() ? row[i] : Cell{};
        clean.push_back({fitted(harmless(cell.text, m_columns[i].most), m_columns[i].most), cell.tone});
    }
    m_rows.push_back(std::move(clean));
}

std::vector<int> TextTable::widths(int available) const
{
    std::vector<int> result;
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        int width = columnsOf(m_columns[i].heading);
        for (const auto& row : m_rows)
            width = std::max(width, columnsOf(row[i].text));
        result.push_back(width);
    }
    if (available <= 0 || result.empty())
        return result;
    int tooMuch = std::accumulate(result.begin(), result.end(), kGap * static_cast<int>(result.size() - 1)) - available;
    for (std::size_t i = result.size(); i-- > 0 && tooMuch > 0;) { // from the last, where the long sentences stand
        const int given = std::min(tooMuch, std::max(0, result[i] - kLeast));
        result[i] -= given;
        tooMuch -= given;
    }
    return result;
}

QString TextTable::text(const Style& style, const QString& indent) const
{
    const std::vector<int> width = widths(style.width == 0 ? 0 : style.width - static_cast<int>(indent.size()));
    QString out;
    const auto addLine = [&](const std::vector<Cell>& cells) {
        qsizetype kept = out.size();
        out += indent;
        int gap = 0;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const QString shown = fitted(cells[i].text, width[i]);
            if (!shown.isEmpty()) {
                out += QString(gap, QLatin1Char(' ')) + painted(shown, cells[i].tone, style);
                gap = 0;
                kept = out.size();
            }
            gap += width[i] - columnsOf(shown) + kGap;
        }
        out.truncate(kept);
        out += QLatin1Char('\n');
    };
    std::vector<Cell> headings;
    headings.reserve(m_columns.size());
    for (const Column& column : m_columns)
        headings.push_back({column.heading, Tone::Heading});
    addLine(headings);
    for (const auto& row : m_rows)
        addLine(row);
    return out;
}

} // namespace beacon::sensorctl
