#include "core/options/reader.h"

#include <algorithm>

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
        names.push_back("--" + std::string{option.name});
    std::string hint = argument == "-h" ? "; did you mean --help?"
        : argument == "-V"              ? "; did you mean --version?"
                                        : suggestion(argument, names);
    const auto other = std::ranges::find_if(program.options,
        [&](const Option& option) { return argument.starts_with("--") && option.name == argument.substr(2); });
    if (other != program.options.end())
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
        return usageError(program,
            name + " needs a value: " + name + ' ' + std::string{option.value.empty() ? "VALUE" : option.value});
    } else {
        value = rest.front();
        rest = rest.subspan(1);
    }
    if (const auto fault = findFault(option, value))
        return Error{Errc::BadInput, 0, name + ' ' + *fault};
    return std::string{value};
}

Result<> addOperand(const Program& program, OptionReader& reader, std::string_view operand)
{
    if (reader.operandCount() >= program.maxOperands)
        return usageError(program,
            program.maxOperands == 0
                ? shown(operand) + " is not understood: " + std::string{program.name} + " takes options only"
                : shown(operand) + " is one argument too many");
    if (!isUtf8(operand))
        return usageError(program, "an argument is not UTF-8: " + shown(operand));
    reader.addOperand(std::string{operand});
    return {};
}

} // namespace

Result<Values> parseCommandLine(const Program& program, std::span<char* const> arguments)
{
    Values values;
    OptionReader reader{program, values};
    const std::vector<Option> options = commandLineOptions(program);
    bool optionsEnded = false;
    while (!arguments.empty()) {
        const std::string_view argument = arguments.front();
        arguments = arguments.subspan(1);
        if (!optionsEnded && argument == "--") {
            optionsEnded = true;
            continue;
        }
        if (optionsEnded || !argument.starts_with('-') || argument == "-") {
            if (auto added = addOperand(program, reader, argument); !added)
                return added.error();
            continue;
        }
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const auto option = std::ranges::find_if(
            options, [&](const Option& known) { return name.starts_with("--") && known.name == name.substr(2); });
        if (option == options.end())
            return unknownOption(program, options, name);
        if (reader.onCommandLine(option->name))
            return usageError(program, std::string{name} + " is given twice; give it once");
        const auto attached = equals == std::string_view::npos
            ? std::nullopt
            : std::optional<std::string_view>{argument.substr(equals + 1)};
        auto value = takeValue(program, *option, attached, arguments);
        if (!value)
            return value.error();
        reader.setOnCommandLine(option->name, *std::move(value));
    }
    return values;
}

} // namespace beacon
