#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace beacon {

/// One line of a process's output, as raw bytes without its newline and one carriage return before that.
struct RawLine {
    std::string_view text; ///< valid only during the call
    bool truncated = false; ///< it was longer than the cap
    bool unterminated = false; ///< the stream ended in mid-line
};

/// Cuts a stream of bytes into lines in bounded memory.
///
/// Thread:  any one at a time.
/// Limits:  kMaxBytes a line; what is beyond is dropped up to the next newline, and counted.
/// Speed:   a line that lies whole within a chunk is not copied.
class LineSplitter {
public:
    static constexpr std::size_t kMaxBytes = 8'192;
    using Sink = std::function<void(const RawLine&)>;

    void feed(std::string_view chunk, const Sink& sink);
    void finish(const Sink& sink); ///< the stream has ended; ready for the next one

    [[nodiscard]] bool inOverlongLine() const noexcept { return m_overlong; }
    [[nodiscard]] std::uint64_t lines() const noexcept { return m_lines; }
    [[nodiscard]] std::uint64_t truncatedLines() const noexcept { return m_truncated; }
    [[nodiscard]] std::uint64_t droppedBytes() const noexcept { return m_dropped; }

private:
    void keep(std::string_view part);
    void emitLine(std::string_view text, bool truncated, bool unterminated, const Sink& sink);

    std::string m_partial; ///< at most kMaxBytes
    bool m_overlong = false;
    std::uint64_t m_lines = 0, m_truncated = 0, m_dropped = 0;
};

/// Valid UTF-8 for people and JSON: ANSI escape sequences are left out; every other control character but the tab, and
/// every byte that is not UTF-8, becomes U+FFFD.
[[nodiscard]] std::string printable(std::string_view raw);

} // namespace beacon
