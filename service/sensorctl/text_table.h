#pragma once

#include <QString>

#include <vector>

namespace beacon::sensorctl {

/// How to write for the one who reads: colours and a bounded width on a terminal.
struct Style {
    bool colour = false;
    int width = 0; ///< columns of the terminal; 0: not bounded
};

enum class Tone { Plain, Good, Warning, Bad, Faint, Heading };

struct Cell {
    QString text; ///< whatever came: the table makes it harmless
    Tone tone = Tone::Plain;
};

[[nodiscard]] QString painted(const QString& harmlessText, Tone tone, const Style& style);

/// Of OK, WARNING, ERROR; anything else is plain.
[[nodiscard]] Tone toneOf(const QString& status);

/// Rows in aligned columns, two spaces apart. The last column gets what is left of the line.
class TextTable {
public:
    struct Column {
        QString heading;
        int most = 40; ///< columns of the terminal
    };
    explicit TextTable(std::vector<Column> columns);

    void add(const std::vector<Cell>& row); ///< missing cells are empty
    [[nodiscard]] bool isEmpty() const noexcept { return m_rows.empty(); }
    [[nodiscard]] QString text(const Style& style, const QString& indent = {}) const; ///< lines with their ends

private:
    [[nodiscard]] std::vector<int> widths(int available) const;

    std::vector<Column> m_columns;
    std::vector<std::vector<Cell>> m_rows; ///< harmless by now
};

} // namespace beacon::sensorctl
