#pragma once

#include "core/base/result.h"

#include <QString>
#include <QVariantList>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace beacon {

/// One connection to one SQLite file: write-ahead log, mode 0600, schema by `PRAGMA user_version`.
///
/// Thread:  used only in the thread that opened it (QSqlDatabase). Waits for a lock up to Options::busyTimeout.
/// Errors:  Busy: locked by somebody else. Corrupt: not a database, or damaged. TooLarge: disk or bound full.
///          Denied: read-only or no right. Unsupported: a newer version's schema. None of them ends the connection.
/// Source:  sqlite.org/wal.html, sqlite.org/rescode.html
class Database {
public:
    struct Options {
        std::chrono::milliseconds busyTimeout{500};
        qint64 maxBytes = 0; ///< of the main file; 0: unbounded
        bool readOnly = false; ///< the file must exist; nothing is migrated or set aside
        bool durable = false; ///< survives a loss of power too, at an fsync a transaction; else a kill only
        bool setAsideCorrupt = true; ///< a damaged file is renamed "<path>.corrupt-<unix time>" and a new one is begun
        bool quickCheck = true; ///< look through the whole file for damage; else it shows when it is met
        std::span<const char* const> pragmas{}; ///< "cache_size = -256"; set before anything is read or made
    };

    /// Step i leads from user_version i to i + 1; each runs once, in a transaction, statements separated by ';'.
    using Migrations = std::span<const char* const>;

    [[nodiscard]] static Result<std::unique_ptr<Database>> open(
        const QString& path, Migrations migrations, Options options);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    /// One statement with `?` placeholders.
    [[nodiscard]] Result<> run(const QString& sql, const QVariantList& values = {});

    /// The same statement for each row, prepared once. Wrap it in transaction() for speed.
    [[nodiscard]] Result<> runMany(const QString& sql, const std::vector<QVariantList>& rows);

    /// At most `limit` rows.
    [[nodiscard]] Result<std::vector<QVariantList>> select(
        const QString& sql, const QVariantList& values = {}, int limit = 1'000'000);

    /// Commits what `work` did, or undoes all of it.
    [[nodiscard]] Result<> transaction(const std::function<Result<>()>& work);

    [[nodiscard]] qint64 lastInsertId() const noexcept { return m_lastInsertId; }

    /// Where a damaged file was put when this one was opened.
    [[nodiscard]] const std::optional<QString>& setAside() const noexcept { return m_setAside; }

private:
    explicit Database(QString connection)
        : m_connection(std::move(connection))
    {
    }
    static Result<std::unique_ptr<Database>> openOnce(
        const QString& path, Migrations migrations, const Options& options);
    Result<> prepare(Migrations migrations, const Options& options);

    QString m_connection;
    qint64 m_lastInsertId = 0;
    std::optional<QString> m_setAside;
};

} // namespace beacon
