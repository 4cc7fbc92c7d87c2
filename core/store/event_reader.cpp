#include "core/store/event_reader.h"

#include "core/store/event_schema.h"

#include <QVariant>

#include <algorithm>
#include <array>

namespace beacon {

namespace {

constexpr std::array kPragmas{"cache_size = -1024", "mmap_size = 0"};
constexpr std::chrono::milliseconds kPatience{10}; // in the reader's event loop; a writer is never waited for
constexpr int kMostTypes = 65'536;
constexpr qsizetype kRowsAtOnce = 64;
constexpr int kMostSeverity = 5;

bool fits(const QString& match, const QString& type)
{
    return match.endsWith(QLatin1Char('*')) ? type.startsWith(QStringView{match}.chopped(1)) : type == match;
}

StoredEvent eventFrom(const QVariantList& row)
{
    StoredEvent event;
    event.id = row.at(0).toLongLong();
    event.uuid = row.at(1).toByteArray();
    event.at = WallTime{std::chrono::microseconds{row.at(2).toLongLong()}};
    event.severity = row.at(3).toInt();
    event.type = row.at(4).toString();
    event.source = row.at(5).toString();
    event.json = row.at(6).toByteArray();
    return event;
}

} // namespace

bool typeMatches(const QStringList& matches, const QString& type)
{
    return std::any_of(matches.begin(), matches.end(), [&](const QString& match) { return fits(match, type); });
}

template <class T> Result<T> EventReader::noting(Result<T> result)
{
    if (!result && result.error().code != Errc::Busy)
        m_database.reset();
    return result;
}

Result<> EventReader::open()
{
    if (m_database)
        return {};
    auto opened =
        Database::open(m_path, kEventSchema, {.busyTimeout = kPatience, .readOnly = true, .pragmas = kPragmas});
    if (!opened)
        return opened.error();
    m_database = *std::move(opened);
    return {};
}

Result<qint64> EventReader::number(const QString& sql)
{
    if (auto opened = open(); !opened)
        return opened.error();
    const auto rows = m_database->select(sql, {}, 1);
    if (!rows)
        return noting(Result<qint64>{rows.error()});
    return rows->empty() ? qint64{0} : rows->front().at(0).toLongLong();
}

Result<qint64> EventReader::firstId()
{
    return number(QStringLiteral("SELECT min(id) FROM event"));
}

Result<qint64> EventReader::lastId()
{
    return number(QLatin1StringView{kLastIdSql});
}

Result<std::vector<qint64>> EventReader::typesOf(const QStringList& matches, bool& all)
{
    const auto rows = m_database->select(QStringLiteral("SELECT id, name FROM type"), {}, kMostTypes);
    if (!rows)
        return rows.error();
    std::vector<qint64> types;
    for (const QVariantList& row : *rows)
        if (typeMatches(matches, row.at(1).toString()))
            types.push_back(row.at(0).toLongLong());
    all = types.size() == rows->size();
    return types;
}

Result<std::vector<qint64>> EventReader::ids(
    Order order, qint64 bound, const QStringList& matches, int severity, int limit)
{
    bool all = false;
    const auto types = typesOf(matches, all);
    if (!types)
        return types.error();
    const QString rest = order == Order::Oldest ? QStringLiteral("id > ? ORDER BY id LIMIT ?")
                                                : QStringLiteral("id <= ? ORDER BY id DESC LIMIT ?");
    QStringList queries;
    if (all && severity <= 1)
        queries << QStringLiteral("SELECT id FROM event WHERE ") + rest;
    for (const qint64 type : all&& severity <= 1 ? std::vector<qint64>{} : *types)
        if (severity <= 1)
            queries << QStringLiteral("SELECT id FROM event INDEXED BY event_type WHERE type = %1 AND ").arg(type)
                    + rest;
        else
            for (int one = severity; one <= kMostSeverity; ++one)
                queries << QStringLiteral("SELECT id FROM event INDEXED BY event_severe WHERE severity > 1 AND "
                                          "severity = %1 AND type = %2 AND ")
                               .arg(one)
                               .arg(type)
                        + rest;
    std::vector<qint64> found;
    for (const QString& query : queries) {
        const auto rows = m_database->select(query, {bound, limit}, limit);
        if (!rows)
            return rows.error();
        for (const QVariantList& row : *rows)
            found.push_back(row.at(0).toLongLong());
    }
    if (order == Order::Oldest)
        std::ranges::sort(found);
    else
        std::ranges::sort(found, std::ranges::greater{});
    found.resize(std::min(found.size(), static_cast<std::size_t>(limit)));
    return found;
}

Result<EventReader::Page> EventReader::rows(const std::vector<qint64>& ids)
{
    Page page;
    qint64 bytes = 0;
    for (std::size_t from = 0; from < ids.size() && page.whole;) {
        QStringList some;
        for (; from < ids.size() && some.size() < kRowsAtOnce; ++from)
            some << QString::number(ids[from]);
        const auto rows = m_database->select(
            QStringLiteral("SELECT e.id, e.uuid, e.at, e.severity, t.name, s.name, e.json FROM event e "
                           "JOIN type t ON t.id = e.type JOIN source s ON s.id = e.source WHERE e.id IN (%1) "
                           "ORDER BY e.id")
                .arg(some.join(QLatin1Char(','))));
        if (!rows)
            return rows.error();
        for (const QVariantList& row : *rows) {
            if (bytes >= kMostBytes) {
                page.whole = false;
                break;
            }
            page.events.push_back(eventFrom(row));
            bytes += page.events.back().json.size();
        }
    }
    return page;
}

Result<EventReader::Page> EventReader::read(qint64 after, const QStringList& matches, int severity, int limit)
{
    if (auto opened = open(); !opened)
        return opened.error();
    if (limit <= 0)
        return Page{{}, false};
    const auto found = ids(Order::Oldest, after, matches, severity, limit);
    if (!found)
        return noting(Result<Page>{found.error()});
    auto page = rows(*found);
    if (page && static_cast<int>(found->size()) == limit)
        page->whole = false;
    return noting(std::move(page));
}

Result<qint64> EventReader::before(qint64 upTo, const QStringList& matches, int severity, int count)
{
    if (auto opened = open(); !opened)
        return opened.error();
    const auto found = ids(Order::Newest, upTo, matches, severity, count);
    if (!found)
        return noting(Result<qint64>{found.error()});
    return found->empty() ? upTo : found->back() - 1;
}

} // namespace beacon
