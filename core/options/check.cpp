#include "core/options/reader.h"

#include "core/base/base32.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace beacon {

namespace {

constexpr std::size_t kMaxShownBytes = 80;
constexpr std::size_t kMaxTextBytes = 4'096;
constexpr std::size_t kMaxListItems = 1'024;
constexpr std::size_t kMaxDocumentBytes = 64 * 1'024;

std::size_t distance(std::string_view from, std::string_view to)
{
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({diagonal + 1, row[j] + 1, replaced});
        }
    }
    return row.back();
}

/// The length of the UTF-8 character at the beginning of `text`, 0 where there is none (RFC 3629).
std::size_t utf8Length(std::string_view text) noexcept
{
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return at(i) >= low && at(i) <= high;
    };
    const unsigned first = at(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef)
        return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

bool isControl(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::vector<std::string> choicesOf(const Option& option)
{
    std::vector<std::string> choices;
    if (!option.choices.empty())
        for (const std::string_view choice : split(option.choices, '|'))
            choices.emplace_back(choice);
    return choices;
}

bool isLayout(char c) noexcept
{
    return c == '\n' || c == '\r' || c == '\t';
}

/// Quotes nothing: what is so long may be anything.
std::optional<std::string> findDocumentFault(std::string_view value)
{
    if (value.empty())
        return "is empty; give a value or leave it out";
    if (value.size() > kMaxDocumentBytes)
        return "is longer than " + std::to_string(kMaxDocumentBytes) + " bytes; shorten it";
    if (!isUtf8(value))
        return "is not UTF-8";
    if (std::ranges::any_of(value, [](char c) { return isControl(c) && !isLayout(c); }))
        return "has control characters, remove them";
    return std::nullopt;
}

std::optional<std::string> findTextFault(const Option& option, std::string_view value)
{
    if (value.empty())
        return "is empty; give a value or leave it out";
    if (value.size() > kMaxTextBytes)
        return "is longer than " + std::to_string(kMaxTextBytes) + " bytes; shorten it";
    if (!isUtf8(value))
        return "is not UTF-8: " + shown(value);
    if (std::ranges::any_of(value, isControl))
        return "has control characters, remove them: " + shown(value);
    const auto choices = choicesOf(option);
    if (choices.empty() || std::ranges::find(choices, value) != choices.end())
        return std::nullopt;
    std::string names;
    for (const std::string& choice : choices)
        names += (names.empty() ? "" : ", ") + choice;
    return "must be one of " + names + ", but is " + shown(value) + suggestion(value, choices);
}

std::optional<std::string> findNumberFault(const Option& option, std::string_view value)
{
    const bool bounded = option.low < option.high;
    const std::string wanted = bounded
        ? "must be a number from " + numberText(option.low) + " to " + numberText(option.high)
        : "must be a number";
    const auto number = parseNumber(value);
    if (number && (!bounded || (*number >= option.low && *number <= option.high)))
        return std::nullopt;
    return wanted + ", but is " + (value.empty() ? "empty" : shown(value));
}

std::optional<std::string> findListFault(const Option& option, std::string_view value)
{
    const auto items = split(value, ',');
    if (items.size() > kMaxListItems)
        return "has more than " + std::to_string(kMaxListItems) + " items; shorten it";
    for (const std::string_view item : items) {
        if (item.empty())
            return "has an empty item; write it as A,B,C";
        if (auto fault = findTextFault(option, item))
            return "has an item that " + *fault;
    }
    return std::nullopt;
}

std::optional<std::string> findFaultAndQuote(const Option& option, std::string_view value)
{
    switch (option.kind) {
    case OptionKind::Flag:
        return value == "true" || value == "false"
            ? std::nullopt
            : std::optional<std::string>{"must be true or false, but is " + shown(value)};
    case OptionKind::Text:
        return findTextFault(option, value);
    case OptionKind::Number:
        return findNumberFault(option, value);
    case OptionKind::TextList:
        return findListFault(option, value);
    case OptionKind::PortList:
        if (parsePorts(value))
            return std::nullopt;
        return "must be ports from 1 to 65535 such as 53,80,8000-8010, but is "
            + (value.empty() ? "empty" : shown(value));
    case OptionKind::Document:
        return findDocumentFault(value);
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> findFault(const Option& option, std::string_view value)
{
    auto fault = findFaultAndQuote(option, value);
    if (fault && option.secret && option.kind != OptionKind::Document)
        return "does not fit; its value is a secret and not shown here";
    return fault;
}

std::optional<std::vector<std::uint16_t>> parsePorts(std::string_view text)
{
    const auto port = [](std::string_view digits) -> std::optional<std::uint16_t> {
        std::uint16_t number = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error != std::errc{} || end != digits.data() + digits.size() || number == 0)
            return std::nullopt;
        return number;
    };
    std::vector<bool> wanted(65'536);
    for (const std::string_view item : split(text, ',')) {
        const std::size_t dash = item.find('-');
        const auto first = port(item.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : port(item.substr(dash + 1));
        if (!first || !last || *first > *last)
            return std::nullopt;
        std::fill(wanted.begin() + *first, wanted.begin() + *last + 1, true);
    }
    std::vector<std::uint16_t> ports;
    for (std::size_t number = 1; number < wanted.size(); ++number)
        if (wanted[number])
            ports.push_back(static_cast<std::uint16_t>(number));
    return ports;
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (std::size_t end = 0; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + 1))
        parts.push_back(text.substr(0, end));
    parts.push_back(text);
    return parts;
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates)
{
    const std::string_view compared = word.substr(0, kMaxShownBytes); // bounds the work on hostile words
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(2, compared.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const bool begins =
            compared.size() >= 3 && (candidate.starts_with(compared) || compared.starts_with(candidate));
        const std::size_t away = begins ? 1 : distance(compared, candidate);
        if (away < least && away < compared.size()) {
            least = away;
            nearest = candidate;
        }
    }
    return nearest.empty() ? std::string{} : "; did you mean " + std::string{nearest} + '?';
}

std::string shown(std::string_view text)
{
    std::string result;
    while (!text.empty() && result.size() < kMaxShownBytes) {
        const std::size_t length = utf8Length(text);
        const auto byte = static_cast<Byte>(text.front());
        if (length == 0 || (length == 1 && isControl(text.front())))
            result += "\\x" + toHex({&byte, 1});
        else
            result += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return text.empty() ? result : result + "...";
}

bool isUtf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t length = utf8Length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string numberText(double number)
{
    char buffer[512]; // a small fraction in full
    const auto [end, error] = std::abs(number) < 1e15
        ? std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed)
        : std::to_chars(buffer, buffer + sizeof buffer, number);
    return error == std::errc{} ? std::string(buffer, end) : std::string{};
}

std::optional<double> parseNumber(std::string_view text)
{
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number))
        return std::nullopt;
    return number;
}

bool hasFile(const Program& program)
{
    return std::ranges::any_of(program.options, [](const Option& option) { return allowedIn(option, Where::File); });
}

std::string keyOf(const Option& option)
{
    std::string key{option.name};
    std::ranges::replace(key, '-', '_');
    return key;
}

bool allowedIn(const Option& option, Where where) noexcept
{
    return (static_cast<unsigned>(option.where) & static_cast<unsigned>(where)) != 0;
}

std::vector<Option> commandLineOptions(const Program& program)
{
    std::vector<Option> options;
    for (const Option& option : program.options)
        if (allowedIn(option, Where::CommandLine))
            options.push_back(option);
    const auto add = [&](std::string_view name, OptionKind kind, std::string_view value, std::string_view help) {
        if (std::ranges::find(options, name, &Option::name) == options.end())
            options.push_back({.name = name, .kind = kind, .where = Where::CommandLine, .value = value, .help = help});
    };
    if (program.manifest != nullptr)
        add("manifest", OptionKind::Flag, "", "Print the manifest that a platform gets, then exit");
    if (hasFile(program)) {
        add("config", OptionKind::Text, "FILE", "Configuration file, JSON; options given here override it");
        add("check-config", OptionKind::Flag, "", "Check the configuration, then exit");
    }
    add("help", OptionKind::Flag, "", "Show this help and exit");
    add("version", OptionKind::Flag, "", "Show the version and exit");
    add("manual", OptionKind::Flag, "", "Print the manual page in roff and exit");
    options.back().hidden = true;
    return options;
}

} // namespace beacon
