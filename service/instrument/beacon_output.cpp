#include "service/instrument/beacon_output.h"

#include <algorithm>

namespace beacon {

namespace {

constexpr double kLinesPerSecond = 100;
constexpr std::size_t kLastLines = 10;
constexpr std::size_t kLastLineBytes = 512;
constexpr std::size_t kHeldLines = 16;
constexpr std::chrono::seconds kDecideWithin{2}; // ours says hello at once

} // namespace

BeaconOutput::BeaconOutput(const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_clock(clock)
    , m_tokens(kLinesPerSecond)
    , m_filled(clock.now())
{
}

void BeaconOutput::begin()
{
    m_kind = Kind::Undecided;
    m_hello.reset();
    m_begun = m_clock.now();
    m_onlyNoise = false;
    m_held.clear();
    m_last.clear();
}

void BeaconOutput::feed(Stream stream, const QByteArray& chunk)
{
    LineSplitter& splitter = stream == Stream::Out ? m_out : m_err;
    splitter.feed(
        {chunk.constData(), static_cast<std::size_t>(chunk.size())}, [&](const RawLine& raw) { take(stream, raw); });
}

void BeaconOutput::end()
{
    m_out.finish([&](const RawLine& raw) { take(Stream::Out, raw); });
    m_err.finish([&](const RawLine& raw) { take(Stream::Err, raw); });
    if (m_kind == Kind::Undecided && !m_held.empty())
        decide(Kind::Foreign);
}

BeaconOutput::Counters BeaconOutput::counters() const
{
    return {m_out.lines() + m_err.lines(), m_garbage, m_dropped, m_out.truncatedLines() + m_err.truncatedLines(),
        m_out.droppedBytes() + m_err.droppedBytes()};
}

void BeaconOutput::take(Stream stream, const RawLine& raw)
{
    if (raw.text.find_first_not_of(" \t\r") == std::string_view::npos)
        return;
    if (m_kind == Kind::Undecided && stream == Stream::Out) {
        const auto line = raw.truncated ? std::nullopt : readLine(raw.text);
        decide(line && std::holds_alternative<HelloLine>(*line) ? Kind::Ours : Kind::Foreign);
    } else if (m_kind == Kind::Undecided && m_clock.now() - m_begun > kDecideWithin) {
        decide(Kind::Foreign);
    }
    if (m_kind == Kind::Ours && stream == Stream::Out) {
        takeOurs(raw);
        return;
    }
    const std::string text = printable(raw.text);
    remember(text);
    if (m_kind == Kind::Foreign) {
        takeForeign(stream, text, raw.truncated);
    } else if (m_kind == Kind::Ours) {
        takeDiagnostic(text);
    } else {
        if (m_held.size() < kHeldLines) {
            m_held.push_back({text, raw.truncated});
        } else {
            ++m_dropped;
            ++m_droppedSinceLast;
        }
        Q_EMIT alive(false);
    }
}

void BeaconOutput::decide(Kind kind)
{
    m_kind = kind;
    const auto held = std::exchange(m_held, {});
    for (const Held& line : held) {
        if (kind == Kind::Foreign)
            takeForeign(Stream::Err, line.text, line.truncated);
        else
            takeDiagnostic(line.text);
    }
}

void BeaconOutput::takeOurs(const RawLine& raw)
{
    const auto line = raw.truncated ? std::nullopt : readLine(raw.text);
    if (!line) {
        ++m_garbage; // no sign of life: whoever prints only garbage does not test
        remember(printable(raw.text));
        m_onlyNoise = true;
        Q_EMIT noise();
        return;
    }
    m_onlyNoise = false;
    const auto* attempted = std::get_if<AttemptLine>(&*line);
    const auto* escaped = std::get_if<EscapeLine>(&*line);
    if (const auto* said = std::get_if<HelloLine>(&*line)) {
        m_hello = *said;
        Q_EMIT helloSaid(*said);
    }
    Q_EMIT alive(attempted != nullptr || escaped != nullptr);
    if (attempted != nullptr)
        Q_EMIT attempt(*attempted);
    else if (escaped != nullptr)
        Q_EMIT escape(*escaped);
    else
        Q_EMIT otherLine(*line);
}

void BeaconOutput::takeDiagnostic(const std::string& text)
{
    m_onlyNoise = true;
    Q_EMIT noise();
    if (mayPass())
        Q_EMIT diagnostic(text);
    else
        ++m_dropped;
}

void BeaconOutput::takeForeign(Stream stream, const std::string& text, bool truncated)
{
    Q_EMIT alive(true);
    if (!mayPass()) {
        ++m_dropped;
        ++m_droppedSinceLast;
        return;
    }
    Q_EMIT outputLine(text, stream, truncated, std::exchange(m_droppedSinceLast, 0));
}

void BeaconOutput::remember(const std::string& text)
{
    std::size_t size = std::min(text.size(), kLastLineBytes);
    while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
        --size; // not within a character
    m_last.push_back(text.substr(0, size));
    if (m_last.size() > kLastLines)
        m_last.pop_front();
}

bool BeaconOutput::mayPass()
{
    const MonotonicTime now = m_clock.now();
    m_tokens =
        std::min(kLinesPerSecond, m_tokens + std::chrono::duration<double>(now - m_filled).count() * kLinesPerSecond);
    m_filled = now;
    if (m_tokens < 1)
        return false;
    m_tokens -= 1;
    return true;
}

} // namespace beacon
