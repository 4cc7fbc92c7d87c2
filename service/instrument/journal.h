#pragma once

#include "core/admin/feed.h"
#include "core/event/event.h"
#include "core/store/journal_writer.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// What the feed told in the last 24 hours, on disk: what its rings have lost, and what a support bundle brings.
///
/// Thread:  one thread, which never waits for the disk but in between() and last().
/// Errors:  told by `onTrouble` from the event loop: what it is, and none when it is over.
class Journal {
public:
    using OnTrouble = std::function<void(const std::optional<Error>&)>;
    /// `maxBytes`: of the file. `clock` must outlive it.
    Journal(const std::string& stateDir, qint64 maxBytes, const Clock& clock, const OnTrouble& onTrouble);

    void append(const Event& event);
    void appendLine(std::string_view object, WallTime at, quint64 seq, bool priority); ///< as Feed::publishLine()

    /// This run's with after < seq < before: the newest kMostOlder, oldest first.
    [[nodiscard]] std::vector<admin::Entry> between(quint64 after, quint64 before) const;
    /// The newest `most` of all runs, oldest first, one JSON object each.
    [[nodiscard]] std::vector<QByteArray> last(int most) const;

    static constexpr int kMostOlder = 20'000;

private:
    void append(admin::Entry entry, WallTime at);

    JournalWriter m_writer;
};

} // namespace beacon
