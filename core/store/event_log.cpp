#include "core/store/event_log.h"

#include <QVariant>

#include <algorithm>
#include <array>

namespace beacon {

namespace {

constexpr std::array kSchema{
    "CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, type TEXT NOT NULL, json BLOB NOT "
    "NULL)",
};

} // namespace

EventLog::EventLog(QString path, Options options)
    : m_path(std::move(path))
    , m_options(options)
{
    (void)database(); // the error stays in m_openError
}

EventLog::~EventLog() = default;

Result<Database*> EventLog::database()
{
    if (m_database)
        return m_database.get();
    auto opened =
        Database::open(m_path, kSchema, {.busyTimeout = m_options.busyTimeout, .maxBytes = m_options.maxBytes});
    if (!opened) {
        m_openError = opened.error();
        return opened.error();
    }
    m_openError.reset();
    m_database = *std::move(opened);
    if (m_database->setAside())
        m_setAside = m_database->setAside();
    return m_database.get();
}

void EventLog::noteFailure(const Error& error)
{
    // Opened anew the next time: open() is where damage is set aside.
    if (error.code == Errc::Corrupt || error.code == Errc::System || error.code == Errc::Denied)
        m_database.reset();
}

Result<> EventLog::insert(Database& database, WallTime at, const QString& type, const QByteArray& json)
{
    return database.run(QStringLiteral("INSERT INTO event(at, type, json) VALUES(?, ?, ?)"),
        {static_cast<qint64>(at.time_since_epoch().count()), type, json});
}

Result<> EventLog::prune(Database& database, qint64 keep)
{
    return database.run(
        QStringLiteral("DELETE FROM event WHERE seq <= (SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?)"),
        {std::max<qint64>(keep, 1)});
}

Result<qint64> EventLog::append(WallTime at, const QString& type, const QByteArray& json)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    Database& db = **opened;
    auto done = insert(db, at, type, json);
    if (!done && done.error().code == Errc::TooLarge) { // room is made once; a disk that others filled stays full
        const auto rows = count();
        if (rows && *rows > 1 && prune(db, *rows / 2))
            done = insert(db, at, type, json);
    }
    if (!done) {
        noteFailure(done.error());
        return done.error();
    }
    const qint64 seq = db.lastInsertId();
    if (--m_untilPrune < 0) {
        m_untilPrune = m_options.maxRows / 16; // so much beyond the bound at most
        if (const auto pruned = prune(db, m_options.maxRows); !pruned && pruned.error().code == Errc::Corrupt)
            noteFailure(pruned.error());
    }
    return seq;
}

Result<std::vector<LoggedEvent>> EventLog::since(qint64 seq, int limit)
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows =
        (*opened)->select(QStringLiteral("SELECT seq, at, type, json FROM event WHERE seq > ? ORDER BY seq LIMIT ?"),
            {seq, limit}, limit);
    if (!rows) {
        noteFailure(rows.error());
        return rows.error();
    }
    std::vector<LoggedEvent> events;
    events.reserve(rows->size());
    for (const QVariantList& row : *rows)
        events.push_back({row.at(0).toLongLong(), WallTime{std::chrono::microseconds{row.at(1).toLongLong()}},
            row.at(2).toString(), row.at(3).toByteArray()});
    return events;
}

Result<qint64> EventLog::lastSeq()
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows = (*opened)->select(QStringLiteral("SELECT seq FROM sqlite_sequence WHERE name = 'event'"));
    if (!rows)
        return rows.error();
    return rows->empty() ? 0 : rows->front().at(0).toLongLong();
}

Result<qint64> EventLog::count()
{
    const auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows = (*opened)->select(QStringLiteral("SELECT count(*) FROM event"));
    if (!rows)
        return rows.error();
    return rows->front().at(0).toLongLong();
}

} // namespace beacon
