#pragma once

#include "core/escape/technique.h"
#include "core/lines/line.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace beacon {

/// What a drill has counted, and what follows from it. The Beacon's word is never enough: what it tells counts as
/// attempts, an escape only where Home has answered that very attempt, and nothing has escaped that did not arrive.
///
/// Bounds:  kMaxTechniques names, kMaxAnswered attempts that were answered; the Beacon is not trusted.
class DrillFigures {
public:
    static constexpr std::size_t kMaxTechniques = 64;
    static constexpr std::size_t kMaxAnswered = 1U << 16;

    /// `aim`: what the Beacon was given to aim at. A technique that has nothing to try there is not waited for.
    explicit DrillFigures(Aim aim)
        : m_aim(std::move(aim))
    {
    }

    void onLine(const Line& line); ///< of a Beacon of ours
    void onForeignLine() { m_foreign = true, ++m_attempts; }
    void setForeign() { m_foreign = true; }
    void onFrame() { ++m_frames; } ///< an IP packet that is not the kernel's own
    void onToken(const TokenFields& fields); ///< that nobody has seen before
    void onAnswer(const TokenFields& fields); ///< Home's reply has been sent

    /// Every technique was tried and has arrived, and one escape is proven to be two-way; a foreign Beacon: anything.
    [[nodiscard]] bool complete() const;
    /// Something arrived, and of each technique that was tried.
    [[nodiscard]] bool escaped() const;
    [[nodiscard]] bool foreign() const noexcept { return m_foreign; }
    [[nodiscard]] std::uint64_t frames() const noexcept { return m_frames; }
    [[nodiscard]] std::uint64_t recognised() const noexcept { return m_recognised; }

    struct Circumstances {
        std::string beacon; ///< path
        std::string trouble; ///< why there was nothing to count; empty: none known
        double seconds = 0;
        std::optional<std::int64_t> firstEscapeMs;
    };
    /// One JSON object, without a newline.
    [[nodiscard]] std::string json(const Circumstances& circumstances) const;

private:
    struct Counts {
        std::uint64_t attempts = 0, recognised = 0, escapes = 0;
    };
    [[nodiscard]] bool arrived() const noexcept { return m_frames > 0; }
    [[nodiscard]] Counts* of(const std::string& technique); ///< nullptr: too many
    void onEscape(const EscapeLine& line);
    [[nodiscard]] std::string reason() const;

    Aim m_aim;
    bool m_foreign = false;
    std::string m_version;
    std::set<std::string> m_expected; ///< by hello
    std::map<std::string, Counts> m_techniques;
    std::map<std::uint64_t, std::uint8_t> m_answered; ///< attempt → technique
    std::set<std::uint64_t> m_proven; ///< told as escapes, each counted once
    std::uint64_t m_attempts = 0, m_recognised = 0, m_escapes = 0, m_frames = 0;
};

} // namespace beacon
