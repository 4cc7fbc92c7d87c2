#include "service/listener/host_store.h"

#include <array>
#include <chrono>
#include <thread>

namespace beacon {

namespace {

constexpr auto kMigrations = std::to_array<const char*>({
    "CREATE TABLE host (mac TEXT PRIMARY KEY, addresses TEXT NOT NULL, frames INTEGER NOT NULL,"
    " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX host_last_seen ON host (last_seen)",
});

const auto kSeparator = QLatin1Char(' ');

qint64 micros(WallTime time)
{
    return time.time_since_epoch().count();
}
WallTime timeOf(const QVariant& value)
{
    return WallTime{std::chrono::microseconds{value.toLongLong()}};
}

/// Known ones first; never null, which the table does not take.
QString merged(QStringList known, const QStringList& more)
{
    for (const QString& address : more) {
        known.removeAll(address);
        known.append(address);
    }
    known = known.mid(std::max<qsizetype>(0, known.size() - HostStore::kMostAddresses));
    return known.isEmpty() ? QStringLiteral("") : known.join(kSeparator);
}

Result<qint64> firstNumber(Result<std::vector<QVariantList>> rows)
{
    if (!rows)
        return rows.error();
    return rows->empty() ? 0 : rows->front().front().toLongLong();
}

} // namespace

HostStore::HostStore(QString path)
    : m_path(std::move(path))
{
}
HostStore::~HostStore() = default;

Result<Database*> HostStore::database()
{
    if (!m_database) {
        auto opened = Database::open(m_path, kMigrations, {});
        if (!opened)
            return opened.error();
        m_database = *std::move(opened);
    }
    return m_database.get();
}

Result<> HostStore::add(const std::vector<Host>& seen)
{
    if (seen.empty())
        return {};
    auto opened = database();
    if (!opened)
        return opened.error();
    Database& file = **opened;
    auto added = file.transaction([&]() -> Result<> {
        for (const Host& host : seen) {
            const auto known = file.select(QStringLiteral("SELECT addresses FROM host WHERE mac = ?"), {host.mac}, 1);
            if (!known)
                return known.error();
            const QStringList before = known->empty()
                ? QStringList{}
                : known->front().front().toString().split(kSeparator, Qt::SkipEmptyParts);
            auto written = file.run(
                QStringLiteral("INSERT INTO host (mac, addresses, frames, first_seen, last_seen) VALUES (?, ?, ?, ?, ?)"
                               " ON CONFLICT (mac) DO UPDATE SET addresses = excluded.addresses,"
                               " frames = frames + excluded.frames, last_seen = max(last_seen, excluded.last_seen)"),
                {host.mac, merged(before, host.addresses), host.frames, micros(host.firstSeen), micros(host.lastSeen)});
            if (!written)
                return written;
        }
        return trim(file);
    });
    if (!added && added.error().code == Errc::Corrupt)
        m_database.reset(); // the next call sets the file aside and begins anew
    return added;
}

Result<> HostStore::trim(Database& file)
{
    const auto count = firstNumber(file.select(QStringLiteral("SELECT count(*) FROM host")));
    if (!count || *count <= kMostHosts)
        return count ? Result<>{} : count.error();
    return file.run(QStringLiteral("DELETE FROM host WHERE mac IN (SELECT mac FROM host ORDER BY last_seen LIMIT ?)"),
        {*count - kMostHosts});
}

Result<std::vector<Host>> HostStore::activeSince(WallTime since, int limit)
{
    auto opened = database();
    if (!opened)
        return opened.error();
    const auto rows = (*opened)->select(
        QStringLiteral("SELECT mac, addresses, frames, first_seen, last_seen FROM host WHERE last_seen >= ?"
                       " ORDER BY last_seen DESC, mac LIMIT ?"),
        {micros(since), limit});
    if (!rows)
        return rows.error();
    std::vector<Host> hosts;
    for (const QVariantList& row : *rows)
        hosts.push_back({row[0].toString(), row[1].toString().split(kSeparator, Qt::SkipEmptyParts),
            row[2].toLongLong(), timeOf(row[3]), timeOf(row[4])});
    return hosts;
}

Result<qint64> HostStore::countSince(WallTime since)
{
    auto opened = database();
    if (!opened)
        return opened.error();
    return firstNumber(
        (*opened)->select(QStringLiteral("SELECT count(*) FROM host WHERE last_seen >= ?"), {micros(since)}));
}

/// Steps until nothing is due: true; false: `stop` came first. Whoever writes meanwhile goes first.
Result<bool> HostStore::deleteSteps(WallTime before, const std::stop_token& stop, qint64& deleted)
{
    constexpr std::chrono::milliseconds kGiveWay{2};
    for (;;) {
        qint64 step = 0;
        auto opened = database();
        if (!opened)
            return opened.error();
        Database& file = **opened;
        const auto done = file.transaction([&]() -> Result<> {
            const auto due = firstNumber(
                file.select(QStringLiteral("SELECT count(*) FROM (SELECT 1 FROM host WHERE last_seen < ? LIMIT ?)"),
                    {micros(before), kStep}));
            if (!due)
                return due.error();
            step = *due;
            if (step == 0 || stop.stop_requested())
                return {};
            return file.run(
                QStringLiteral("DELETE FROM host WHERE mac IN (SELECT mac FROM host WHERE last_seen < ? LIMIT ?)"),
                {micros(before), kStep});
        });
        if (!done && done.error().code != Errc::Busy)
            return done.error();
        if (done && step == 0)
            return true;
        if (stop.stop_requested())
            return false;
        if (done)
            deleted += step;
        std::this_thread::sleep_for(kGiveWay);
    }
}

Result<platform::RetentionResult> HostStore::deleteBefore(WallTime before, const std::stop_token& stop)
{
    platform::RetentionResult result;
    const auto complete = deleteSteps(before, stop, result.deleted);
    if (!complete)
        return complete.error();
    result.complete = *complete;
    auto opened = database();
    if (!opened)
        return opened.error();
    const auto oldest = (*opened)->select(QStringLiteral("SELECT min(last_seen) FROM host"));
    if (!oldest)
        return oldest.error();
    if (!oldest->empty() && !oldest->front().front().isNull())
        result.oldest = timeOf(oldest->front().front());
    return result;
}

} // namespace beacon
