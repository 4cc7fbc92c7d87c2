#include "core/base/log.h"

#include "core/base/base32.h"

#include <unistd.h>

namespace beacon::log {

namespace {

constexpr std::size_t kMaxValueBytes = 1'024;

void appendValue(std::string& line, std::string_view value)
{
    const bool cut = value.size() > kMaxValueBytes;
    value = value.substr(0, kMaxValueBytes);
    const bool bare = !value.empty() && value.find_first_of(" =\"\\") == std::string_view::npos;
    if (!bare)
        line += '"';
    for (const char c : value) {
        const auto byte = static_cast<Byte>(c);
        if (byte < 0x20 || byte == 0x7f)
            line += "\\x" + toHex({&byte, 1});
        else if (c == '"' || c == '\\')
            (line += '\\') += c;
        else
            line += c;
    }
    if (cut)
        line += "...";
    if (!bare)
        line += '"';
}

void write(char level, std::string_view message, Fields fields)
{
    const std::string line = std::string{"<"} + level + '>' + format(message, fields) + '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size()); // nowhere to complain
}

} // namespace

std::string format(std::string_view message, Fields fields)
{
    std::string line = "msg=";
    appendValue(line, message);
    for (const auto& [key, value] : fields) {
        ((line += ' ') += key) += '=';
        appendValue(line, value);
    }
    return line;
}

void error(std::string_view message, Fields fields)
{
    write('3', message, fields);
}
void warning(std::string_view message, Fields fields)
{
    write('4', message, fields);
}
void notice(std::string_view message, Fields fields)
{
    write('5', message, fields);
}
void info(std::string_view message, Fields fields)
{
    write('6', message, fields);
}

} // namespace beacon::log
