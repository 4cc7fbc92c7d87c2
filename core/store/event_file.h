#pragma once

#include "core/store/database.h"
#include "core/store/stored_event.h"

#include <QHash>

#include <optional>
#include <vector>

namespace beacon {

/// The SQLite file of an event store, as its writer has it: bounded, the oldest go first.
///
/// Thread:  one thread. Every call may wait for the disk.
/// Errors:  those of Database. After one the file is opened anew at the next call, and a damaged one is set aside then.
/// Ids:     rise for ever, also where all events were deleted or the file was lost: "<path>.ids" holds a number up to
///          which ids may have been given, far ahead, so that it is rarely written.
class EventFile {
public:
    struct Limits {
        qint64 maxRows = 2'000'000;
        qint64 maxBytes = 1024LL * 1024 * 1024; ///< of pages in use
    };
    static constexpr int kStepRows = 500; ///< deleted at once
    static constexpr qint64 kStepBytes = 1024 * 1024; ///< of their texts

    EventFile(QString path, Limits limits);

    [[nodiscard]] Result<> open(); ///< does nothing where it is open
    /// One transaction. Gives each its id, and its text that id; one whose uuid is there gets the id of that one.
    /// Result: which of them are new. `received`: when, by the Sensor's own clock. On error nothing has changed.
    [[nodiscard]] Result<std::vector<bool>> write(std::vector<StoredEvent>& events, WallTime received);
    /// One step towards the bounds. true: there is more to do.
    [[nodiscard]] Result<bool> trim();
    [[nodiscard]] Result<> sync(); ///< what was written survives a loss of power from here on

    [[nodiscard]] qint64 lastId() const noexcept { return m_lastId; } ///< that was ever given; 0: none
    /// Where a damaged file was put; told once.
    [[nodiscard]] std::optional<QString> takeSetAside() { return std::exchange(m_setAside, std::nullopt); }

    /// A number up to which ids may have been given, whatever became of the file.
    [[nodiscard]] static qint64 reservedIds(const QString& path);

private:
    using Names = QHash<QString, qint64>; ///< → id
    [[nodiscard]] Result<> load();
    [[nodiscard]] Result<> reserve(qint64 upTo);
    [[nodiscard]] Result<qint64> idOf(const char* table, Names& names, const QString& name);
    [[nodiscard]] Result<std::vector<bool>> insert(std::vector<StoredEvent>& events, WallTime received);
    [[nodiscard]] Result<std::vector<bool>> settle(std::vector<StoredEvent>& events, qint64 base);
    struct Size {
        qint64 file = 0, used = 0;
    };
    [[nodiscard]] Result<Size> size();
    [[nodiscard]] Result<qint64> endOfStep(bool forBytes);
    [[nodiscard]] Result<bool> trimStep();
    Error noting(Error error);

    QString m_path;
    Limits m_limits;
    std::unique_ptr<Database> m_database;
    std::optional<QString> m_setAside;
    Names m_types, m_sources;
    qint64 m_lastId = 0, m_reserved = 0, m_pageSize = 4096;
    bool m_suspect = false; ///< found damaged: the next open looks closely
};

} // namespace beacon
