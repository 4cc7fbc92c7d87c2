#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/store/database.h"

#include <QByteArray>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace beacon {

struct LoggedEvent {
    qint64 seq = 0; ///< of the log: rises for ever, over restarts too
    WallTime at{};
    QString type;
    QByteArray json;
};

/// A bounded log of events as JSON text in a SQLite file; the oldest go first.
///
/// Thread:  used only in the thread that opened it; an append takes well under 1 ms, or Options::busyTimeout under a
/// lock. Errors:  every call answers what went wrong with the file, and the next call tries again; nothing here ends
/// the process.
///          After Corrupt the damaged file has been set aside and the next append begins a new one.
class EventLog {
public:
    struct Options {
        qint64 maxRows = 100'000;
        qint64 maxBytes = 256LL * 1024 * 1024;
        std::chrono::milliseconds busyTimeout{200};
    };

    /// Where the file cannot be opened now, the log is made all the same and append() tries again: see lastOpenError().
    EventLog(QString path, Options options);
    explicit EventLog(QString path)
        : EventLog(std::move(path), Options{})
    {
    }
    ~EventLog();

    /// The event's seq.
    [[nodiscard]] Result<qint64> append(WallTime at, const QString& type, const QByteArray& json);

    /// Those with a greater seq, oldest first.
    [[nodiscard]] Result<std::vector<LoggedEvent>> since(qint64 seq, int limit = 1'000);
    [[nodiscard]] Result<qint64> lastSeq(); ///< 0: none yet
    [[nodiscard]] Result<qint64> count();

    [[nodiscard]] const std::optional<Error>& lastOpenError() const noexcept { return m_openError; }
    /// Where a damaged file was put, the last time that happened.
    [[nodiscard]] const std::optional<QString>& setAside() const noexcept { return m_setAside; }

private:
    Result<Database*> database();
    Result<> insert(Database& database, WallTime at, const QString& type, const QByteArray& json);
    Result<> prune(Database& database, qint64 keep);
    void noteFailure(const Error& error);

    QString m_path;
    Options m_options;
    std::unique_ptr<Database> m_database;
    std::optional<Error> m_openError;
    std::optional<QString> m_setAside;
    qint64 m_untilPrune = 0; ///< appends before the bound is looked at again
};

} // namespace beacon
