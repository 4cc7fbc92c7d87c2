#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

/// Diagnostics on stderr: a syslog level prefix as systemd reads it (sd-daemon(3)), then logfmt. Thread-safe: one write
/// a line.
namespace beacon::log {

using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

void error(std::string_view message, Fields fields = {}); ///< <3>
void warning(std::string_view message, Fields fields = {}); ///< <4>
void notice(std::string_view message, Fields fields = {}); ///< <5>
void info(std::string_view message, Fields fields = {}); ///< <6>

/// The line without its prefix: control characters are escaped, so that hostile text cannot forge a line.
[[nodiscard]] std::string format(std::string_view message, Fields fields);

} // namespace beacon::log
