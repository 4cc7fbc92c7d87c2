#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/event/uuid7.h"
#include "core/instrument/schema.h"

#include <QJsonObject>
#include <QString>
#include <QStringList>
#include <QUuid>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace beacon {

class Database;

/// One version of somebody's configuration.
struct ConfigVersion {
    enum class State : std::uint8_t {
        Waiting, ///< saved, but not confirmed by whom it is for
        Current, ///< in force
        Superseded, ///< a later one was confirmed, or its target was removed
        Rejected, ///< never in force; `faults` say why
    };
    qint64 version = 0; ///< from 1
    QUuid uuid; ///< version 7
    WallTime at{};
    QString who, why;
    State state = State::Waiting;
    QJsonObject config; ///< with its secrets
    std::vector<Fault> faults;
    QStringList changed; ///< keys of the first level that differ from what was desired before it, sorted
};

/// "waiting", "current", "superseded" or "rejected".
[[nodiscard]] QString stateName(ConfigVersion::State state);

/// The versioned configuration documents of all targets ("sensor", "beacon_0", …) in one SQLite file, mode 0600.
///
/// Desired is the newest version of a target that is Waiting or Current. Numbers rise per target for ever, also when it
/// was forgotten and comes back. Every change is one transaction on the disk: whoever is killed in it has done all or
/// nothing of it.
///
/// Thread:  used only in the thread that opened it; a call takes an fsync, some ms.
/// Errors:  BadInput: what was given is not acceptable, in one sentence. Busy: it is based on a version that is not the
///          desired one, or a later one is in force. NotFound: no such version. The rest are the file's (Database).
/// Bounds:  kMaxBytes a document, kMaxVersions and kMaxHistoryBytes a target: the oldest go first, but never what is
///          current, nor the one in force before it, nor the desired one. kMaxTargets.
/// Owns:    the connection; borrows the clock.
class Documents {
public:
    static constexpr qsizetype kMaxBytes = 508 * 1024; ///< as text; with its envelope it fits an Instrument's 512 KiB
    static constexpr int kMaxNesting = 31; ///< one less than the envelope may have
    static constexpr qsizetype kMaxWho = 256, kMaxWhy = 1'024, kMaxTarget = 128; ///< UTF-16 units
    static constexpr int kMaxVersions = 1'000;
    static constexpr qint64 kMaxHistoryBytes = 32LL * 1024 * 1024;
    static constexpr qint64 kMaxReadBytes = 8LL * 1024 * 1024; ///< of texts that one history() gives
    static constexpr int kMaxTargets = 4'096; ///< forgotten ones too; the longest forgotten go first

    [[nodiscard]] static Result<std::unique_ptr<Documents>> open(const QString& path, const Clock& clock);
    ~Documents();
    Documents(const Documents&) = delete;
    Documents& operator=(const Documents&) = delete;

    struct Proposal {
        ConfigVersion version; ///< the new one, or the desired one where nothing changed
        bool unchanged = false; ///< nothing was saved
    };
    /// Saves a new version: Waiting, or Rejected at once where it has faults.
    /// `base`: the version that the change was made from, 0 for none; not given: whatever is desired.
    [[nodiscard]] Result<Proposal> propose(const QString& target, const QJsonObject& config, std::optional<qint64> base,
        const QString& who, const QString& why, const std::vector<Fault>& faults = {});
    /// It is in force now; all that came before it is superseded. Busy: a later one is in force.
    [[nodiscard]] Result<> accept(const QString& target, qint64 version);
    /// It was refused. BadInput: it is in force, or was.
    [[nodiscard]] Result<> reject(const QString& target, qint64 version, const std::vector<Fault>& faults);

    [[nodiscard]] Result<std::optional<ConfigVersion>> desired(const QString& target) const;
    [[nodiscard]] Result<std::optional<ConfigVersion>> current(const QString& target) const;
    [[nodiscard]] Result<std::optional<ConfigVersion>> at(const QString& target, qint64 version) const;
    /// The one that was in force before the current one.
    [[nodiscard]] Result<std::optional<ConfigVersion>> before(const QString& target) const;
    /// Newest first, of all that is kept; fewer than `limit` where they are long.
    [[nodiscard]] Result<std::vector<ConfigVersion>> history(const QString& target, int limit) const;

    /// The target was removed: nothing is desired or current any more, its history stays.
    [[nodiscard]] Result<> forget(const QString& target);
    /// The same, and its history goes, secrets and all; numbers go on rising.
    [[nodiscard]] Result<> purge(const QString& target);
    [[nodiscard]] Result<QStringList> targets() const; ///< those that were not forgotten, sorted

    /// Where a damaged file was put when this one was opened; what was in it is lost.
    [[nodiscard]] const std::optional<QString>& setAside() const noexcept;

private:
    Documents(std::unique_ptr<Database> database, const Clock& clock);
    struct Draft;
    [[nodiscard]] Result<Proposal> save(const Draft& draft);
    [[nodiscard]] Result<qint64> nextVersion(const QString& target);
    [[nodiscard]] Result<> prune(const QString& target);
    [[nodiscard]] Result<std::optional<ConfigVersion>> first(const QString& where, const QVariantList& values) const;

    std::unique_ptr<Database> m_database;
    const Clock& m_clock;
    Uuid7 m_uuids;
};

} // namespace beacon
