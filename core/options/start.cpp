#include "core/options/man.h"
#include "core/options/reader.h"

#include <algorithm>
#include <cstdlib>
#include <sysexits.h>
#include <unistd.h>

namespace beacon {

namespace {

void print(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written <= 0)
            return; // nowhere to complain
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void complain(const Program& program, const std::string& sentence)
{
    print(STDERR_FILENO, std::string{program.name} + ": " + sentence + '\n');
}

struct ConfigFile {
    std::string path;
    bool mustExist = true;
};

ConfigFile chooseFile(const Program& program, const Values& values)
{
    if (values.given("config"))
        return {values.text("config")};
    if (!program.fileVariable.empty())
        if (const char* path = std::getenv(std::string{program.fileVariable}.c_str()); path != nullptr && *path != '\0')
            return {path};
    return {"/etc/" + std::string{program.name} + "/config.json", false};
}

/// The file's complaints, one a line; false where there are any.
bool readFile(const Program& program, const ConfigFile& file, Values& values)
{
    const auto read = readConfigFile(file.path);
    if (!read) {
        if (!file.mustExist && read.error().code == Errc::NotFound)
            return true;
        complain(program, describe(read.error()));
        return false;
    }
    const auto complaints = applyConfigFile(program, *read, values);
    for (const Complaint& complaint : complaints)
        complain(program,
            shown(file.path) + ": " + complaint.pointer + (complaint.pointer.empty() ? "" : " ") + complaint.text);
    return complaints.empty();
}

/// "help config apply".
int explain(const Program& program, const std::vector<std::string>& words)
{
    std::string path;
    for (const std::string& word : words)
        path += (path.empty() ? "" : " ") + word;
    if (!path.empty() && findCommand(program, path) == nullptr && !isGroup(program, path)) {
        complain(program,
            shown(path) + " is not a command of " + std::string{program.name} + "; see " + std::string{program.name}
                + " --help");
        return EX_USAGE;
    }
    print(STDOUT_FILENO, helpText(program, path));
    return EX_OK;
}

} // namespace

Started startProgram(const Program& program, int argc, char** argv, DefaultFile defaultFile)
{
    const std::span<char* const> arguments{argv, static_cast<std::size_t>(std::max(argc, 0))};
    auto values = parseCommandLine(program, arguments.empty() ? arguments : arguments.subspan(1));
    if (!values) {
        complain(program, describe(values.error()));
        return {std::nullopt, EX_USAGE};
    }
    if (values->given("help")) {
        print(STDOUT_FILENO, helpText(program, values->command()));
        return {std::nullopt, EX_OK};
    }
    if (values->given("manual")) {
        print(STDOUT_FILENO, manualPage(program));
        return {std::nullopt, EX_OK};
    }
    if (values->command() == "help")
        return {std::nullopt, explain(program, values->operands())};
    if (values->given("version")) {
        print(STDOUT_FILENO, std::string{program.name} + ' ' + BEACON_VERSION + '\n');
        return {std::nullopt, EX_OK};
    }
    if (program.manifest != nullptr && values->given("manifest")) {
        print(STDOUT_FILENO, program.manifest());
        return {std::nullopt, EX_OK};
    }
    if (!hasFile(program))
        return {*std::move(values), EX_OK};

    const ConfigFile file = chooseFile(program, *values);
    if ((file.mustExist || defaultFile == DefaultFile::Read) && !readFile(program, file, *values))
        return {std::nullopt, EX_CONFIG};
    if (values->given("check-config")) {
        print(STDOUT_FILENO, std::string{program.name} + ": the configuration is valid\n");
        return {std::nullopt, EX_OK};
    }
    return {*std::move(values), EX_OK};
}

} // namespace beacon
