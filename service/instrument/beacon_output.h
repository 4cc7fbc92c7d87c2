#pragma once

#include "core/base/clock.h"
#include "core/lines/line.h"
#include "core/supervision/line_splitter.h"
#include "core/supervision/process.h"

#include <QObject>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// Makes sense of what one Beacon prints: ours, which begins with `hello`, or a foreign one (design section 5).
///
/// Thread:  used only from the thread that created it.
/// Limits:  lines of 8 KiB; the last 10 lines are kept; outputLine() at most 100 a second, the others are counted.
/// Owns:    nothing; borrows the Clock.
class BeaconOutput final : public QObject {
    Q_OBJECT
public:
    enum class Kind : std::uint8_t { Undecided, Ours, Foreign };
    struct Counters {
        std::uint64_t lines = 0, garbage = 0, dropped = 0, truncated = 0, droppedBytes = 0;
    };

    explicit BeaconOutput(const Clock& clock, QObject* parent = nullptr);

    void begin(); ///< of a new process
    void feed(Stream stream, const QByteArray& chunk);
    void end(); ///< of its streams: what is unterminated is a line, too

    [[nodiscard]] Kind kind() const noexcept { return m_kind; }
    [[nodiscard]] const std::optional<HelloLine>& hello() const noexcept { return m_hello; }
    [[nodiscard]] Counters counters() const; ///< over all processes
    /// Whether it has printed since its last sign of life, but nothing that is one.
    [[nodiscard]] bool onlyNoise() const noexcept { return m_onlyNoise || m_out.inOverlongLine(); }
    /// What was printed last and is no attempt: for whoever asks why it died. Printable, at most 512 bytes each.
    [[nodiscard]] std::vector<std::string> lastLines() const { return {m_last.begin(), m_last.end()}; }

Q_SIGNALS:
    void helloSaid(const beacon::HelloLine& line);
    /// A sign of life; `attempt`: that tells of testing. Precedes the signal with the line itself.
    void alive(bool attempt);
    void noise(); ///< a line that is no sign of life: of ours, on stderr or unreadable
    void attempt(const beacon::AttemptLine& line);
    void escape(const beacon::EscapeLine& line);
    void otherLine(const beacon::Line& line);
    /// Of a foreign Beacon; `dropped` counts those that were left out before this one.
    void outputLine(const std::string& text, beacon::Stream stream, bool truncated, quint64 dropped);
    void diagnostic(const std::string& text); ///< ours on stderr, at most 100 a second; the others count as dropped

private:
    struct Held {
        std::string text;
        bool truncated = false;
    };

    void take(Stream stream, const RawLine& raw);
    void takeOurs(const RawLine& raw);
    void takeDiagnostic(const std::string& text);
    void takeForeign(Stream stream, const std::string& text, bool truncated);
    void decide(Kind kind);
    void remember(const std::string& text);
    bool mayPass();

    const Clock& m_clock;
    LineSplitter m_out, m_err;
    Kind m_kind = Kind::Undecided;
    std::optional<HelloLine> m_hello;
    MonotonicTime m_begun{};
    bool m_onlyNoise = false;
    std::vector<Held> m_held; ///< stderr before it is known whose it is
    std::deque<std::string> m_last;
    double m_tokens = 0; ///< of a bucket that fills at 100 a second
    MonotonicTime m_filled{};
    std::uint64_t m_garbage = 0, m_dropped = 0, m_droppedSinceLast = 0;
};

} // namespace beacon
