#pragma once

#include "core/options/options.h"

/// What the files of core/options share.
namespace beacon {

/// Fills Values; the only one who may.
class OptionReader {
public:
    OptionReader(const Program& program, Values& values)
        : m_program(program)
        , m_values(values)
    {
        m_values.m_options.assign(program.options.begin(), program.options.end());
    }

    [[nodiscard]] const Program& program() const noexcept { return m_program; }
    [[nodiscard]] const std::string& command() const noexcept { return m_values.m_command; }
    /// From now on the command's options are known too.
    void setCommand(std::string path, const Subcommand* row);
    [[nodiscard]] bool onCommandLine(std::string_view name) const { return m_values.m_line.contains(name); }
    void setOnCommandLine(std::string_view name, std::string value) { m_values.m_line.emplace(name, std::move(value)); }
    void addItems(std::string_view name, std::string_view items);
    void setFromFile(const std::map<std::string, std::string, std::less<>>& values);
    void addOperand(std::string operand) { m_values.m_operands.push_back(std::move(operand)); }
    [[nodiscard]] const std::vector<std::string>& operands() const noexcept { return m_values.m_operands; }
    [[nodiscard]] std::size_t operandCount() const noexcept { return m_values.m_operands.size(); }

private:
    const Program& m_program;
    Values& m_values;
};

[[nodiscard]] bool hasFile(const Program& program); ///< whether any option may stand in a file
[[nodiscard]] std::vector<Option> commandLineOptions(const Program& program); ///< with --config, --help and so on

[[nodiscard]] const Subcommand* findCommand(const Program& program, std::string_view path);
[[nodiscard]] bool isGroup(const Program& program, std::string_view path); ///< longer paths begin with it
[[nodiscard]] std::vector<std::string> commandsBelow(const Program& program, std::string_view path); ///< next words
[[nodiscard]] std::string operandsText(const Subcommand& command); ///< "TARGET [VERSION]", "NAME..."
[[nodiscard]] std::string valueText(const Option& option); ///< "PPS"
[[nodiscard]] std::string optionHelp(const Option& option); ///< with choices, bounds and default
[[nodiscard]] std::string keyOf(const Option& option); ///< "full_cycle" of "full-cycle"
[[nodiscard]] bool allowedIn(const Option& option, Where where) noexcept;

/// What is wrong with `value`, spelled as on the command line: "must be a number from 1 to 10, but is x". A secret is
/// not quoted.
[[nodiscard]] std::optional<std::string> findFault(const Option& option, std::string_view value);

/// "1 to 65535", comma-separated and with ranges; nullopt where the text is no such list. Sorted, each once.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> parsePorts(std::string_view text);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// "; did you mean X?" with the candidate that is nearest to `word`, or nothing where none is near.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> candidates);

/// `text` fit to be shown: control characters and bytes that are not UTF-8 escaped, long text cut.
[[nodiscard]] std::string shown(std::string_view text);

[[nodiscard]] bool isUtf8(std::string_view text) noexcept;

/// The shortest decimal spelling.
[[nodiscard]] std::string numberText(double number);
[[nodiscard]] std::optional<double> parseNumber(std::string_view text);

/// A regular file of at most 1 MiB.
struct ConfigText {
    std::string text;
    bool isPrivate = false; ///< nobody but its owner may read it
};
[[nodiscard]] Result<ConfigText> readConfigFile(const std::string& path);
/// applyConfig() of a file, which may have to be private.
[[nodiscard]] std::vector<Complaint> applyConfigFile(const Program& program, const ConfigText& file, Values& values);

} // namespace beacon
