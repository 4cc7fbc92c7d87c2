#pragma once

#include "core/admin/feed.h"
#include "core/event/event.h"
#include "core/store/event_log.h"

#include <QString>

#include <memory>
#include <vector>

namespace beacon {

/// The events that must outlast the feed's rings, on disk: all but bulk.
///
/// Thread:  one thread; an append takes well under 1 ms, or 10 ms where somebody locks the file.
/// Errors:  append() answers them; the next call tries again.
class Journal {
public:
    explicit Journal(const std::string& stateDir);

    [[nodiscard]] Result<> append(const Event& event);

    /// This run's events with after < seq < before, oldest first, at most kMostOlder.
    [[nodiscard]] std::vector<admin::Entry> between(quint64 after, quint64 before);

    static constexpr int kMostOlder = 20'000;

private:
    std::unique_ptr<EventLog> m_log;
    qint64 m_runStart = 0; ///< the log's last seq before this run
};

} // namespace beacon
