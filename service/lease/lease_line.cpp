#include "service/lease/lease_line.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr std::size_t kMostEventBytes = 32;

std::string cleaned(std::string_view value, std::size_t mostBytes)
{
    if (value.size() > mostBytes) {
        const std::size_t blank = value.rfind(' ', mostBytes); // half an address may be another address
        value = value.substr(0, blank == std::string_view::npos ? 0 : blank);
    }
    std::string clean{value};
    std::replace_if(
        clean.begin(), clean.end(), [](char c) { return (c < '0' || c > '9') && c != '.' && c != '/' && c != ' '; },
        '?');
    return clean;
}

std::string_view variable(std::string_view name, const char* const* environment)
{
    for (; *environment != nullptr; ++environment) {
        const std::string_view entry{*environment};
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
            return entry.substr(name.size() + 1);
    }
    return {};
}

} // namespace

std::string leaseLine(std::string_view event, const char* const* environment)
{
    std::string line{"sensor-lease\t1\t"};
    for (const char c : event.substr(0, kMostEventBytes))
        line += c >= 'a' && c <= 'z' ? c : '?';
    for (const auto& [name, mostBytes] : kLeaseVariables) {
        const std::string_view value = variable(name, environment);
        if (!value.empty())
            line.append(1, '\t').append(name).append(1, '=').append(cleaned(value, mostBytes));
    }
    line += '\n';
    return line;
}

} // namespace beacon
