#include "core/lines/line.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace beacon {

namespace {

constexpr std::size_t kMaxReadBytes = 8 * 1024;
constexpr std::size_t kMaxStringBytes = 256;
constexpr std::size_t kMaxTechniques = 256;
constexpr int kMaxDepth = 8;

/// The flat keys that any line may have; nested values other than `techniques` are walked over.
struct Fields {
    std::optional<std::string> type, version, interface, technique, family, dst, via, outcome, errnoName, reason;
    std::optional<double> n, proto, port, rttUs, ratePps, run, forSeconds, cycle, attempts, errors, seconds;
    std::vector<std::string> techniques;
};

/// Of the keys that are strings; nullptr: none of them. Those of an attempt come first.
std::optional<std::string>* textField(Fields& fields, std::string_view key)
{
    struct Row {
        std::string_view key;
        std::optional<std::string> Fields::*field;
    };
    static constexpr Row kRows[] = {{"t", &Fields::type}, {"technique", &Fields::technique},
        {"family", &Fields::family}, {"dst", &Fields::dst}, {"via", &Fields::via}, {"outcome", &Fields::outcome},
        {"errno", &Fields::errnoName}, {"reason", &Fields::reason}, {"version", &Fields::version},
        {"interface", &Fields::interface}};
    for (const Row& row : kRows) {
        if (row.key == key)
            return &(fields.*row.field);
    }
    return nullptr;
}

/// Of the keys that are numbers; nullptr: none of them.
std::optional<double>* numberField(Fields& fields, std::string_view key)
{
    struct Row {
        std::string_view key;
        std::optional<double> Fields::*field;
    };
    static constexpr Row kRows[] = {{"n", &Fields::n}, {"proto", &Fields::proto}, {"port", &Fields::port},
        {"rtt_us", &Fields::rttUs}, {"rate_pps", &Fields::ratePps}, {"run", &Fields::run},
        {"for_s", &Fields::forSeconds}, {"cycle", &Fields::cycle}, {"attempts", &Fields::attempts},
        {"errors", &Fields::errors}, {"seconds", &Fields::seconds}};
    for (const Row& row : kRows) {
        if (row.key == key)
            return &(fields.*row.field);
    }
    return nullptr;
}

/// Reads what nearly every line is: one flat object of plain ASCII strings and whole numbers, without blanks, as
/// writeLine() gives it. Whatever is not that plain is left to the JSON library, which alone says what is wrong.
class PlainReader {
public:
    explicit PlainReader(std::string_view text)
        : m_rest(text)
    {
    }

    /// false: not plain; `fields` may hold a part.
    bool read(Fields& fields)
    {
        if (!take('{'))
            return false;
        do {
            const auto key = string();
            if (!key || !take(':') || !value(fields, *key))
                return false;
        } while (take(','));
        return take('}') && m_rest.empty();
    }

private:
    bool take(char expected)
    {
        if (m_rest.empty() || m_rest.front() != expected)
            return false;
        m_rest.remove_prefix(1);
        return true;
    }

    /// nullopt: none, or one with an escape, a control character or a byte beyond ASCII.
    std::optional<std::string_view> string()
    {
        if (!take('"'))
            return std::nullopt;
        const auto end = std::find_if(m_rest.begin(), m_rest.end(),
            [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c - 0x20) >= 0x5f; });
        const auto size = static_cast<std::size_t>(end - m_rest.begin());
        if (size == m_rest.size() || *end != '"')
            return std::nullopt;
        const std::string_view text = m_rest.substr(0, size);
        m_rest.remove_prefix(size + 1);
        return text;
    }

    bool value(Fields& fields, std::string_view key)
    {
        if (!m_rest.empty() && m_rest.front() == '"') {
            const auto text = string();
            if (!text)
                return false;
            if (auto* const field = textField(fields, key))
                *field = text->substr(0, kMaxStringBytes);
            return true;
        }
        const auto number = wholeNumber();
        if (!number)
            return false;
        if (auto* const field = numberField(fields, key))
            *field = static_cast<double>(*number);
        return true;
    }

    /// nullopt: none, or one that a double may not hold exactly, or with a sign, a fraction or an exponent: then
    /// neither comma nor brace follows it.
    std::optional<std::uint64_t> wholeNumber()
    {
        constexpr std::size_t kMostDigits = 15;
        std::uint64_t number = 0;
        std::size_t digits = 0;
        while (digits < m_rest.size() && digits <= kMostDigits && m_rest[digits] >= '0' && m_rest[digits] <= '9')
            number = number * 10 + static_cast<std::uint64_t>(m_rest[digits++] - '0');
        if (digits == 0 || digits > kMostDigits || (digits > 1 && m_rest.front() == '0'))
            return std::nullopt;
        m_rest.remove_prefix(digits);
        return number;
    }

    std::string_view m_rest;
};

class FieldReader final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit FieldReader(Fields& fields)
        : m_fields(fields)
    {
    }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t value) override { return number(static_cast<double>(value)); }
    bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value)); }
    bool number_float(number_float_t value, const string_t&) override { return number(value); }
    bool string(string_t& value) override
    {
        if (value.size() > kMaxStringBytes)
            value.resize(kMaxStringBytes);
        if (m_depth == 1) {
            if (auto* const field = textField(m_fields, m_key))
                *field = value;
        } else if (m_depth == 2 && m_inTechniques && m_fields.techniques.size() < kMaxTechniques) {
            m_fields.techniques.push_back(value);
        }
        return true;
    }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override
    {
        m_inTechniques = false;
        return ++m_depth <= kMaxDepth;
    }
    bool end_object() override
    {
        --m_depth;
        return true;
    }
    bool start_array(std::size_t) override
    {
        if (m_depth == 0) // a line is an object
            return false;
        m_inTechniques = m_depth == 1 && m_key == "techniques";
        return ++m_depth <= kMaxDepth;
    }
    bool end_array() override
    {
        --m_depth;
        return true;
    }
    bool key(string_t& name) override
    {
        if (m_depth == 1)
            m_key = name;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    bool number(double value)
    {
        if (m_depth == 1) {
            if (auto* const field = numberField(m_fields, m_key))
                *field = value;
        }
        return m_depth > 0;
    }

    Fields& m_fields;
    std::string m_key;
    int m_depth = 0;
    bool m_inTechniques = false;
};

/// nullopt: absent, fractional or out of range.
template <class T> std::optional<T> whole(const std::optional<double>& value)
{
    constexpr double kExact = 9007199254740992.0; // 2^53
    constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
    if (!value || *value < 0 || *value > std::min(kHigh, kExact) || *value != std::floor(*value))
        return std::nullopt;
    return static_cast<T>(*value);
}

std::optional<AttemptTarget> readTarget(Fields& fields)
{
    AttemptTarget target;
    const auto n = whole<std::uint64_t>(fields.n);
    const auto proto = fields.proto ? whole<std::uint8_t>(fields.proto) : std::optional<std::uint8_t>{std::uint8_t{0}};
    const auto port = fields.port ? whole<std::uint16_t>(fields.port) : std::optional<std::uint16_t>{std::uint16_t{0}};
    const bool family = fields.family && (*fields.family == "ipv4" || *fields.family == "ipv6");
    if (!n || !proto || !port || !family || !fields.technique || !fields.dst)
        return std::nullopt;
    target.n = *n;
    target.technique = std::move(*fields.technique);
    target.family = *fields.family == "ipv6" ? Family::Ipv6 : Family::Ipv4;
    target.dst = std::move(*fields.dst);
    target.proto = *proto;
    target.port = *port;
    target.via = std::move(fields.via).value_or("");
    return target;
}

std::optional<Line> readAttempt(Fields& fields)
{
    const auto outcome = outcomeFromName(fields.outcome.value_or(""));
    auto target = readTarget(fields);
    if (!outcome || !target)
        return std::nullopt;
    return AttemptLine{
        std::move(*target), *outcome, std::move(fields.errnoName).value_or(""), std::move(fields.reason).value_or("")};
}

std::optional<Line> readEscape(Fields& fields)
{
    auto target = readTarget(fields);
    if (!target)
        return std::nullopt;
    return EscapeLine{std::move(*target), whole<std::uint64_t>(fields.rttUs).value_or(0)};
}

std::optional<Line> readHello(Fields& fields)
{
    return HelloLine{std::move(fields.version).value_or(""), std::move(fields.interface).value_or(""),
        fields.ratePps.value_or(0), whole<std::uint32_t>(fields.run).value_or(0), std::move(fields.techniques)};
}

std::optional<Line> readIdle(Fields& fields)
{
    return IdleLine{whole<std::uint64_t>(fields.forSeconds).value_or(0)};
}

std::optional<Line> readPaused(Fields& fields)
{
    return PausedLine{std::move(fields.reason).value_or(""), whole<std::uint64_t>(fields.forSeconds).value_or(0)};
}

std::optional<Line> readCycle(Fields& fields)
{
    const auto count = [](const std::optional<double>& value) { return whole<std::uint64_t>(value).value_or(0); };
    return CycleLine{count(fields.cycle), count(fields.attempts), count(fields.errors), count(fields.seconds)};
}

} // namespace

std::optional<Line> readLine(std::string_view text)
{
    if (text.size() > kMaxReadBytes || text.empty())
        return std::nullopt;
    Fields fields;
    if (!PlainReader{text}.read(fields)) {
        fields = {};
        FieldReader reader{fields};
        if (!nlohmann::json::sax_parse(text, &reader))
            return std::nullopt;
    }
    if (!fields.type)
        return std::nullopt;
    struct Row {
        std::string_view type;
        std::optional<Line> (*read)(Fields&);
    };
    static constexpr Row kRows[] = {{"attempt", readAttempt}, {"escape", readEscape}, {"hello", readHello},
        {"idle", readIdle}, {"paused", readPaused}, {"cycle", readCycle}};
    for (const Row& row : kRows) {
        if (row.type == *fields.type)
            return row.read(fields);
    }
    return OtherLine{std::move(*fields.type)};
}

} // namespace beacon
