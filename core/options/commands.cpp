#include "core/options/reader.h"

#include <algorithm>

namespace beacon {

namespace {

/// What follows `path` in `longer`, or nothing where it does not.
std::string_view restBehind(std::string_view longer, std::string_view path)
{
    if (path.empty())
        return longer;
    if (!longer.starts_with(path) || longer.size() <= path.size() || longer[path.size()] != ' ')
        return {};
    return longer.substr(path.size() + 1);
}

} // namespace

const Subcommand* findCommand(const Program& program, std::string_view path)
{
    const auto row = std::ranges::find(program.commands, path, &Subcommand::path);
    return row == program.commands.end() ? nullptr : &*row;
}

bool isGroup(const Program& program, std::string_view path)
{
    return std::ranges::any_of(
        program.commands, [&](const Subcommand& command) { return !restBehind(command.path, path).empty(); });
}

std::vector<std::string> commandsBelow(const Program& program, std::string_view path)
{
    std::vector<std::string> words;
    for (const Subcommand& command : program.commands) {
        std::string word{split(restBehind(command.path, path), ' ').front()};
        if (!word.empty() && std::ranges::find(words, word) == words.end())
            words.push_back(std::move(word));
    }
    return words;
}

std::string operandsText(const Subcommand& command)
{
    std::string text;
    std::string closing;
    for (const Operand& operand : command.operands) {
        text += (text.empty() ? "" : " ") + std::string{operand.optional ? "[" : ""} + std::string{operand.name}
            + (operand.repeats ? "..." : "");
        if (operand.optional)
            closing += ']'; // "[FROM [TO]]": the second only where the first is given
    }
    return text + closing;
}

} // namespace beacon
