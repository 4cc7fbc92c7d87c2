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

/// An event, or a line of the Beacon, as JSON text.
struct JournalEntry {
    qint64 id = 0; ///< the order of all; in the file it rises over restarts, too
    WallTime at{};
    bool priority = false; ///< bulk goes before it
    bool isEvent = false;
    int severity = 0; ///< of an event
    QString type; ///< of an event
    QByteArray json;
};

/// The journal's SQLite file: what is older than kAge goes, and the oldest where the size asks for it.
///
/// Thread:  used only in the thread that opened it; read() from any, also while another one writes.
/// Errors:  every call says what went wrong with the file, and the next one tries again (opening it, too). After
///          Corrupt the damaged file has been set aside and a new one is begun.
/// Memory:  256 KiB of pages while it is open, no mapping of the file.
class JournalFile {
public:
    static constexpr std::chrono::hours kAge{24};
    static constexpr int kStepRows = 1'000; ///< deleted in one transaction: a few ms
    static constexpr qint64 kBatchBytes = 256 * 1024; ///< of the texts deleted so, and that one write() should bring
    static constexpr qint64 kReadBytes = 32LL * 1024 * 1024; ///< of the texts that one read() gives

    /// `maxBytes`: of the main file; the write-ahead log beside it takes up to 4 MiB.
    JournalFile(QString path, qint64 maxBytes);
    ~JournalFile();

    [[nodiscard]] Result<> open(); ///< where it is not
    /// In one transaction, all or none, with `base` added to each id. An id that is there already is replaced.
    [[nodiscard]] Result<> write(const std::vector<JournalEntry>& entries, qint64 base = 0);
    /// One small step of the deletion that age and size ask for. True: there is more to do.
    /// Only what stands before everything younger goes: a stamp of a wrong clock is no reason to lose its neighbours.
    [[nodiscard]] Result<bool> trim(WallTime now);

    /// The newest `limit` with after < id < before, oldest first.
    [[nodiscard]] static Result<std::vector<JournalEntry>> read(
        const QString& path, qint64 after, qint64 before, int limit);

    /// The last entry at the first open() that succeeded, which must have been; id 0: there was none.
    [[nodiscard]] const JournalEntry& lastBefore() const noexcept { return *m_lastBefore; }
    /// Where a damaged file was put, each time once.
    [[nodiscard]] std::optional<QString> takeSetAside() { return std::exchange(m_setAside, std::nullopt); }

private:
    struct Size {
        qint64 file = 0, used = 0; ///< bytes
    };
    Error noting(Error error);
    Result<Size> size();
    Result<> makeRoom(qint64 bytes);
    Result<bool> trimStep(WallTime now);
    Result<qint64> endOfStep(int most, std::optional<WallTime> limit = {});
    Result<> removeUpTo(qint64 id);

    QString m_path;
    qint64 m_maxBytes;
    qint64 m_pageSize = 4'096;
    std::unique_ptr<Database> m_database;
    std::optional<JournalEntry> m_lastBefore;
    std::optional<QString> m_setAside;
};

} // namespace beacon
