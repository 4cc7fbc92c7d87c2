#include "core/store/event_file.h"

#include "core/base/unique_fd.h"
#include "core/store/event_schema.h"

#include <QFile>
#include <QFileInfo>
#include <QVariant>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr std::array kPragmas{"cache_size = -4096", "mmap_size = 0", "auto_vacuum = INCREMENTAL"};
constexpr qint64 kReserve = 1'000'000; ///< ids ahead
constexpr qint64 kCheckedBytes = 64LL * 1024 * 1024; ///< a larger file is looked through only once found damaged
constexpr qsizetype kMaxNames = 4'096; ///< of types and of sources in memory
constexpr int kVacuumPages = 64;

QString idsPath(const QString& path)
{
    return path + QStringLiteral(".ids");
}

qint64 micros(WallTime time)
{
    return time.time_since_epoch().count();
}

QByteArray textWith(const StoredEvent& event, qint64 id)
{
    if (event.idAt < 0 || event.idAt > event.json.size())
        return event.json.isNull() ? QByteArray{""} : event.json; // a null one would be SQL's NULL
    QByteArray text = event.json;
    text.insert(event.idAt, QByteArray::number(id));
    return text;
}

} // namespace

EventFile::EventFile(QString path, Limits limits)
    : m_path(std::move(path))
    , m_limits(limits)
{
}

qint64 EventFile::reservedIds(const QString& path)
{
    QFile file{idsPath(path)};
    return file.open(QIODevice::ReadOnly) ? std::max<qint64>(file.read(32).trimmed().toLongLong(), 0) : 0;
}

Result<> EventFile::reserve(qint64 upTo)
{
    if (upTo <= m_reserved)
        return {};
    const qint64 next = upTo + kReserve;
    const QByteArray path = QFile::encodeName(idsPath(m_path));
    const QByteArray fresh = path + ".new";
    const UniqueFd fd{::open(fresh.constData(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    const QByteArray text = QByteArray::number(next) + '\n';
    if (!fd || ::write(fd.get(), text.constData(), static_cast<std::size_t>(text.size())) != text.size()
        || ::fdatasync(fd.get()) != 0 || ::rename(fresh.constData(), path.constData()) != 0)
        return systemError("write " + path.toStdString());
    m_reserved = next;
    return {};
}

Result<> EventFile::open()
{
    if (m_database)
        return {};
    const bool look = m_suspect || QFileInfo{m_path}.size() < kCheckedBytes;
    auto opened = Database::open(m_path, kEventSchema, {.quickCheck = look, .pragmas = kPragmas});
    if (!opened)
        return opened.error();
    m_database = *std::move(opened);
    m_suspect = false;
    if (m_database->setAside())
        m_setAside = m_database->setAside();
    auto loaded = load();
    return loaded ? loaded : noting(loaded.error());
}

Result<> EventFile::load()
{
    m_types.clear();
    m_sources.clear();
    const auto pageSize = m_database->select(QStringLiteral("PRAGMA page_size"));
    if (!pageSize)
        return pageSize.error();
    m_pageSize = pageSize->front().at(0).toLongLong();
    const auto last = m_database->select(QLatin1StringView{kLastIdSql});
    if (!last)
        return last.error();
    m_reserved = reservedIds(m_path);
    // A file in which nothing was ever stored has taken the place of one whose ids are not to come again.
    const qint64 inFile = last->empty() ? m_reserved : last->front().at(0).toLongLong();
    m_lastId = std::max(m_lastId, inFile);
    return {};
}

Error EventFile::noting(Error error)
{
    if (error.code == Errc::Busy || error.code == Errc::TooLarge)
        return error; // it is as good as it was
    m_suspect = m_suspect || error.code == Errc::Corrupt;
    m_database.reset();
    return error;
}

Result<qint64> EventFile::idOf(const char* table, Names& names, const QString& given)
{
    const QString name = given.isNull() ? QStringLiteral("") : given; // a null one would be SQL's NULL
    if (const auto known = names.constFind(name); known != names.constEnd())
        return *known;
    const QLatin1StringView from{table};
    const auto there = m_database->select(QStringLiteral("SELECT id FROM %1 WHERE name = ?").arg(from), {name}, 1);
    if (!there)
        return there.error();
    qint64 id = there->empty() ? 0 : there->front().at(0).toLongLong();
    if (there->empty()) {
        if (const auto made = m_database->run(QStringLiteral("INSERT INTO %1(name) VALUES(?)").arg(from), {name});
            !made)
            return made.error();
        id = m_database->lastInsertId();
    }
    if (names.size() >= kMaxNames)
        names.clear();
    names.insert(name, id);
    return id;
}

Result<std::vector<bool>> EventFile::insert(std::vector<StoredEvent>& events, WallTime received)
{
    const qint64 base = m_lastId;
    std::vector<QVariantList> rows;
    rows.reserve(events.size());
    for (StoredEvent& event : events) {
        const auto type = idOf("type", m_types, event.type);
        const auto source = type ? idOf("source", m_sources, event.source) : type;
        if (!source)
            return source.error();
        event.id = base + static_cast<qint64>(rows.size()) + 1;
        rows.push_back({event.id, event.uuid, micros(event.at), micros(received), event.severity, *type, *source,
            textWith(event, event.id)});
    }
    const auto ran = m_database->runMany(
        QStringLiteral("INSERT OR IGNORE INTO event(id, uuid, at, received, severity, type, source, json) "
                       "VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
        rows);
    if (!ran)
        return ran.error();
    return settle(events, base);
}

/// Those that were ignored are there already, under another id.
Result<std::vector<bool>> EventFile::settle(std::vector<StoredEvent>& events, qint64 base)
{
    std::vector<bool> isNew(events.size(), true);
    const auto there = m_database->select(QStringLiteral("SELECT id FROM event WHERE id > ? ORDER BY id"), {base});
    if (!there)
        return there.error();
    if (there->size() == events.size())
        return isNew;
    auto next = there->begin();
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (next != there->end() && next->at(0).toLongLong() == events[i].id) {
            ++next;
            continue;
        }
        const auto known =
            m_database->select(QStringLiteral("SELECT id FROM event WHERE uuid = ?"), {events[i].uuid}, 1);
        if (!known)
            return known.error();
        if (known->empty())
            return Error{Errc::Corrupt, 0, "store an event: it is neither new nor there"};
        events[i].id = known->front().at(0).toLongLong();
        isNew[i] = false;
    }
    return isNew;
}

Result<std::vector<bool>> EventFile::write(std::vector<StoredEvent>& events, WallTime received)
{
    if (auto opened = open(); !opened)
        return opened.error();
    if (auto reserved = reserve(m_lastId + static_cast<qint64>(events.size())); !reserved)
        return reserved.error();
    std::vector<bool> isNew;
    const auto done = m_database->transaction([&]() -> Result<> {
        auto inserted = insert(events, received);
        if (!inserted)
            return inserted.error();
        isNew = *std::move(inserted);
        return {};
    });
    if (!done) {
        m_types.clear(); // what was added to them has been undone
        m_sources.clear();
        return noting(done.error());
    }
    for (std::size_t i = 0; i < events.size(); ++i)
        if (isNew[i]) {
            events[i].json = textWith(events[i], events[i].id);
            m_lastId = std::max(m_lastId, events[i].id);
        }
    return isNew;
}

Result<EventFile::Size> EventFile::size()
{
    const auto pages = m_database->select(QStringLiteral("PRAGMA page_count"));
    const auto free = m_database->select(QStringLiteral("PRAGMA freelist_count"));
    if (!pages || !free)
        return pages ? free.error() : pages.error();
    const qint64 all = pages->front().at(0).toLongLong();
    return Size{all * m_pageSize, (all - free->front().at(0).toLongLong()) * m_pageSize};
}

/// The last id of those that go in one step. 0: none.
Result<qint64> EventFile::endOfStep(bool forBytes)
{
    const auto rows = m_database->select(
        QStringLiteral("SELECT id, length(json) FROM event ORDER BY id LIMIT ?"), {kStepRows}, kStepRows);
    if (!rows)
        return rows.error();
    // Ids that were passed over count as rows: a few less stay, and nothing has to be counted.
    const qint64 end = forBytes ? m_lastId - 1 : std::min(m_lastId - m_limits.maxRows, m_lastId - 1);
    qint64 last = 0;
    qint64 bytes = 0;
    for (const QVariantList& row : *rows) {
        if (bytes >= kStepBytes || row.at(0).toLongLong() > end)
            break;
        last = row.at(0).toLongLong();
        bytes += row.at(1).toLongLong();
    }
    return last;
}

Result<bool> EventFile::trimStep()
{
    const auto now = size();
    if (!now)
        return now.error();
    const auto last = endOfStep(now->used > m_limits.maxBytes);
    if (!last)
        return last.error();
    if (*last != 0) {
        const auto gone = m_database->run(QStringLiteral("DELETE FROM event WHERE id <= ?"), {*last});
        return gone ? Result<bool>{true} : gone.error();
    }
    if (now->file <= m_limits.maxBytes || now->file == now->used)
        return false;
    const auto gave = m_database->select(QStringLiteral("PRAGMA incremental_vacuum(%1)").arg(kVacuumPages));
    return gave ? Result<bool>{true} : gave.error();
}

Result<bool> EventFile::trim()
{
    if (auto opened = open(); !opened)
        return opened.error();
    auto trimmed = trimStep();
    return trimmed ? trimmed : noting(trimmed.error());
}

Result<> EventFile::sync()
{
    // The log alone: SQLite's locks are on the other two files, so that closing this one releases none.
    const QByteArray log = QFile::encodeName(m_path) + "-wal";
    const UniqueFd fd{::open(log.constData(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd || ::fdatasync(fd.get()) != 0)
        return systemError("bring " + log.toStdString() + " to the disk");
    return {};
}

} // namespace beacon
