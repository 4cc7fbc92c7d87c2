#include "core/store/journal_file.h"

#include <QDir>
#include <QFileInfo>
#include <QVariant>

#include <algorithm>
#include <array>
#include <limits>

namespace beacon {

namespace {

constexpr std::array kSchema{
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, priority INTEGER NOT NULL, severity INTEGER, "
    "type TEXT, json BLOB NOT NULL)", // severity and type: of events only
};
// auto_vacuum: gives pages back, where the bound became smaller. wal_autocheckpoint: a large one holds writers up.
constexpr std::array kWriterPragmas{
    "cache_size = -256", "mmap_size = 0", "auto_vacuum = INCREMENTAL", "wal_autocheckpoint = 100"};
constexpr std::array kReaderPragmas{"cache_size = -256", "mmap_size = 0"};

constexpr std::chrono::milliseconds kReadPatience{10}; // in the reader's event loop; a writer is never waited for
constexpr int kVacuumPages = 64;

/// More than the row takes: SQLite gives a text that fills more than a quarter of a page pages of its own.
qint64 bytesOnDisk(const JournalEntry& entry, qint64 pageSize)
{
    const qint64 bytes = entry.json.size() + 2 * entry.type.size() + 32;
    return bytes < pageSize / 4 ? bytes + bytes / 4 : (bytes / pageSize + 2) * pageSize;
}

JournalEntry entryFrom(const QVariantList& row)
{
    JournalEntry entry;
    entry.id = row.at(0).toLongLong();
    entry.at = WallTime{std::chrono::microseconds{row.at(1).toLongLong()}};
    entry.priority = row.at(2).toBool();
    entry.isEvent = !row.at(3).isNull();
    entry.severity = row.at(3).toInt();
    entry.type = row.at(4).toString();
    entry.json = row.at(5).toByteArray();
    return entry;
}

QVariantList rowOf(const JournalEntry& entry, qint64 base)
{
    return {base + entry.id, static_cast<qint64>(entry.at.time_since_epoch().count()), entry.priority ? 1 : 0,
        entry.isEvent ? QVariant{entry.severity} : QVariant{}, entry.isEvent ? QVariant{entry.type} : QVariant{},
        entry.json};
}

/// Each may be as large as the journal: only the last one stays.
void removeOthersAside(const QString& path, const QString& last)
{
    const QFileInfo file{path};
    QDir dir = file.dir();
    for (const QString& name : dir.entryList({file.fileName() + QStringLiteral(".corrupt-*")}, QDir::Files))
        if (!dir.filePath(name).startsWith(last))
            dir.remove(name);
}

constexpr auto kNewest = "SELECT id, at, priority, severity, type, json FROM entry WHERE id > ? AND id < ? "
                         "ORDER BY id DESC LIMIT ?";

} // namespace

JournalFile::JournalFile(QString path, qint64 maxBytes)
    : m_path(std::move(path))
    , m_maxBytes(maxBytes)
{
}

JournalFile::~JournalFile() = default;

Result<> JournalFile::open()
{
    if (m_database)
        return {};
    auto opened = Database::open(m_path, kSchema, {.maxBytes = m_maxBytes, .pragmas = kWriterPragmas});
    if (!opened)
        return opened.error();
    Database& database = **opened;
    if (database.setAside()) {
        m_setAside = database.setAside();
        removeOthersAside(m_path, *m_setAside);
    }
    const auto pageSize = database.select(QStringLiteral("PRAGMA page_size"));
    if (!pageSize)
        return pageSize.error();
    m_pageSize = pageSize->front().at(0).toLongLong();
    if (!m_lastBefore) {
        const auto last = database.select(QLatin1StringView{kNewest}, {0, std::numeric_limits<qint64>::max(), 1});
        if (!last)
            return last.error();
        m_lastBefore = last->empty() ? JournalEntry{} : entryFrom(last->front());
    }
    m_database = *std::move(opened);
    return {};
}

Error JournalFile::noting(Error error)
{
    // Opened anew the next time: open() is where damage is set aside. It reads the whole file, so not where that helps
    // nothing.
    if (error.code != Errc::Busy && error.code != Errc::TooLarge)
        m_database.reset();
    return error;
}

Result<JournalFile::Size> JournalFile::size()
{
    const auto pages = m_database->select(QStringLiteral("PRAGMA page_count"));
    if (!pages)
        return pages.error();
    const auto free = m_database->select(QStringLiteral("PRAGMA freelist_count"));
    if (!free)
        return free.error();
    const qint64 all = pages->front().at(0).toLongLong();
    return Size{all * m_pageSize, (all - free->front().at(0).toLongLong()) * m_pageSize};
}

Result<> JournalFile::removeUpTo(qint64 id)
{
    return m_database->run(QStringLiteral("DELETE FROM entry WHERE id <= ?"), {id});
}

/// The last id of those that may go in one step: the oldest, before the first that is not older than `limit`. 0: none.
Result<qint64> JournalFile::endOfStep(int most, std::optional<WallTime> limit)
{
    const auto rows =
        m_database->select(QStringLiteral("SELECT id, at, length(json) FROM entry ORDER BY id LIMIT ?"), {most}, most);
    if (!rows)
        return rows.error();
    qint64 last = 0;
    qint64 bytes = 0;
    for (const QVariantList& row : *rows) {
        if (bytes >= kBatchBytes || (limit && row.at(1).toLongLong() >= limit->time_since_epoch().count()))
            break;
        last = row.at(0).toLongLong();
        bytes += row.at(2).toLongLong();
    }
    return last;
}

Result<> JournalFile::makeRoom(qint64 bytes)
{
    for (;;) {
        const auto now = size();
        if (!now)
            return now.error();
        // A file that an earlier, larger bound let grow is filled no further, but it shrinks in trim().
        if (now->used + bytes <= std::max(m_maxBytes, now->file))
            return {};
        const auto last = endOfStep(kStepRows);
        if (!last)
            return last.error();
        if (*last == 0)
            return {};
        if (auto removed = removeUpTo(*last); !removed)
            return removed;
    }
}

Result<> JournalFile::write(const std::vector<JournalEntry>& entries, qint64 base)
{
    if (auto opened = open(); !opened)
        return opened;
    constexpr qint64 kSlackPages = 8; // of the tree above
    qint64 bytes = kSlackPages * m_pageSize;
    std::vector<QVariantList> rows;
    rows.reserve(entries.size());
    for (const JournalEntry& entry : entries) {
        bytes += bytesOnDisk(entry, m_pageSize);
        rows.push_back(rowOf(entry, base));
    }
    if (const auto room = makeRoom(bytes); !room)
        return noting(room.error());
    auto written = m_database->transaction([&] {
        return m_database->runMany(
            QStringLiteral("INSERT OR REPLACE INTO entry(id, at, priority, severity, type, json) "
                           "VALUES(?, ?, ?, ?, ?, ?)"),
            rows);
    });
    return written ? written : noting(written.error());
}

Result<bool> JournalFile::trimStep(WallTime now)
{
    // Most of the time the oldest is young, and that is all there is to read.
    auto last = endOfStep(1, now - kAge);
    if (last && *last != 0)
        last = endOfStep(kStepRows, now - kAge);
    const auto before = size();
    if (!last || !before)
        return last ? before.error() : last.error();
    if (*last == 0 && before->used > m_maxBytes)
        last = endOfStep(kStepRows);
    if (!last)
        return last.error();
    if (*last != 0) {
        const auto removed = removeUpTo(*last);
        return removed ? Result<bool>{true} : removed.error();
    }
    if (before->file <= m_maxBytes || before->file == before->used)
        return false;
    const auto gave = m_database->select(QStringLiteral("PRAGMA incremental_vacuum(%1)").arg(kVacuumPages));
    return gave ? Result<bool>{true} : gave.error();
}

Result<bool> JournalFile::trim(WallTime now)
{
    if (auto opened = open(); !opened)
        return opened.error();
    auto trimmed = trimStep(now);
    return trimmed ? trimmed : noting(trimmed.error());
}

Result<std::vector<JournalEntry>> JournalFile::read(const QString& path, qint64 after, qint64 before, int limit)
{
    auto opened =
        Database::open(path, kSchema, {.busyTimeout = kReadPatience, .readOnly = true, .pragmas = kReaderPragmas});
    if (!opened)
        return opened.error();
    std::vector<JournalEntry> entries;
    qint64 bytes = 0;
    constexpr int kPage = 1'000;
    while (static_cast<int>(entries.size()) < limit && bytes < kReadBytes) {
        const int most = std::min(kPage, limit - static_cast<int>(entries.size()));
        const auto rows = (*opened)->select(QLatin1StringView{kNewest}, {after, before, most}, most);
        if (!rows)
            return rows.error();
        for (const QVariantList& row : *rows) {
            entries.push_back(entryFrom(row));
            bytes += entries.back().json.size();
        }
        if (static_cast<int>(rows->size()) < most)
            break;
        before = entries.back().id;
    }
    std::ranges::reverse(entries);
    return entries;
}

} // namespace beacon
