#include "core/store/journal_writer.h"

#include <algorithm>
#include <limits>
#include <system_error>

namespace beacon {

namespace {

constexpr std::size_t kBatchRows = JournalFile::kStepRows; // each batch is followed by a step of as many deletions

qint64 bytesOf(const JournalEntry& entry)
{
    return entry.json.size() + 2 * entry.type.size();
}

/// By id, each once, the newest `limit`.
std::vector<JournalEntry> merged(std::vector<JournalEntry> written, std::vector<JournalEntry> pending, int limit)
{
    written.insert(written.end(), std::make_move_iterator(pending.begin()), std::make_move_iterator(pending.end()));
    std::ranges::stable_sort(written, {}, &JournalEntry::id);
    const auto sameId = [](const JournalEntry& a, const JournalEntry& b) { return a.id == b.id; };
    written.erase(
        std::unique(written.begin(), written.end(), sameId), written.end()); // clang 14 knows no ranges::unique
    const auto most = static_cast<std::size_t>(std::max(limit, 0));
    if (written.size() > most)
        written.erase(written.begin(), written.end() - static_cast<std::ptrdiff_t>(most));
    return written;
}

} // namespace

JournalWriter::JournalWriter(QString path, const Clock& clock, Options options, QObject* parent)
    : QObject(parent)
    , m_path(std::move(path))
    , m_clock(clock)
    , m_options(options)
{
}

JournalWriter::~JournalWriter()
{
    m_thread.request_stop();
    if (m_thread.joinable())
        m_thread.join();
}

void JournalWriter::start()
{
    try {
        m_thread = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
    } catch (const std::system_error& problem) { // the limit of threads
        Q_EMIT failed(Error{Errc::System, problem.code().value(), "start a thread for " + m_path.toStdString()});
    }
}

bool JournalWriter::makeRoom(const JournalEntry& entry)
{
    const auto full = [&] {
        return waiting() + m_underWay.size() >= m_options.maxPending
            || m_bytes + bytesOf(entry) > m_options.maxPendingBytes;
    };
    const auto dropOldest = [this](std::deque<JournalEntry>& from, quint64& count) {
        m_bytes -= bytesOf(from.front());
        from.pop_front();
        ++count;
    };
    while (full()) {
        if (!m_bulk.empty()) {
            dropOldest(m_bulk, m_counters.droppedBulk);
        } else if (entry.priority && !m_priority.empty()) {
            dropOldest(m_priority, m_counters.droppedPriority);
        } else {
            ++(entry.priority ? m_counters.droppedPriority : m_counters.droppedBulk);
            return false;
        }
    }
    return true;
}

void JournalWriter::append(JournalEntry entry)
{
    bool wake = false;
    {
        const std::lock_guard lock{m_mutex};
        m_now = m_clock.now();
        m_wall = m_clock.wall();
        if (!makeRoom(entry))
            return;
        if (waiting() == 0) {
            m_due = std::chrono::steady_clock::now() + m_options.flushAfter;
            wake = true;
        }
        if (entry.priority) {
            m_due = {};
            wake = true;
        }
        m_bytes += bytesOf(entry);
        (entry.priority ? m_priority : m_bulk).push_back(std::move(entry));
        wake = wake || waiting() == kBatchRows;
    }
    if (wake)
        m_wake.notify_one();
}

bool JournalWriter::isDue() const
{
    return waiting() >= kBatchRows || (waiting() > 0 && std::chrono::steady_clock::now() >= m_due);
}

void JournalWriter::run(const std::stop_token& stop)
{
    JournalFile file{m_path, m_options.maxBytes};
    for (;;) {
        const auto worked = flush(file);
        tell(worked);
        std::unique_lock lock{m_mutex};
        for (bool more = static_cast<bool>(worked); more && !isDue() && !stop.stop_requested();) {
            lock.unlock();
            const auto trimmed = trim(file); // an error of it comes back in the next flush
            more = trimmed && *trimmed;
            lock.lock();
        }
        if (stop.stop_requested() && (waiting() == 0 || !worked))
            return;
        if (!worked) {
            m_wake.wait_for(lock, stop, m_options.retry, [] { return false; });
            continue;
        }
        m_wake.wait(lock, stop, [this] { return waiting() > 0; });
        while (!isDue() && !stop.stop_requested())
            m_wake.wait_until(lock, stop, m_due, [this] { return isDue(); });
    }
}

Result<> JournalWriter::open(JournalFile& file)
{
    if (auto opened = file.open(); !opened)
        return opened;
    if (const auto aside = file.takeSetAside())
        Q_EMIT damaged(*aside);
    if (m_steady)
        return {};
    const JournalEntry& last = file.lastBefore();
    m_steady.emplace(last.id == 0 ? std::nullopt : std::optional{last.at});
    const std::lock_guard lock{m_mutex};
    m_base = last.id;
    return {};
}

Result<> JournalWriter::flush(JournalFile& file)
{
    if (auto opened = open(file); !opened)
        return opened;
    const auto begun = std::chrono::steady_clock::now();
    std::size_t left = 0;
    {
        const std::lock_guard lock{m_mutex};
        left = waiting(); // what comes meanwhile waits for the next flush, or the batches would get small
    }
    while (left > 0) {
        left -= std::min(left, take());
        auto written = file.write(m_underWay, *m_base);
        giveBack(static_cast<bool>(written));
        if (!written)
            return written;
        if (const auto trimmed = trim(file); !trimmed)
            return trimmed.error();
    }
    const std::lock_guard lock{m_mutex};
    if (waiting() > 0)
        m_due = m_priority.empty() ? begun + m_options.flushAfter : begun;
    return {};
}

/// The next batch: priority, then bulk, the oldest of each. How many were taken.
std::size_t JournalWriter::take()
{
    const std::lock_guard lock{m_mutex};
    const qint64 most = std::min(JournalFile::kBatchBytes, m_options.maxBytes / 16);
    qint64 bytes = 0;
    for (auto* queue : {&m_priority, &m_bulk})
        while (!queue->empty() && m_underWay.size() < kBatchRows) {
            bytes += bytesOf(queue->front());
            if (bytes > most && !m_underWay.empty())
                return m_underWay.size();
            m_underWay.push_back(std::move(queue->front()));
            queue->pop_front();
        }
    return m_underWay.size();
}

/// What was not written waits again.
void JournalWriter::giveBack(bool written)
{
    const std::lock_guard lock{m_mutex};
    if (written) {
        m_counters.written += m_underWay.size();
        for (const JournalEntry& entry : m_underWay)
            m_bytes -= bytesOf(entry);
    } else {
        for (auto entry = m_underWay.rbegin(); entry != m_underWay.rend(); ++entry)
            (entry->priority ? m_priority : m_bulk).push_front(std::move(*entry));
    }
    m_underWay.clear();
}

Result<bool> JournalWriter::trim(JournalFile& file)
{
    MonotonicTime now;
    WallTime wall;
    {
        const std::lock_guard lock{m_mutex};
        now = m_now;
        wall = m_wall;
    }
    if (now == MonotonicTime{})
        return false;
    return file.trim(m_steady->read(now, wall));
}

void JournalWriter::tell(const Result<>& worked)
{
    if (static_cast<bool>(worked) != m_droppedBefore.has_value())
        return;
    const quint64 dropped = counters().dropped();
    if (worked) {
        Q_EMIT recovered(dropped - *std::exchange(m_droppedBefore, std::nullopt));
    } else {
        m_droppedBefore = dropped;
        Q_EMIT failed(worked.error());
    }
}

std::vector<JournalEntry> JournalWriter::pending(quint64 after, quint64 before) const
{
    std::vector<JournalEntry> entries;
    const auto gather = [&](const auto& from) {
        std::ranges::copy_if(from, std::back_inserter(entries), [&](const JournalEntry& entry) {
            return static_cast<quint64>(entry.id) > after && static_cast<quint64>(entry.id) < before;
        });
    };
    gather(m_underWay);
    gather(m_priority);
    gather(m_bulk);
    return entries;
}

std::vector<JournalEntry> JournalWriter::between(quint64 after, quint64 before, int limit) const
{
    std::unique_lock lock{m_mutex};
    // First memory, then the file: what is written in between comes twice, and never not at all.
    auto waits = pending(after, before);
    const auto base = m_base;
    lock.unlock();
    constexpr auto kMost = static_cast<quint64>(std::numeric_limits<qint64>::max() / 2);
    std::vector<JournalEntry> written;
    if (base)
        if (auto read = JournalFile::read(m_path, *base + static_cast<qint64>(std::min(after, kMost)),
                *base + static_cast<qint64>(std::min(before, kMost)), limit))
            written = *std::move(read);
    for (JournalEntry& entry : written)
        entry.id -= *base;
    return merged(std::move(written), std::move(waits), limit);
}

std::vector<JournalEntry> JournalWriter::last(int limit) const
{
    std::unique_lock lock{m_mutex};
    auto waits = pending(0, std::numeric_limits<quint64>::max());
    const auto base = m_base;
    lock.unlock();
    std::vector<JournalEntry> written;
    if (auto read = JournalFile::read(m_path, 0, std::numeric_limits<qint64>::max(), limit))
        written = *std::move(read);
    // Not opened yet, perhaps because nothing can be written there: all that is in the file is of earlier runs.
    const qint64 before = base.value_or(written.empty() ? 0 : written.back().id);
    for (JournalEntry& entry : waits)
        entry.id += before;
    return merged(std::move(written), std::move(waits), limit);
}

JournalWriter::Counters JournalWriter::counters() const
{
    const std::lock_guard lock{m_mutex};
    Counters counters = m_counters;
    counters.pending = waiting() + m_underWay.size();
    return counters;
}

} // namespace beacon
