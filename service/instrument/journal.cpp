#include "service/instrument/journal.h"

namespace beacon {

Journal::Journal(const std::string& stateDir)
{
    EventLog::Options options;
    options.busyTimeout = std::chrono::milliseconds{10}; // nobody else writes there
    m_log = std::make_unique<EventLog>(QString::fromStdString(stateDir + "/events.sqlite"), options);
    if (const auto last = m_log->lastSeq())
        m_runStart = *last;
}

Result<> Journal::append(const Event& event)
{
    if (const auto seq = m_log->append(event.timestamp, event.type, toLine(event)); !seq)
        return seq.error();
    return {};
}

std::vector<admin::Entry> Journal::between(quint64 after, quint64 before)
{
    std::vector<admin::Entry> entries;
    qint64 from = m_runStart;
    constexpr int kPage = 1'000;
    for (int page = 0; page * kPage < kMostOlder; ++page) {
        const auto rows = m_log->since(from, kPage);
        if (!rows || rows->empty())
            break;
        from = rows->back().seq;
        for (const LoggedEvent& row : *rows) {
            const auto event = eventFromLine(row.json);
            if (!event || event->seq <= after || event->seq >= before)
                continue;
            entries.push_back(
                {event->seq, event->severity >= Severity::Medium, true, event->severity, event->type, row.json});
        }
    }
    return entries;
}

} // namespace beacon
