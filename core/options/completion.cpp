#include "core/options/completion.h"

#include "core/options/reader.h"

#include <algorithm>

namespace beacon {

namespace {

/// What does not depend on the table; @ stands for the function's name.
constexpr std::string_view kLogic = R"~(
# Puts those lines of stdin into COMPREPLY that begin with the current word.
@_offer() {
    local line
    while IFS= read -r line; do
        [[ -n $line && $line == "$cur"* ]] && COMPREPLY+=("$line")
    done
}

# A kind is =WORDS, @file, @command, @KIND that the program itself lists, or empty: nothing is offered.
@_offer_kind() {
    case $1 in
    =*) @_offer < <(printf '%s\n' ${1#=}) ;;
    @file)
        compopt -o filenames 2>/dev/null
        @_offer < <(compgen -f -- "$cur")
        ;;
    @command)
        local words= options= operands=() known="${typed[*]}"
        @_row "$known"
        @_offer < <(printf '%s\n' $words)
        ;;
    @*) @_offer < <("${COMP_WORDS[0]}" --complete "${1#@}" "${where[@]}" 2>/dev/null </dev/null) ;;
    esac
}

@() {
    COMPREPLY=()
    local cur=${COMP_WORDS[COMP_CWORD]} path= word= option= kind= words= options= ended=
    local -a typed=() where=() operands=()
    local -i i=1 last=COMP_CWORD
    if [[ $cur == [=:] ]]; then # a word by itself to bash, see COMP_WORDBREAKS
        [[ $cur == : ]] && return
        cur=
    elif ((last > 1)) && [[ ${COMP_WORDS[last - 1]} == : ]]; then
        return
    elif ((last > 1)) && [[ ${COMP_WORDS[last - 1]} == = ]]; then
        last=last-1
    fi
    while ((i < last)); do
        word=${COMP_WORDS[i]}
        i+=1
        if [[ $word == [=:] ]]; then # the rest of an operand
            i+=1
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $ended && $word == --*=* ]]; then
            [[ $word == --socket=* ]] && where=(--socket "${word#*=}")
        elif [[ -z $ended && $word == -?* ]]; then
            @_value "$path $word" || continue
            option=$word
            [[ ${COMP_WORDS[i]} == = ]] && i+=1
            ((i > COMP_CWORD || (i == COMP_CWORD))) && break
            [[ $option == --socket ]] && where=(--socket "${COMP_WORDS[i]}")
            option=
            i+=1
        elif ((${#typed[@]} == 0)) && @_is_path "${path:+$path }$word"; then
            path=${path:+$path }$word
        else
            typed+=("$word")
        fi
    done
    if [[ -n $option ]]; then
        @_value "$path $option" && @_offer_kind "$kind"
        return
    fi
    if [[ ${COMP_WORDS[last]} == = ]]; then
        return # behind KEY=
    fi
    @_row "$path"
    if [[ -z $ended && $cur == -* ]]; then
        @_offer < <(printf '%s\n' $options $general)
        return
    fi
    ((${#typed[@]} == 0)) && @_offer < <(printf '%s\n' $words)
    local -i at=${#typed[@]} most=${#operands[@]}
    if ((at >= most && most > 0)) && [[ ${operands[most - 1]} == +* ]]; then
        at=most-1
    fi
    ((at < most)) && @_offer_kind "${operands[at]#+}"
    return 0
}
)~";

std::string quoted(std::string_view text)
{
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
    return out + '\'';
}

std::string kindOf(std::string_view completes, std::string_view choices)
{
    if (!choices.empty()) {
        std::string words{choices};
        std::ranges::replace(words, '|', ' ');
        return '=' + words;
    }
    return completes.empty() || completes.starts_with('=') ? std::string{completes} : '@' + std::string{completes};
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string optionNames(std::span<const Option> options)
{
    std::vector<std::string> names;
    for (const Option& option : options)
        if (!option.hidden)
            names.push_back("--" + std::string{option.name});
    return joined(names);
}

/// Every path that leads somewhere: "", "config", "config apply".
std::vector<std::string> pathsOf(const Program& program)
{
    std::vector<std::string> paths{""};
    for (const Subcommand& command : program.commands) {
        for (std::size_t end = 0; end != std::string_view::npos;) {
            end = command.path.find(' ', end == 0 ? 0 : end + 1);
            std::string path{command.path.substr(0, end)};
            if (std::ranges::find(paths, path) == paths.end())
                paths.push_back(std::move(path));
        }
    }
    return paths;
}

std::string rowFunction(const Program& program, const std::string& name)
{
    std::string out = "\n# Sets words, options and operands for a path.\n" + name + "_row() {\n    case $1 in\n";
    for (const std::string& path : pathsOf(program)) {
        const Subcommand* const command = findCommand(program, path);
        out += "    " + quoted(path) + ") words=" + quoted(joined(commandsBelow(program, path)));
        if (command != nullptr && !command->options.empty())
            out += " options=" + quoted(optionNames(command->options));
        if (command != nullptr && !command->operands.empty()) {
            out += " operands=(";
            for (const Operand& operand : command->operands)
                out += (out.ends_with('(') ? "" : " ")
                    + quoted((operand.repeats ? "+" : "") + kindOf(operand.completes, operand.choices));
            out += ')';
        }
        out += " ;;\n";
    }
    return out + "    esac\n}\n";
}

std::string isPathFunction(const Program& program, const std::string& name)
{
    std::string patterns;
    for (const std::string& path : pathsOf(program))
        if (!path.empty())
            patterns += (patterns.empty() ? "" : " | ") + quoted(path);
    return "\n" + name + "_is_path() {\n    case $1 in\n    " + (patterns.empty() ? "''" : patterns)
        + ") return 0 ;;\n    esac\n    return 1\n}\n";
}

/// Sets `kind`; false where the option takes no value.
std::string valueFunction(const Program& program, const std::string& name)
{
    std::string out = "\n# Sets kind for 'PATH --OPTION'; false where the option takes no value.\n" + name
        + "_value() {\n    case $1 in\n";
    const auto add = [&](const std::string& pattern, const Option& option) {
        if (option.kind != OptionKind::Flag)
            out += "    " + pattern + ") kind=" + quoted(kindOf(option.completes, option.choices)) + " ;;\n";
    };
    for (const Subcommand& command : program.commands)
        for (const Option& option : command.options)
            add(quoted(std::string{command.path} + " --" + std::string{option.name}), option);
    for (const Option& option : commandLineOptions(program))
        add('*' + quoted(" --" + std::string{option.name}), option);
    return out + "    *) return 1 ;;\n    esac\n}\n";
}

} // namespace

std::string bashCompletion(const Program& program)
{
    std::string name = "_" + std::string{program.name};
    std::ranges::replace(name, '-', '_');
    std::string logic;
    for (std::size_t at = 0; at < kLogic.size(); ++at) {
        const bool standsForName =
            kLogic[at] == '@' && (at + 1 == kLogic.size() || kLogic[at + 1] == '_' || kLogic[at + 1] == '(');
        logic += standsForName ? name : std::string(1, kLogic[at]);
    }
    const std::string general = "    local general=" + quoted(optionNames(commandLineOptions(program))) + '\n';
    const std::string begin = name + "() {\n";
    logic.insert(logic.find("\n" + begin) + 1 + begin.size(), general);
    return "# bash completion of " + std::string{program.name} + ", made by '" + std::string{program.name}
    + " completion bash'; do not edit.\n" + rowFunction(program, name) + isPathFunction(program, name)
        + valueFunction(program, name) + logic + "\ncomplete -F " + name + ' ' + std::string{program.name} + '\n';
}

} // namespace beacon
