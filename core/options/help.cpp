#include "core/options/reader.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kMaxNameColumn = 30;

/// Words of `text` from column `indent` on; the caller has filled the first line up to there.
void wrapInto(std::string& out, std::string_view text, std::size_t indent)
{
    std::size_t column = indent;
    bool first = true;
    for (const std::string_view word : split(text, ' ')) {
        if (!first && column + 1 + word.size() > kWidth) {
            out += '\n' + std::string(indent, ' ');
            column = indent;
            first = true;
        }
        if (!first) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        first = false;
    }
    out += '\n';
}

std::string nameColumn(const Option& option, bool inFile)
{
    std::string text = "  " + (inFile ? keyOf(option) : "--" + std::string{option.name});
    if (option.kind != OptionKind::Flag)
        text += ' ' + std::string{option.value.empty() ? "VALUE" : option.value};
    return text + "  ";
}

std::string helpColumn(const Option& option)
{
    std::string text{option.help};
    if (!option.choices.empty()) {
        std::string choices;
        for (const std::string_view choice : split(option.choices, '|'))
            choices += (choices.empty() ? "" : ", ") + std::string{choice};
        text += ": " + choices;
    }
    if (option.kind == OptionKind::Number && option.low < option.high)
        text += ", " + numberText(option.low) + " to " + numberText(option.high);
    if (option.kind != OptionKind::Flag && !option.fallback.empty())
        text += " [default: " + std::string{option.fallback} + ']';
    return text;
}

void addTable(std::string& out, std::span<const Option> options, bool inFile, std::size_t column)
{
    for (const Option& option : options) {
        std::string line = nameColumn(option, inFile);
        if (line.size() > column)
            line += '\n' + std::string(column, ' ');
        else
            line.resize(column, ' ');
        out += line;
        wrapInto(out, helpColumn(option), column);
    }
}

} // namespace

std::string helpText(const Program& program)
{
    const std::vector<Option> options = commandLineOptions(program);
    std::vector<Option> fileOnly;
    std::ranges::copy_if(program.options, std::back_inserter(fileOnly),
        [](const Option& option) { return option.where == Where::File; });
    std::size_t column = 0;
    for (const Option& option : options)
        column = std::max(column, std::min(nameColumn(option, false).size(), kMaxNameColumn));
    for (const Option& option : fileOnly)
        column = std::max(column, std::min(nameColumn(option, true).size(), kMaxNameColumn));

    std::string out = "Usage: " + std::string{program.name};
    if (!program.usage.empty())
        out += ' ' + std::string{program.usage};
    out += " [OPTION]...\n";
    wrapInto(out, std::string{program.summary} + (program.summary.ends_with('.') ? "" : "."), 0);
    out += "\nOptions:\n";
    addTable(out, options, false, column);
    if (hasFile(program)) {
        out += "\nConfiguration file, a JSON object (names as above, with _ for -):\n  ";
        wrapInto(out,
            "--config FILE"
                + (program.fileVariable.empty() ? std::string{} : ", else $" + std::string{program.fileVariable})
                + ", else /etc/" + std::string{program.name} + "/config.json where it exists",
            2);
        addTable(out, fileOnly, true, column);
    }
    if (!program.notes.empty())
        out += '\n' + std::string{program.notes} + (program.notes.ends_with('\n') ? "" : "\n");
    return out;
}

} // namespace beacon
