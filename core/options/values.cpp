#include "core/options/reader.h"

#include <algorithm>
#include <cassert>

namespace beacon {

namespace {

/// The value that is in force, spelled as on the command line.
std::string_view inForce(const auto& line, const auto& file, std::span<const Option> options, std::string_view name)
{
    if (const auto at = line.find(name); at != line.end())
        return at->second;
    if (const auto at = file.find(name); at != file.end())
        return at->second;
    const auto option = std::ranges::find(options, name, &Option::name);
    assert(option != options.end()); // a program asks only for what its own table lists
    return option == options.end() ? std::string_view{} : option->fallback;
}

} // namespace

bool Values::given(std::string_view name) const
{
    return m_line.contains(name) || m_file.contains(name);
}

bool Values::flag(std::string_view name) const
{
    return inForce(m_line, m_file, m_options, name) == "true";
}

std::string Values::text(std::string_view name) const
{
    return std::string{inForce(m_line, m_file, m_options, name)};
}

double Values::number(std::string_view name) const
{
    return parseNumber(inForce(m_line, m_file, m_options, name)).value_or(0);
}

std::vector<std::string> Values::list(std::string_view name) const
{
    const std::string_view text = inForce(m_line, m_file, m_options, name);
    std::vector<std::string> items;
    if (!text.empty())
        for (const std::string_view item : split(text, ','))
            items.emplace_back(item);
    return items;
}

std::vector<std::uint16_t> Values::ports(std::string_view name) const
{
    return parsePorts(inForce(m_line, m_file, m_options, name)).value_or(std::vector<std::uint16_t>{});
}

void OptionReader::setCommand(std::string path, const Subcommand* row)
{
    m_values.m_command = std::move(path);
    m_values.m_options.assign(m_program.options.begin(), m_program.options.end());
    if (row != nullptr)
        m_values.m_options.insert(m_values.m_options.end(), row->options.begin(), row->options.end());
}

void OptionReader::addItems(std::string_view name, std::string_view items)
{
    const auto [at, isNew] = m_values.m_line.emplace(name, items);
    if (!isNew)
        (at->second += ',') += items;
}

void OptionReader::setFromFile(const std::map<std::string, std::string, std::less<>>& values)
{
    for (const auto& [name, value] : values)
        m_values.m_file.insert_or_assign(name, value);
}

} // namespace beacon
