#include "core/store/spool.h"

#include <QStringList>
#include <QVariant>

#include <array>

namespace beacon {

namespace {

constexpr std::array kSchema{
    "CREATE TABLE spool(id INTEGER PRIMARY KEY AUTOINCREMENT, bulk INTEGER NOT NULL, bytes INTEGER NOT NULL, json BLOB "
    "NOT "
    "NULL);"
    "CREATE INDEX spool_lane ON spool(bulk, id)",
};

constexpr int kRoomStep = 256;
constexpr qint64 kFileOverhead = 32LL * 1024 * 1024; // pages, index and free space beside the events' text

} // namespace

Spool::Spool(QString path, Options options)
    : m_path(std::move(path))
    , m_options(options)
{
}

Spool::~Spool() = default;

Result<Database*> Spool::database()
{
    if (m_database)
        return m_database.get();
    auto opened = Database::open(m_path, kSchema, {.maxBytes = m_options.maxBytes + kFileOverhead});
    if (!opened)
        return opened.error();
    const auto size = (*opened)->select(QStringLiteral("SELECT count(*), coalesce(sum(bytes), 0) FROM spool"));
    if (!size)
        return size.error();
    m_rows = size->front().at(0).toLongLong();
    m_bytes = size->front().at(1).toLongLong();
    // Many small checkpoints: a large one holds back what is urgent.
    if (auto tuned = (*opened)->run(QStringLiteral("PRAGMA wal_autocheckpoint = 100")); !tuned)
        return tuned.error();
    m_database = *std::move(opened);
    return m_database.get();
}

void Spool::noteFailure(const Error& error)
{
    // Opened anew the next time: open() is where damage is set aside, and a failed transaction leaves our sums wrong.
    if (error.code != Errc::Busy)
        m_database.reset();
}

Result<> Spool::makeRoom(Database& database, bool bulk, std::vector<qint64>& gone)
{
    while (m_rows > m_options.maxRows || m_bytes > m_options.maxBytes) {
        const auto oldest =
            database.select(QStringLiteral("SELECT id, bytes FROM spool WHERE bulk = ? ORDER BY id LIMIT ?"),
                {bulk ? 1 : 0, kRoomStep});
        if (!oldest)
            return oldest.error();
        if (oldest->empty())
            return {};
        qint64 last = 0;
        for (const QVariantList& row : *oldest) {
            if (m_rows <= m_options.maxRows && m_bytes <= m_options.maxBytes)
                break;
            last = row.at(0).toLongLong();
            gone.push_back(last);
            --m_rows;
            m_bytes -= row.at(1).toLongLong();
        }
        if (auto deleted =
                database.run(QStringLiteral("DELETE FROM spool WHERE bulk = ? AND id <= ?"), {bulk ? 1 : 0, last});
            !deleted)
            return deleted;
    }
    return {};
}

Result<std::vector<qint64>> Spool::write(const std::vector<Entry>& entries)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    std::vector<QVariantList> rows;
    rows.reserve(entries.size());
    for (const Entry& entry : entries)
        rows.push_back({entry.id, entry.bulk ? 1 : 0, entry.json.size(), entry.json});
    std::vector<qint64> gone;
    const auto written = (*opened)->transaction([&]() -> Result<> {
        if (auto inserted =
                (*opened)->runMany(QStringLiteral("INSERT INTO spool(id, bulk, bytes, json) VALUES(?, ?, ?, ?)"), rows);
            !inserted)
            return inserted;
        for (const Entry& entry : entries) {
            ++m_rows;
            m_bytes += entry.json.size();
        }
        if (auto room = makeRoom(**opened, true, gone); !room)
            return room;
        return makeRoom(**opened, false, gone);
    });
    if (!written) {
        m_database.reset(); // the sums are read anew
        return written.error();
    }
    return gone;
}

Result<> Spool::remove(const std::vector<qint64>& ids)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    QStringList numbers;
    for (const qint64 id : ids)
        numbers.append(QString::number(id));
    const QString which =
        QStringLiteral(" FROM spool WHERE id IN (") + numbers.join(QLatin1Char(',')) + QLatin1Char(')');
    auto removed = (*opened)->transaction([&]() -> Result<> {
        const auto size = (*opened)->select(QStringLiteral("SELECT count(*), coalesce(sum(bytes), 0)") + which);
        if (!size)
            return size.error();
        if (auto deleted = (*opened)->run(QStringLiteral("DELETE") + which); !deleted)
            return deleted;
        m_rows -= size->front().at(0).toLongLong();
        m_bytes -= size->front().at(1).toLongLong();
        return {};
    });
    if (!removed)
        noteFailure(removed.error());
    return removed;
}

Result<std::vector<Spool::Entry>> Spool::read(bool bulk, qint64 after, int limit)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows =
        (*opened)->select(QStringLiteral("SELECT id, json FROM spool WHERE bulk = ? AND id > ? ORDER BY id LIMIT ?"),
            {bulk ? 1 : 0, after, limit}, limit);
    if (!rows) {
        noteFailure(rows.error());
        return rows.error();
    }
    std::vector<Entry> entries;
    entries.reserve(rows->size());
    for (const QVariantList& row : *rows)
        entries.push_back({row.at(0).toLongLong(), bulk, row.at(1).toByteArray()});
    return entries;
}

Result<qint64> Spool::count(bool bulk)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows = (*opened)->select(QStringLiteral("SELECT count(*) FROM spool WHERE bulk = ?"), {bulk ? 1 : 0});
    if (!rows)
        return rows.error();
    return rows->front().at(0).toLongLong();
}

Result<qint64> Spool::lastId()
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows = (*opened)->select(QStringLiteral("SELECT seq FROM sqlite_sequence WHERE name = 'spool'"));
    if (!rows)
        return rows.error();
    return rows->empty() ? 0 : rows->front().at(0).toLongLong();
}

} // namespace beacon
