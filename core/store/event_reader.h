#pragma once

#include "core/store/database.h"
#include "core/store/stored_event.h"

#include <QStringList>

#include <memory>
#include <vector>

namespace beacon {

/// Whether one of `matches` is `type`, or is its beginning and a last '*'.
[[nodiscard]] bool typeMatches(const QStringList& matches, const QString& type);

/// Reads the SQLite file of an event store while its writer writes.
///
/// Thread:  one thread. Never waits for the writer; a call costs about a row's read for each row that it returns.
/// Errors:  those of Database; after one the file is opened anew at the next call. NotFound: nothing was ever stored.
class EventReader {
public:
    explicit EventReader(QString path)
        : m_path(std::move(path))
    {
    }

    /// The first `limit` with id > `after`, oldest first, at most about kMostBytes of text: where there are fewer than
    /// `limit`, `whole` says whether that was the end.
    struct Page {
        std::vector<StoredEvent> events;
        bool whole = true;
    };
    static constexpr qint64 kMostBytes = 4 * 1024 * 1024;
    [[nodiscard]] Result<Page> read(qint64 after, const QStringList& matches, int severity, int limit);
    /// The id behind which the newest `count` of those with id <= `upTo` stand. `count` > 0.
    [[nodiscard]] Result<qint64> before(qint64 upTo, const QStringList& matches, int severity, int count);
    [[nodiscard]] Result<qint64> firstId(); ///< 0: there is none
    [[nodiscard]] Result<qint64> lastId(); ///< that was ever given in this file

    void reopen() { m_database.reset(); } ///< another file stands there now

private:
    enum class Order { Oldest, Newest };
    [[nodiscard]] Result<> open();
    [[nodiscard]] Result<qint64> number(const QString& sql);
    [[nodiscard]] Result<std::vector<qint64>> typesOf(const QStringList& matches, bool& all);
    /// At most `limit` ids of `bound` and beyond, in this order.
    [[nodiscard]] Result<std::vector<qint64>> ids(
        Order order, qint64 bound, const QStringList& matches, int severity, int limit);
    [[nodiscard]] Result<Page> rows(const std::vector<qint64>& ids);
    template <class T> [[nodiscard]] Result<T> noting(Result<T> result);

    QString m_path;
    std::unique_ptr<Database> m_database;
};

} // namespace beacon
