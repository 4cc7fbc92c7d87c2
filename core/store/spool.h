#pragma once

#include "core/base/result.h"
#include "core/store/database.h"

#include <QByteArray>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace beacon {

/// A bounded queue of events in a SQLite file, in two lanes, in the order of their ids.
///
/// Thread:  used only in the thread that made it.
/// Errors:  every call says what went wrong with the file, and the next one tries again (opening it, too). After
/// Corrupt
///          the damaged file has been set aside and a new one is begun.
class Spool {
public:
    struct Options {
        qint64 maxRows = 100'000;
        qint64 maxBytes = 128LL * 1024 * 1024; ///< of the events' text
    };
    struct Entry {
        qint64 id = 0; ///< rises over both lanes, over restarts too
        bool bulk = false;
        QByteArray json;
    };
    Spool(QString path, Options options);
    explicit Spool(QString path)
        : Spool(std::move(path), Options{})
    {
    }
    ~Spool();

    /// The ids of those that had to go for room: the oldest, bulk first.
    [[nodiscard]] Result<std::vector<qint64>> write(const std::vector<Entry>& entries);
    [[nodiscard]] Result<> remove(const std::vector<qint64>& ids);
    /// Those of a lane with a greater id, oldest first.
    [[nodiscard]] Result<std::vector<Entry>> read(bool bulk, qint64 after, int limit);
    [[nodiscard]] Result<qint64> count(bool bulk);
    [[nodiscard]] Result<qint64> lastId(); ///< the highest ever given; 0: none yet

private:
    Result<Database*> database();
    void noteFailure(const Error& error);
    Result<> makeRoom(Database& database, bool bulk, std::vector<qint64>& gone);
    QString m_path;
    Options m_options;
    std::unique_ptr<Database> m_database;
    qint64 m_bytes = 0, m_rows = 0; ///< while it is open
};

} // namespace beacon
