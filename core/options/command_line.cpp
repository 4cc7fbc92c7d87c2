#include "core/options/reader.h"

#include <algorithm>
#include <utility>

// getopt_long(3) cannot be told to refuse abbreviations and keeps its place in global variables; exact names need
// neither.
namespace beacon {

namespace {

Error usageError(const Program& program, const std::string& what)
{
    return {Errc::BadInput, 0, what + "; see " + std::string{program.name} + " --help"};
}

Error unknownOption(const Program& program, std::span<const Option> options, std::string_view argument)
{
    std::vector<std::string> names;
    for (const Option& option : options)
        if (!option.hidden)
            names.push_back("--" + std::string{option.name});
    const auto owner = std::ranges::find_if(program.commands, [&](const Subcommand& command) {
        return argument.starts_with("--")
            && std::ranges::find(command.options, argument.substr(2), &Option::name) != command.options.end();
    });
    if (owner != program.commands.end())
        return {Errc::BadInput, 0,
            shown(argument) + " is not an option here; it stands behind a command that has it, such as "
                + std::string{owner->path}};
    std::string hint = argument == "-h" ? "; did you mean --help?"
        : argument == "-V"              ? "; did you mean --version?"
                                        : suggestion(argument, names);
    const auto other = std::ranges::find_if(program.options,
        [&](const Option& option) { return argument.starts_with("--") && option.name == argument.substr(2); });
    if (other != program.options.end() && other->secret)
        hint = ": it is a secret, and everybody can read a command line; it may stand in a 0600 file only, as \""
            + keyOf(*other) + '"';
    else if (other != program.options.end())
        hint = "; it may only stand in the configuration file, as \"" + keyOf(*other) + '"';
    else if (hint.empty())
        hint = "; see " + std::string{program.name} + " --help";
    return {Errc::BadInput, 0, shown(argument) + " is not an option of " + std::string{program.name} + hint};
}

/// One option's value, from behind its '=' or from the next argument.
Result<std::string> takeValue(const Program& program, const Option& option, std::optional<std::string_view> attached,
    std::span<char* const>& rest)
{
    const std::string name = "--" + std::string{option.name};
    if (option.kind == OptionKind::Flag) {
        if (attached)
            return usageError(program, name + " takes no value; leave out =" + shown(*attached));
        return std::string{"true"};
    }
    std::string_view value;
    if (attached) {
        value = *attached;
    } else if (rest.empty() || std::string_view{rest.front()}.starts_with("--")) {
        return usageError(program, name + " needs a value: " + name + ' ' + valueText(option));
    } else {
        value = rest.front();
        rest = rest.subspan(1);
    }
    if (const auto fault = findFault(option, value))
        return Error{Errc::BadInput, 0, name + ' ' + *fault};
    return std::string{value};
}

/// One command line, from the left to the right.
class Parser {
public:
    explicit Parser(const Program& program)
        : m_program(program)
        , m_reader(program, m_values)
        , m_options(commandLineOptions(program))
    {
    }

    Result<Values> parse(std::span<char* const> arguments)
    {
        bool optionsEnded = false;
        while (!arguments.empty()) {
            const std::string_view argument = arguments.front();
            arguments = arguments.subspan(1);
            if (!optionsEnded && argument == "--") {
                optionsEnded = true;
                continue;
            }
            const bool isWord = optionsEnded || !argument.starts_with('-') || argument == "-";
            if (auto taken = isWord ? takeWord(argument) : takeOption(argument, arguments); !taken)
                return taken.error();
        }
        if (auto whole = checkCommand(); !whole)
            return whole.error();
        return std::move(m_values);
    }

private:
    [[nodiscard]] bool asksOnly() const { return m_reader.onCommandLine("help") || m_reader.onCommandLine("version"); }

    Result<> takeWord(std::string_view word)
    {
        const std::string& path = m_reader.command();
        const bool mayGoOn = !m_program.commands.empty() && m_reader.operandCount() == 0 && isGroup(m_program, path);
        if (!mayGoOn)
            return takeOperand(word);
        const auto words = commandsBelow(m_program, path);
        if (std::ranges::find(words, word) == words.end()) {
            const bool takesOperands = m_command != nullptr && !m_command->operands.empty();
            return takesOperands ? takeOperand(word) : unknownCommand(word, words);
        }
        std::string longer = path + (path.empty() ? "" : " ") + std::string{word};
        m_command = findCommand(m_program, longer);
        m_reader.setCommand(std::move(longer), m_command);
        m_options = commandLineOptions(m_program);
        if (m_command != nullptr)
            m_options.insert(m_options.end(), m_command->options.begin(), m_command->options.end());
        return {};
    }

    [[nodiscard]] Error unknownCommand(std::string_view word, std::span<const std::string> words) const
    {
        const std::string& path = m_reader.command();
        const std::string hint = suggestion(word, words);
        return {Errc::BadInput, 0,
            shown(word) + " is not a command of " + std::string{m_program.name} + (path.empty() ? "" : " " + path)
                + (hint.empty() ? "; see " + std::string{m_program.name} + " --help" : hint)};
    }

    Result<> takeOperand(std::string_view word)
    {
        const std::size_t count = m_reader.operandCount();
        const std::size_t most = m_program.commands.empty()                      ? m_program.maxOperands
            : m_command == nullptr                                               ? 0
            : !m_command->operands.empty() && m_command->operands.back().repeats ? kMaxRepeated
                                                                                 : m_command->operands.size();
        if (count >= most)
            return usageError(m_program,
                m_program.commands.empty() && most == 0
                    ? shown(word) + " is not understood: " + std::string{m_program.name} + " takes options only"
                    : shown(word) + " is one argument too many");
        if (!isUtf8(word))
            return usageError(m_program, "an argument is not UTF-8: " + shown(word));
        if (m_command != nullptr)
            if (auto fine = checkOperand(m_command->operands[std::min(count, m_command->operands.size() - 1)], word);
                !fine)
                return fine;
        m_reader.addOperand(std::string{word});
        return {};
    }

    [[nodiscard]] Result<> checkOperand(const Operand& operand, std::string_view word) const
    {
        const std::string name{operand.name};
        if (word.empty())
            return usageError(m_program, name + " is empty");
        if (operand.choices.empty())
            return {};
        if (const auto fault = findFault({.name = operand.name, .choices = operand.choices}, word))
            return usageError(m_program, name + ' ' + *fault);
        return {};
    }

    Result<> takeOption(std::string_view argument, std::span<char* const>& rest)
    {
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const auto option = std::ranges::find_if(
            m_options, [&](const Option& known) { return name.starts_with("--") && known.name == name.substr(2); });
        if (option == m_options.end())
            return unknownOption(m_program, m_options, name);
        if (m_reader.onCommandLine(option->name) && !option->repeats)
            return usageError(m_program, std::string{name} + " is given twice; give it once");
        const auto attached = equals == std::string_view::npos
            ? std::nullopt
            : std::optional<std::string_view>{argument.substr(equals + 1)};
        auto value = takeValue(m_program, *option, attached, rest);
        if (!value)
            return value.error();
        if (option->repeats)
            m_reader.addItems(option->name, *value);
        else
            m_reader.setOnCommandLine(option->name, *std::move(value));
        return {};
    }

    /// Whether there is a command, and all that it needs.
    [[nodiscard]] Result<> checkCommand() const
    {
        if (m_program.commands.empty() || asksOnly() || hiddenAsked())
            return {};
        const std::string name{m_program.name};
        const std::string& path = m_reader.command();
        if (m_command == nullptr) {
            std::string words;
            for (const std::string& word : commandsBelow(m_program, path))
                words += (words.empty() ? "" : ", ") + word;
            return usageError(m_program, name + (path.empty() ? "" : " " + path) + " needs a command, one of " + words);
        }
        const std::size_t needed = static_cast<std::size_t>(
            std::ranges::count_if(m_command->operands, [](const Operand& operand) { return !operand.optional; }));
        if (m_reader.operandCount() >= needed)
            return {};
        return usageError(m_program,
            path + " needs " + std::string{m_command->operands[m_reader.operandCount()].name} + ": " + name + ' ' + path
                + ' ' + operandsText(*m_command));
    }

    [[nodiscard]] bool hiddenAsked() const
    {
        return std::ranges::any_of(
            m_options, [&](const Option& option) { return option.hidden && m_reader.onCommandLine(option.name); });
    }

    static constexpr std::size_t kMaxRepeated = 256;

    const Program& m_program;
    Values m_values;
    OptionReader m_reader;
    std::vector<Option> m_options; ///< that may be given now
    const Subcommand* m_command = nullptr;
};

} // namespace

Result<Values> parseCommandLine(const Program& program, std::span<char* const> arguments)
{
    return Parser{program}.parse(arguments);
}

} // namespace beacon
