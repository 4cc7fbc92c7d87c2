#include "core/supervision/line_splitter.h"

#include <algorithm>

namespace beacon {

void LineSplitter::keep(std::string_view part)
{
    const std::size_t room = kMaxBytes - m_partial.size();
    m_partial.append(part.substr(0, room));
    if (part.size() > room) {
        m_overlong = true;
        m_dropped += part.size() - room;
    }
}

void LineSplitter::emitLine(std::string_view text, bool truncated, bool unterminated, const Sink& sink)
{
    if (!truncated && !text.empty() && text.back() == '\r')
        text.remove_suffix(1);
    ++m_lines;
    m_truncated += truncated ? 1 : 0;
    sink({text, truncated, unterminated});
}

void LineSplitter::feed(std::string_view chunk, const Sink& sink)
{
    while (!chunk.empty()) {
        const std::size_t end = chunk.find('\n');
        if (end == std::string_view::npos) {
            keep(chunk);
            return;
        }
        const std::string_view line = chunk.substr(0, end);
        chunk.remove_prefix(end + 1);
        if (m_partial.empty() && !m_overlong && line.size() <= kMaxBytes) {
            emitLine(line, false, false, sink);
            continue;
        }
        keep(line);
        emitLine(m_partial, m_overlong, false, sink);
        m_partial.clear();
        m_overlong = false;
    }
}

void LineSplitter::finish(const Sink& sink)
{
    if (!m_partial.empty())
        emitLine(m_partial, m_overlong, true, sink);
    m_partial.clear();
    m_partial.shrink_to_fit();
    m_overlong = false;
}

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the well-formed UTF-8 sequence at `text`'s start (Unicode table 3-7); 0: none.
std::size_t sequenceLength(std::string_view text)
{
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto trails = [&](std::size_t from, std::size_t to) {
        return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(from),
            text.begin() + static_cast<std::ptrdiff_t>(to),
            [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; });
    };
    const unsigned lead = at(0), second = at(1);
    if (lead < 0x80)
        return 1;
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF ? 2
        : (lead & 0xF0U) == 0xE0                            ? 3
        : lead >= 0xF0 && lead <= 0xF4                      ? 4
                                                            : 0;
    if (length == 0 || text.size() < length || !trails(1, length))
        return 0;
    const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)
        || (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
    return bad ? 0 : length;
}

/// Bytes of the ANSI escape sequence at `text`'s start, which is ESC (ECMA-48): CSI, OSC, or two characters.
std::size_t escapeLength(std::string_view text)
{
    if (text.size() < 2)
        return text.size();
    if (text[1] == '[') {
        std::size_t i = 2;
        while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3F)
            ++i;
        return i < text.size() && text[i] >= 0x40 && text[i] <= 0x7E ? i + 1 : i;
    }
    if (text[1] == ']') {
        const std::size_t end = text.find_first_of("\x07\x1B", 2);
        if (end == std::string_view::npos)
            return text.size();
        return text[end] == '\x07' ? end + 1 : std::min(end + 2, text.size());
    }
    return text[1] >= 0x20 && text[1] <= 0x7E ? 2 : 1;
}

} // namespace

std::string printable(std::string_view raw)
{
    const auto plain = [](char c) { return static_cast<unsigned char>(c - 0x20) < 0x5f || c == '\t'; };
    if (std::all_of(raw.begin(), raw.end(), plain))
        return std::string{raw}; // as nearly every line is
    std::string clean;
    clean.reserve(raw.size());
    while (!raw.empty()) {
        const auto lead = static_cast<unsigned char>(raw.front());
        if (lead == 0x1B) {
            raw.remove_prefix(escapeLength(raw));
            continue;
        }
        const std::size_t length = sequenceLength(raw);
        const bool control = (lead < 0x20 && lead != '\t') || lead == 0x7F
            || (length == 2 && lead == 0xC2 && static_cast<unsigned char>(raw[1]) < 0xA0);
        clean.append(length == 0 || control ? kReplacement : raw.substr(0, length));
        raw.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

} // namespace beacon
