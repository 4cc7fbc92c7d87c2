#include "core/options/man.h"

#include "core/options/reader.h"

#include <algorithm>
#include <cstdio>

namespace beacon {

namespace {

/// The date of the pages: they must come out the same each time.
constexpr std::string_view kDate = "2026-11-24";
constexpr std::size_t kLineBytes = 78;

/// The code point at the beginning of `text`, which is UTF-8, taken from it.
char32_t takeCodePoint(std::string_view& text)
{
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length && i < text.size(); ++i)
        point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3fU);
    text.remove_prefix(std::min(length, text.size()));
    return point;
}

std::string_view escapeOf(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-"; // else a hyphen, which cannot be copied into a shell
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '"':
        return "\\(dq";
    default:
        return {};
    }
}

std::string upper(std::string_view text)
{
    std::string result{text};
    std::ranges::transform(
        result, result.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return result;
}

void addHeading(std::string& out, std::string_view name)
{
    out += ".SH " + roffText(name) + '\n';
}

/// In lines of a bounded length: each begins at a word of the text.
void addLine(std::string& out, std::string_view text)
{
    std::string line;
    for (const std::string_view word : split(text, ' ')) {
        if (!line.empty() && roffText(line).size() + 1 + roffText(word).size() > kLineBytes) {
            out += roffText(line) + '\n';
            line.clear();
        }
        (line += line.empty() ? "" : " ") += word;
    }
    out += roffText(line) + '\n';
}

std::string bold(std::string_view text)
{
    return "\\fB" + roffText(text) + "\\fR";
}

std::string italic(std::string_view text)
{
    return "\\fI" + roffText(text) + "\\fR";
}

void addOptions(std::string& out, std::span<const Option> options, bool inFile)
{
    for (const Option& option : options) {
        if (option.hidden)
            continue;
        out += ".TP\n" + bold(inFile ? keyOf(option) : "--" + std::string{option.name});
        if (option.kind != OptionKind::Flag)
            out += ' ' + italic(valueText(option));
        out += '\n';
        addLine(out, optionHelp(option) + '.');
    }
}

/// As it is laid out in --help: lines, indented examples.
void addVerbatim(std::string& out, std::string_view text)
{
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    out += ".nf\n";
    for (const std::string_view line : split(text, '\n'))
        out += line.empty() ? ".sp\n" : roffText(line) + '\n';
    out += ".fi\n";
}

void addSynopsis(std::string& out, const Program& program)
{
    addHeading(out, "SYNOPSIS");
    out += bold(program.name);
    if (!program.commands.empty())
        out += ' ' + italic("COMMAND") + " [" + italic("ARGUMENT") + "]...";
    else if (!program.usage.empty())
        out += ' ' + roffText(program.usage);
    out += " [" + italic("OPTION") + "]...\n";
}

void addCommands(std::string& out, const Program& program)
{
    if (program.commands.empty())
        return;
    addHeading(out, "COMMANDS");
    for (const Subcommand& command : program.commands) {
        out += ".TP\n" + bold(command.path);
        if (!command.operands.empty())
            out += ' ' + italic(operandsText(command));
        out += '\n';
        addLine(out, std::string{command.help} + '.');
        const bool shows = std::ranges::any_of(command.options, [](const Option& option) { return !option.hidden; });
        if (shows || !command.notes.empty()) {
            out += ".RS\n";
            addOptions(out, command.options, false);
            if (!command.notes.empty()) {
                out += ".PP\n";
                addVerbatim(out, command.notes);
            }
            out += ".RE\n";
        }
    }
}

void addFile(std::string& out, const Program& program)
{
    if (!hasFile(program))
        return;
    addHeading(out, "CONFIGURATION FILE");
    addLine(out,
        "A JSON object; the options above are its keys, with _ for -, and options override it. --config names it, else "
            + (program.fileVariable.empty() ? std::string{} : "$" + std::string{program.fileVariable} + ", else ")
            + "it is /etc/" + std::string{program.name} + "/config.json where that exists.");
    std::vector<Option> fileOnly;
    std::ranges::copy_if(program.options, std::back_inserter(fileOnly),
        [](const Option& option) { return option.where == Where::File; });
    addOptions(out, fileOnly, true);
}

void addExits(std::string& out, const Program& program)
{
    if (program.exits.empty())
        return;
    addHeading(out, "EXIT STATUS");
    for (const ExitCode& exit : program.exits) {
        out += ".TP\n" + bold(std::to_string(exit.code)) + '\n';
        addLine(out, std::string{exit.meaning} + '.');
    }
}

} // namespace

std::string roffText(std::string_view text)
{
    std::string out;
    bool atBeginning = true;
    while (!text.empty()) {
        const char c = text.front();
        if (atBeginning && (c == '.' || c == '\'' || c == ' '))
            out += "\\&"; // else a request, or a line that begins a paragraph
        atBeginning = c == '\n';
        if (static_cast<unsigned char>(c) >= 0x80) {
            char name[16];
            std::snprintf(name, sizeof name, "\\[u%04X]", static_cast<unsigned>(takeCodePoint(text)));
            out += name;
            continue;
        }
        const std::string_view escape = escapeOf(c);
        if (escape.empty())
            out += c == '\t' ? ' ' : c;
        else
            out += escape;
        text.remove_prefix(1);
    }
    return out;
}

std::string manualPage(const Program& program)
{
    const std::string name{program.name};
    const bool ends = program.summary.ends_with('.');
    std::string out = ".\\\" Made by '" + name + " --manual'; do not edit.\n";
    out += ".TH " + upper(name) + ' ' + std::to_string(program.section) + " \"" + std::string{kDate}
        + "\" \"Beacon Instrument\"\n";
    addHeading(out, "NAME");
    out +=
        roffText(name) + " \\- " + roffText(program.summary.substr(0, program.summary.size() - (ends ? 1 : 0))) + '\n';
    addSynopsis(out, program);
    addCommands(out, program);
    addHeading(out, program.commands.empty() ? "OPTIONS" : "OPTIONS OF EVERY COMMAND");
    addOptions(out, commandLineOptions(program), false);
    addFile(out, program);
    addExits(out, program);
    if (!program.notes.empty()) {
        addHeading(out, "NOTES");
        addVerbatim(out, program.notes);
    }
    return out;
}

} // namespace beacon
