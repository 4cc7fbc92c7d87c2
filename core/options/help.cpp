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
        text += ' ' + valueText(option);
    return text + "  ";
}

void addTable(std::string& out, std::span<const Option> options, bool inFile, std::size_t column)
{
    for (const Option& option : options) {
        if (option.hidden)
            continue;
        std::string line = nameColumn(option, inFile);
        if (line.size() > column)
            line += '\n' + std::string(column, ' ');
        else
            line.resize(column, ' ');
        out += line;
        wrapInto(out, optionHelp(option), column);
    }
}

std::size_t columnFor(std::span<const Option> options, bool inFile, std::size_t column = 0)
{
    for (const Option& option : options)
        if (!option.hidden)
            column = std::max(column, std::min(nameColumn(option, inFile).size(), kMaxNameColumn));
    return column;
}

void addSummary(std::string& out, std::string_view sentence)
{
    wrapInto(out, std::string{sentence} + (sentence.ends_with('.') ? "" : "."), 0);
}

void addNotes(std::string& out, std::string_view notes)
{
    if (!notes.empty())
        out += '\n' + std::string{notes} + (notes.ends_with('\n') ? "" : "\n");
}

/// Those of `path` and below it, a line or two each.
void addCommands(std::string& out, const Program& program, std::string_view path)
{
    out += "\nCommands:\n";
    for (const Subcommand& command : program.commands) {
        if (!path.empty() && command.path != path && !command.path.starts_with(std::string{path} + ' '))
            continue;
        std::string line = "  " + std::string{command.path};
        if (!command.operands.empty())
            line += ' ' + operandsText(command);
        if (line.size() + 2 > kMaxNameColumn)
            line += '\n' + std::string(kMaxNameColumn, ' ');
        else
            line.resize(kMaxNameColumn, ' ');
        out += line;
        wrapInto(out, command.help, kMaxNameColumn);
    }
}

void addExits(std::string& out, const Program& program)
{
    if (program.exits.empty())
        return;
    out += "\nExit codes:\n";
    for (const ExitCode& exit : program.exits) {
        std::string line = "  " + std::to_string(exit.code);
        line.resize(7, ' ');
        out += line;
        wrapInto(out, exit.meaning, 7);
    }
}

std::string commandHelp(const Program& program, const Subcommand& command)
{
    std::string out = "Usage: " + std::string{program.name} + ' ' + std::string{command.path};
    if (!command.operands.empty())
        out += ' ' + operandsText(command);
    out += " [OPTION]...\n";
    addSummary(out, command.help);
    const std::vector<Option> general = commandLineOptions(program);
    const std::size_t column = columnFor(general, false, columnFor(command.options, false));
    if (!command.options.empty()) {
        out += "\nOptions:\n";
        addTable(out, command.options, false, column);
    }
    out += "\nOptions of every command:\n";
    addTable(out, general, false, column);
    addNotes(out, command.notes);
    return out;
}

std::string programHelp(const Program& program, std::string_view path)
{
    std::string out = "Usage: " + std::string{program.name} + (path.empty() ? "" : " " + std::string{path})
        + " COMMAND [OPTION]...\n";
    addSummary(out, program.summary);
    addCommands(out, program, path);
    const std::vector<Option> options = commandLineOptions(program);
    out += "\nOptions of every command:\n";
    addTable(out, options, false, columnFor(options, false));
    if (path.empty())
        addExits(out, program);
    if (path.empty())
        addNotes(out, program.notes);
    return out;
}

} // namespace

std::string valueText(const Option& option)
{
    return std::string{option.value.empty() ? "VALUE" : option.value};
}

std::string optionHelp(const Option& option)
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

std::string helpText(const Program& program, std::string_view command)
{
    if (!program.commands.empty()) {
        const Subcommand* const row = findCommand(program, command);
        return row != nullptr ? commandHelp(program, *row) : programHelp(program, command);
    }
    const std::vector<Option> options = commandLineOptions(program);
    std::vector<Option> fileOnly;
    std::ranges::copy_if(program.options, std::back_inserter(fileOnly),
        [](const Option& option) { return option.where == Where::File; });
    const std::size_t column = columnFor(fileOnly, true, columnFor(options, false));

    std::string out = "Usage: " + std::string{program.name};
    if (!program.usage.empty())
        out += ' ' + std::string{program.usage};
    out += " [OPTION]...\n";
    addSummary(out, program.summary);
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
    addExits(out, program);
    addNotes(out, program.notes);
    return out;
}

} // namespace beacon
