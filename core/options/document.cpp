#include "core/options/reader.h"

namespace beacon {

std::variant<std::string, std::vector<Complaint>> effectiveDocument(
    const Program& program, std::span<char* const> arguments)
{
    auto values = parseCommandLine(program, arguments);
    if (!values)
        return std::vector{Complaint{"", describe(values.error())}};
    const bool named = values->given("config");
    const std::string path = named ? values->text("config") : "/etc/" + std::string{program.name} + "/config.json";
    if (const auto file = readConfigFile(path)) {
        if (auto complaints = applyConfigFile(program, *file, *values); !complaints.empty())
            return complaints;
    } else if (named || file.error().code != Errc::NotFound) {
        return std::vector{Complaint{"", describe(file.error())}};
    }
    return effectiveFile(program, *values);
}

} // namespace beacon
