#include "core/lines/line.h"

#include "core/base/base32.h"

#include <array>
#include <cstdio>

namespace beacon {

namespace {

constexpr std::array<std::string_view, 7> kOutcomes{
    "sent", "no_next_hop", "refused", "unreachable", "local_error", "skipped", "planned"};
constexpr std::size_t kMaxStringBytes = 256;
constexpr std::size_t kMaxWrittenBytes = 600; ///< of one string once escaped: five of them fit into a line

/// One JSON object, key by key. Strings are cut, and escaped to ASCII where they are not UTF-8 text anyway.
class ObjectWriter {
public:
    explicit ObjectWriter(std::string_view type)
        : m_text("{\"v\":1")
    {
        text("t", type);
    }

    ObjectWriter& text(std::string_view key, std::string_view value)
    {
        this->key(key);
        quote(value);
        return *this;
    }
    ObjectWriter& number(std::string_view key, std::uint64_t value)
    {
        this->key(key);
        m_text += std::to_string(value);
        return *this;
    }
    ObjectWriter& real(std::string_view key, double value)
    {
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, "%.10g", value);
        this->key(key);
        m_text += buffer;
        return *this;
    }
    ObjectWriter& list(std::string_view key, const std::vector<std::string>& values)
    {
        this->key(key);
        m_text += '[';
        for (std::size_t i = 0; i < values.size() && m_text.size() + 2 * kMaxStringBytes < kMaxLineBytes; ++i) {
            if (i > 0)
                m_text += ',';
            quote(values[i]);
        }
        m_text += ']';
        return *this;
    }
    [[nodiscard]] std::string finish() { return std::move(m_text += '}'); }

private:
    void key(std::string_view name) { ((m_text += ",\"") += name) += "\":"; }

    void quote(std::string_view value)
    {
        m_text += '"';
        const std::size_t end = m_text.size() + kMaxWrittenBytes;
        for (const char c : value.substr(0, kMaxStringBytes)) {
            if (m_text.size() >= end)
                break;
            const auto byte = static_cast<Byte>(c);
            if (c == '"' || c == '\\')
                (m_text += '\\') += c;
            else if (byte < 0x20 || byte >= 0x7f)
                m_text += "\\u00" + toHex({&byte, 1}); // what we write is ASCII; other bytes stand as Latin-1
            else
                m_text += c;
        }
        m_text += '"';
    }

    std::string m_text;
};

void putTarget(ObjectWriter& object, const AttemptTarget& target)
{
    object.number("n", target.n).text("technique", target.technique).text("family", familyName(target.family));
    object.text("dst", target.dst).number("proto", target.proto);
    if (target.port != 0)
        object.number("port", target.port);
    if (!target.via.empty())
        object.text("via", target.via);
}

struct WriteVisitor {
    std::string operator()(const HelloLine& line) const
    {
        return ObjectWriter{"hello"}
            .text("version", line.version)
            .text("interface", line.interface)
            .real("rate_pps", line.ratePps)
            .number("run", line.run)
            .list("techniques", line.techniques)
            .finish();
    }
    std::string operator()(const AttemptLine& line) const
    {
        ObjectWriter object{"attempt"};
        putTarget(object, line.target);
        object.text("outcome", outcomeName(line.outcome));
        if (!line.errnoName.empty())
            object.text("errno", line.errnoName);
        if (!line.reason.empty())
            object.text("reason", line.reason);
        return object.finish();
    }
    std::string operator()(const EscapeLine& line) const
    {
        ObjectWriter object{"escape"};
        putTarget(object, line.target);
        return object.number("rtt_us", line.rttUs).finish();
    }
    std::string operator()(const IdleLine& line) const
    {
        return ObjectWriter{"idle"}.number("for_s", line.forSeconds).finish();
    }
    std::string operator()(const PausedLine& line) const
    {
        return ObjectWriter{"paused"}.text("reason", line.reason).number("for_s", line.forSeconds).finish();
    }
    std::string operator()(const CycleLine& line) const
    {
        return ObjectWriter{"cycle"}
            .number("cycle", line.cycle)
            .number("attempts", line.attempts)
            .number("errors", line.errors)
            .number("seconds", line.seconds)
            .finish();
    }
    std::string operator()(const OtherLine& line) const { return ObjectWriter{line.type}.finish(); }
};

std::string describeTarget(const AttemptTarget& target)
{
    std::string text = '#' + std::to_string(target.n) + ' ' + target.technique + ' '
        + std::string{familyName(target.family)} + " to " + target.dst;
    if (target.port != 0)
        text += " port " + std::to_string(target.port);
    if (!target.via.empty())
        text += " via " + target.via;
    return text;
}

struct DescribeVisitor {
    std::string operator()(const HelloLine& line) const
    {
        std::string text =
            "Beacon " + line.version + " on " + line.interface + ", run " + std::to_string(line.run) + ", ";
        char rate[32];
        std::snprintf(rate, sizeof rate, "%.4g", line.ratePps);
        text += std::string{rate} + " frames/s:";
        for (const std::string& technique : line.techniques)
            text += ' ' + technique;
        return text;
    }
    std::string operator()(const AttemptLine& line) const
    {
        std::string text = describeTarget(line.target) + ": " + std::string{outcomeName(line.outcome)};
        if (!line.errnoName.empty())
            text += " (" + line.errnoName + ')';
        if (!line.reason.empty())
            text += " (" + line.reason + ')';
        return text;
    }
    std::string operator()(const EscapeLine& line) const
    {
        return "ESCAPED " + describeTarget(line.target) + ": Home answered after " + std::to_string(line.rttUs) + " us";
    }
    std::string operator()(const IdleLine& line) const { return "idle for " + std::to_string(line.forSeconds) + " s"; }
    std::string operator()(const PausedLine& line) const
    {
        return "paused for " + std::to_string(line.forSeconds) + " s: " + line.reason;
    }
    std::string operator()(const CycleLine& line) const
    {
        return "cycle " + std::to_string(line.cycle) + " done: " + std::to_string(line.attempts) + " attempts, "
            + std::to_string(line.errors) + " errors, " + std::to_string(line.seconds) + " s";
    }
    std::string operator()(const OtherLine& line) const { return line.type; }
};

} // namespace

std::string_view outcomeName(Outcome outcome) noexcept
{
    return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::optional<Outcome> outcomeFromName(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
        if (kOutcomes[i] == name)
            return static_cast<Outcome>(i);
    }
    return std::nullopt;
}

std::string writeLine(const Line& line)
{
    return std::visit(WriteVisitor{}, line);
}

std::string describeLine(const Line& line)
{
    return std::visit(DescribeVisitor{}, line);
}

} // namespace beacon
