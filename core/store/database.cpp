#include "core/store/database.h"

#include "core/base/unique_fd.h"

#include <QDateTime>
#include <QFile>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QSqlRecord>
#include <QVariant>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace beacon {

namespace {

/// Primary result codes of sqlite.org/rescode.html.
enum Sqlite {
    kPerm = 3,
    kBusy = 5,
    kLocked = 6,
    kReadOnly = 8,
    kCorrupt = 11,
    kFull = 13,
    kCantOpen = 14,
    kAuth = 23,
    kNotADb = 26
};

Error sqlError(const QSqlError& error, const QString& what)
{
    bool known = false;
    const int code = error.nativeErrorCode().toInt(&known) & 0xff;
    Errc errc = Errc::System;
    switch (known ? code : 0) {
    case kBusy:
    case kLocked:
        errc = Errc::Busy;
        break;
    case kCorrupt:
    case kNotADb:
        errc = Errc::Corrupt;
        break;
    case kFull:
        errc = Errc::TooLarge;
        break;
    case kPerm:
    case kReadOnly:
    case kCantOpen:
    case kAuth:
        errc = Errc::Denied;
        break;
    default:
        break;
    }
    const QString text = error.databaseText().isEmpty() ? error.driverText() : error.databaseText();
    return Error{errc, 0, (what + QStringLiteral(": ") + text.trimmed()).toStdString()};
}

/// SQLite gives the log and the shared memory the mode of the main file: it is there, with that mode, before SQLite is.
Result<> claimFile(const QString& path)
{
    const QByteArray name = QFile::encodeName(path);
    const UniqueFd fd{::open(name.constData(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600)};
    if (!fd)
        return systemError("open " + path.toStdString());
    struct stat status { };
    if (::fstat(fd.get(), &status) != 0)
        return systemError("stat " + path.toStdString());
    if (!S_ISREG(status.st_mode))
        return Error{Errc::BadInput, 0, "open " + path.toStdString() + ": not a regular file"};
    if ((status.st_mode & 077) != 0 && ::fchmod(fd.get(), 0600) != 0)
        return systemError("chmod " + path.toStdString());
    return {};
}

Result<QString> setAsideFile(const QString& path)
{
    QString target = path + QStringLiteral(".corrupt-%1").arg(QDateTime::currentSecsSinceEpoch());
    for (int n = 2; QFile::exists(target) && n < 100; ++n)
        target = path + QStringLiteral(".corrupt-%1-%2").arg(QDateTime::currentSecsSinceEpoch()).arg(n);
    if (::rename(QFile::encodeName(path).constData(), QFile::encodeName(target).constData()) != 0)
        return systemError("set aside " + path.toStdString());
    for (const QString& suffix : {QStringLiteral("-wal"), QStringLiteral("-shm")})
        ::rename(QFile::encodeName(path + suffix).constData(), QFile::encodeName(target + suffix).constData());
    return target;
}

} // namespace

Result<std::unique_ptr<Database>> Database::open(const QString& path, Migrations migrations, Options options)
{
    auto opened = openOnce(path, migrations, options);
    if (opened || opened.error().code != Errc::Corrupt || options.readOnly || !options.setAsideCorrupt)
        return opened;
    auto aside = setAsideFile(path);
    if (!aside)
        return aside.error();
    opened = openOnce(path, migrations, options);
    if (opened)
        (*opened)->m_setAside = *aside;
    return opened;
}

Result<std::unique_ptr<Database>> Database::openOnce(const QString& path, Migrations migrations, const Options& options)
{
    if (options.readOnly) {
        if (!QFile::exists(path))
            return Error{Errc::NotFound, ENOENT, "open " + path.toStdString()};
    } else if (const auto claimed = claimFile(path); !claimed) {
        return claimed.error();
    }
    static std::atomic<unsigned> counter{0};
    const QString connection = QStringLiteral("beacon-store-%1").arg(++counter);
    std::unique_ptr<Database> database{new Database(connection)};
    QSqlDatabase handle = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection);
    if (!handle.isValid())
        return Error{Errc::Unsupported, 0, "load Qt's SQLite driver"};
    QString connectOptions = QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1").arg(options.busyTimeout.count());
    if (options.readOnly)
        connectOptions += QStringLiteral(";QSQLITE_OPEN_READONLY");
    handle.setConnectOptions(connectOptions);
    handle.setDatabaseName(path);
    if (!handle.open())
        return sqlError(handle.lastError(), QStringLiteral("open ") + path);
    handle = {};
    if (const auto prepared = database->prepare(migrations, options); !prepared) {
        Error error = prepared.error();
        error.context = "open " + path.toStdString() + ": " + error.context;
        return error;
    }
    return database;
}

Result<> Database::prepare(Migrations migrations, const Options& options)
{
    for (const char* pragma : options.pragmas)
        if (const auto set = select(QStringLiteral("PRAGMA ") + QLatin1StringView{pragma}); !set)
            return set.error();
    const auto version = select(QStringLiteral("PRAGMA user_version"));
    if (!version)
        return version.error();
    const int at = version->empty() ? 0 : version->front().value(0).toInt();
    const int target = static_cast<int>(migrations.size());
    if (at > target || at < 0)
        return Error{Errc::Unsupported, 0,
            "its schema is version " + std::to_string(at) + ", this program knows " + std::to_string(target)};
    if (options.readOnly) {
        if (at < target)
            return Error{
                Errc::Unsupported, 0, "its schema is of an older version; start the program that writes it once"};
        return {};
    }
    if (options.quickCheck) {
        const auto check = select(QStringLiteral("PRAGMA quick_check(1)"));
        if (!check)
            return check.error();
        if (check->empty() || check->front().value(0).toString() != QStringLiteral("ok"))
            return Error{Errc::Corrupt, 0, "quick_check found damage"};
    }
    for (const QString& pragma :
        {QStringLiteral("PRAGMA journal_mode=WAL"), QStringLiteral("PRAGMA journal_size_limit=4194304"),
            options.durable ? QStringLiteral("PRAGMA synchronous=FULL")
                            : QStringLiteral("PRAGMA synchronous=NORMAL")}) {
        if (const auto set = select(pragma); !set)
            return set.error();
    }
    if (options.maxBytes > 0) {
        const auto pageSize = select(QStringLiteral("PRAGMA page_size"));
        if (!pageSize)
            return pageSize.error();
        const qint64 pages = options.maxBytes / std::max<qint64>(pageSize->front().value(0).toLongLong(), 512);
        if (const auto set = select(QStringLiteral("PRAGMA max_page_count=%1").arg(std::max<qint64>(pages, 16))); !set)
            return set.error();
    }
    for (int step = at; step < target; ++step) {
        auto done = transaction([&]() -> Result<> {
            // Another process may have done this step since the version was read.
            const auto now = select(QStringLiteral("PRAGMA user_version"));
            if (!now || now->front().value(0).toInt() > step)
                return now ? Result<>{} : now.error();
            for (const QString& sql :
                QString::fromUtf8(migrations[static_cast<std::size_t>(step)]).split(QLatin1Char(';'))) {
                if (sql.trimmed().isEmpty())
                    continue;
                if (auto ran = run(sql); !ran)
                    return ran;
            }
            return run(QStringLiteral("PRAGMA user_version=%1").arg(step + 1));
        });
        if (!done)
            return done;
    }
    return {};
}

Database::~Database()
{
    QSqlDatabase::removeDatabase(m_connection);
}

Result<> Database::run(const QString& sql, const QVariantList& values)
{
    return runMany(sql, {values});
}

Result<> Database::runMany(const QString& sql, const std::vector<QVariantList>& rows)
{
    QSqlQuery query{QSqlDatabase::database(m_connection, false)};
    if (!query.prepare(sql))
        return sqlError(query.lastError(), sql.left(60));
    for (const QVariantList& row : rows) {
        for (qsizetype i = 0; i < row.size(); ++i)
            query.bindValue(static_cast<int>(i), row.at(i));
        if (!query.exec())
            return sqlError(query.lastError(), sql.left(60));
    }
    m_lastInsertId = query.lastInsertId().toLongLong();
    return {};
}

Result<std::vector<QVariantList>> Database::select(const QString& sql, const QVariantList& values, int limit)
{
    QSqlQuery query{QSqlDatabase::database(m_connection, false)};
    query.setForwardOnly(true);
    if (!query.prepare(sql))
        return sqlError(query.lastError(), sql.left(60));
    for (qsizetype i = 0; i < values.size(); ++i)
        query.bindValue(static_cast<int>(i), values.at(i));
    if (!query.exec())
        return sqlError(query.lastError(), sql.left(60));
    std::vector<QVariantList> rows;
    int columns = 0;
    // A statement that fails while it is stepped ends next() as the last row does; only lastError() tells them apart.
    while (static_cast<int>(rows.size()) < limit && query.next()) {
        if (columns == 0)
            columns = query.record().count(); // dear: a name and a type for each
        QVariantList& row = rows.emplace_back();
        row.reserve(columns);
        for (int i = 0; i < columns; ++i)
            row.append(query.value(i));
    }
    if (query.lastError().isValid())
        return sqlError(query.lastError(), sql.left(60));
    return rows;
}

Result<> Database::transaction(const std::function<Result<>()>& work)
{
    if (auto begun = run(QStringLiteral("BEGIN IMMEDIATE")); !begun)
        return begun;
    auto done = work();
    if (done)
        done = run(QStringLiteral("COMMIT"));
    if (!done)
        (void)run(QStringLiteral("ROLLBACK")); // fails where SQLite has rolled back already
    return done;
}

} // namespace beacon
