#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/platform/messages.h"
#include "core/store/database.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <stop_token>
#include <vector>

namespace beacon {

struct Host {
    QString mac; ///< "02:00:00:00:00:01"
    QStringList addresses; ///< IPv4 and IPv6, at most kMostAddresses, the newest last
    qint64 frames = 0;
    WallTime firstSeen{}, lastSeen{};
};

/// The hosts that were seen, in a SQLite file.
///
/// Thread:  used only in the thread that made it; another thread opens a store of its own on the same file.
/// Errors:  every call says what went wrong with the file, and the next one tries again.
class HostStore {
public:
    static constexpr qsizetype kMostAddresses = 16;
    static constexpr int kStep = 500; ///< rows that one transaction deletes at most
    static constexpr qint64 kMostHosts = 100'000; ///< over it, those not seen for longest go

    explicit HostStore(QString path);
    ~HostStore();

    /// Adds what was seen since the last time.
    [[nodiscard]] Result<> add(const std::vector<Host>& seen);
    /// Seen at `since` or later, the latest first.
    [[nodiscard]] Result<std::vector<Host>> activeSince(WallTime since, int limit);
    [[nodiscard]] Result<qint64> countSince(WallTime since);
    /// Deletes whoever was last seen before `before`, in steps, until `stop` is requested.
    [[nodiscard]] Result<platform::RetentionResult> deleteBefore(WallTime before, const std::stop_token& stop);

private:
    Result<Database*> database();
    Result<> trim(Database& database);
    Result<bool> deleteSteps(WallTime before, const std::stop_token& stop, qint64& deleted);
    QString m_path;
    std::unique_ptr<Database> m_database;
};

} // namespace beacon
