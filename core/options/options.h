#pragma once

#include "core/base/complaint.h"
#include "core/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// One constexpr table per program gives its command line, its configuration file, --help, the default file, the JSON
/// Schema, the manual page (man.h) and the completion (completion.h). Every program also has --help and --version, and,
/// where a row has Where::File, --config and
/// --check-config.
namespace beacon {

enum class OptionKind : std::uint8_t {
    Flag, ///< --once; a JSON boolean
    Text, ///< a JSON string; with `choices`, one of them
    Number, ///< decimal; a JSON number within [low, high], unbounded where these are equal
    TextList, ///< "a,b,c"; a JSON array of strings
    PortList, ///< "53,80,8000-8010"; a JSON array of integers and "low-high" strings; 1 to 65535
    Document, ///< a file's content as one JSON string, of several lines and up to 64 KiB; in a file only
};

/// Where an option may be given.
enum class Where : std::uint8_t { CommandLine = 1, File = 2, Both = 3 };

// In the order in which tables name them.
struct Option { // NOLINT(clang-analyzer-optin.performance.Padding)
    std::string_view name; ///< kebab-case on the command line, snake_case as a key: "full-cycle", "full_cycle"
    OptionKind kind = OptionKind::Text;
    Where where = Where::Both;
    std::string_view value{}; ///< what stands for the value in --help: "PPS"
    std::string_view fallback{}; ///< default, spelled as on the command line; empty: none
    std::string_view help{}; ///< one sentence without a full stop
    double low = 0, high = 0; ///< bounds of a Number, units as in `help`
    std::string_view choices{}; ///< "json|text"
    bool repeats = false; ///< of a TextList: given again it adds its items
    bool hidden = false; ///< understood, shown nowhere
    bool secret = false; ///< in a file only, which nobody but its owner may read; never quoted in a complaint
    std::string_view completes{}; ///< what a shell offers: kCompletesFile, "=WORD WORD", or what the program lists
};

inline constexpr std::string_view kCompletesFile = "file", kCompletesCommand = "command"; ///< by the shell itself

/// What stands behind a command, in its place.
struct Operand {
    std::string_view name; ///< "FILE"
    std::string_view completes{}; ///< as in Option
    std::string_view choices{}; ///< "bash|zsh"
    bool optional = false;
    bool repeats = false; ///< the last one only: takes all the rest
};

/// A row of a program that does several things: "sensorctl config apply TARGET FILE".
struct Subcommand {
    std::string_view path; ///< one word or more: "config apply"
    std::span<const Operand> operands{};
    std::string_view help; ///< one sentence without a full stop
    std::span<const Option> options{}; ///< beside the program's own; names clash with none of these
    std::string_view notes{}; ///< printed after its options
};

struct ExitCode {
    int code;
    std::string_view meaning;
};

class Values;

struct Program {
    std::string_view name;
    std::string_view summary; ///< one sentence
    std::string_view usage{}; ///< operands: "INTERFACE", "[issue NAME]"
    std::span<const Option> options{};
    std::size_t maxOperands = 0;
    std::string_view notes{}; ///< printed after the options: examples, files, exit codes
    std::string_view fileVariable{}; ///< environment variable that names the configuration file: "BEACON_CONFIG"
    int section = 1; ///< of its manual page
    std::span<const Subcommand> commands{}; ///< where there are any, one must be given; they have the operands
    std::span<const ExitCode> exits{};
    std::string (*manifest)() = nullptr; ///< an Instrument: what --manifest prints, as hello has it on a platform
    /// What the table cannot say of a file together with the command line; pointers as applyConfig() has them.
    std::vector<Complaint> (*check)(const Values& values) = nullptr;
};

/// What was asked for: given on the command line, else in the file, else the default.
class Values {
public:
    [[nodiscard]] bool given(std::string_view name) const; ///< by anybody, the default aside
    [[nodiscard]] bool flag(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name) const; ///< of any kind, spelled as on the command line
    [[nodiscard]] double number(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
    /// Expanded and sorted, each once.
    [[nodiscard]] std::vector<std::uint16_t> ports(std::string_view name) const;
    [[nodiscard]] const std::vector<std::string>& operands() const noexcept { return m_operands; }
    /// "config apply"; of a program without commands, or with --help alone, empty. With --help perhaps "config".
    [[nodiscard]] const std::string& command() const noexcept { return m_command; }

private:
    friend class OptionReader;
    std::vector<Option> m_options;
    std::string m_command;
    std::map<std::string, std::string, std::less<>> m_line, m_file; ///< spelled as on the command line
    std::vector<std::string> m_operands;
};

/// Parses `arguments` (argv without the program's name): `--name VALUE`, `--name=VALUE`, operands in any place, `--`
/// ends the options. Names are exact, each at most once unless it repeats; a command's own stand behind it. BadInput
/// says in one sentence what is wrong and what to do.
[[nodiscard]] Result<Values> parseCommandLine(const Program& program, std::span<char* const> arguments);

/// Adds the keys of a JSON object, none of which override the command line. On complaints `values` stays as it was.
/// No complaint quotes a secret.
[[nodiscard]] std::vector<Complaint> applyConfig(const Program& program, std::string_view json, Values& values);

/// Reads `path` (at most 1 MiB, a regular file) into applyConfig(). The error names path, pointer and remedy. A file
/// that holds a secret and may be read by others than its owner is refused.
[[nodiscard]] Result<> loadConfig(const Program& program, const std::string& path, Values& values);

/// What every main() begins with. Prints --help, --version, --manifest, --manual (hidden: man.h) or the complaints, one
/// a line, and loads the file that --config names, else `fileVariable`, else /etc/<program>/config.json where that
/// exists. A value: go on. Otherwise `exitCode` says how to end: 64 for the command line, 78 for the file (sysexits.h).
struct Started {
    std::optional<Values> values;
    int exitCode = 0;
};
/// Whether the file of /etc counts; on a platform, which keeps the configuration, it does not.
enum class DefaultFile : std::uint8_t { Read, PassedOver };
[[nodiscard]] Started startProgram(
    const Program& program, int argc, char** argv, DefaultFile defaultFile = DefaultFile::Read);

/// `command`: the text about this one, or about those that begin with it.
[[nodiscard]] std::string helpText(const Program& program, std::string_view command = {});
[[nodiscard]] std::string defaultFile(const Program& program); ///< JSON, every key that has a default
/// Reads command line and configuration file anew, for a reload: what the two make together, as effectiveFile() has it.
/// `arguments`: without the program's name. A file that is there by default only may be missing.
[[nodiscard]] std::variant<std::string, std::vector<Complaint>> effectiveDocument(
    const Program& program, std::span<char* const> arguments);

/// The keys, as they stand in a file, whose values are secret.
[[nodiscard]] std::vector<std::string> secretKeys(const Program& program);

/// JSON, every key of a file that was given by anybody, the default aside. Secrets are in it as they are: it is for
/// this process alone.
[[nodiscard]] std::string effectiveFile(const Program& program, const Values& values);
/// draft-07; keys of `without` are left out, secrets are "writeOnly".
[[nodiscard]] std::string jsonSchema(const Program& program, std::span<const std::string_view> without = {});

} // namespace beacon
