#include "service/sensor/documents.h"

#include "core/base/json_depth.h"
#include "core/instrument/configuration.h"
#include "core/store/database.h"
#include "service/sensor/plain_text.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

namespace beacon {

namespace {

// `floor`: the last version when it was forgotten; what stands up to it belongs to an earlier life. What is long stands
// last in a row, so that the rest is read without it.
constexpr std::array kMigrations{"CREATE TABLE targets("
                                 " target TEXT PRIMARY KEY, last INTEGER NOT NULL DEFAULT 0,"
                                 " floor INTEGER NOT NULL DEFAULT 0, forgotten INTEGER);"
                                 "CREATE TABLE documents("
                                 " target TEXT NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL,"
                                 " in_force INTEGER, bytes INTEGER NOT NULL, at INTEGER NOT NULL, uuid BLOB NOT NULL,"
                                 " who TEXT NOT NULL, why TEXT NOT NULL, changed TEXT NOT NULL, faults TEXT NOT NULL,"
                                 " config TEXT NOT NULL);"
                                 "CREATE UNIQUE INDEX documents_version ON documents(target, version)"};

enum Stored : int { kWaiting = 0, kCurrent = 1, kSuperseded = 2, kRejected = 3 }; // in the file, for ever

constexpr qsizetype kMaxFaultText = 1'024;

static_assert(Documents::kMaxBytes + 4'096 <= ConfigurationInForce::kMaxBytes, "there is room for an envelope");

Error badInput(const QString& sentence)
{
    return Error{Errc::BadInput, 0, sentence.toStdString()};
}

Error noVersion(const QString& target, qint64 version)
{
    return Error{Errc::NotFound, 0,
        QStringLiteral("the configuration of %1 has no version %2").arg(target).arg(version).toStdString()};
}

QByteArray compact(const QJsonObject& object)
{
    return QJsonDocument{object}.toJson(QJsonDocument::Compact);
}

qint64 micros(WallTime at)
{
    return at.time_since_epoch().count();
}

/// Qt binds a null text as NULL.
QString notNull(const QString& text)
{
    return text.isNull() ? QStringLiteral("") : text;
}

std::vector<Fault> bounded(const std::vector<Fault>& faults)
{
    std::vector<Fault> kept;
    for (const Fault& fault : faults) {
        if (kept.size() >= Schema::kMaxFaults)
            break;
        kept.push_back({fault.pointer.left(kMaxFaultText), oneLine(fault.text, kMaxFaultText)});
    }
    return kept;
}

QByteArray compact(const QJsonArray& array)
{
    return QJsonDocument{array}.toJson(QJsonDocument::Compact);
}

/// Of rows of version, bytes, state and whether it was ever in force, newest first: the newest, the desired, the
/// current one, and the one in force before it.
void keepWhatCounts(const std::vector<QVariantList>& rows, const std::function<void(const QVariantList&)>& keep)
{
    bool newest = true, desired = false, current = false, before = false;
    for (const QVariantList& row : rows) {
        const int state = row.at(2).toInt();
        const bool isCurrent = state == kCurrent;
        const bool isDesired = !desired && (isCurrent || state == kWaiting);
        const bool isBefore = current && !before && state == kSuperseded && row.at(3).toBool();
        if (std::exchange(newest, false) || isDesired || isCurrent || isBefore)
            keep(row);
        desired = desired || isDesired;
        current = current || isCurrent;
        before = before || isBefore;
    }
}

QString staleSentence(const QString& target, qint64 base, const std::optional<ConfigVersion>& now)
{
    if (!now)
        return QStringLiteral(
            "the change was made from version %1 of the configuration of %2, but it has none; make it "
            "from version 0")
            .arg(base)
            .arg(target);
    return QStringLiteral(
        "the change was made from version %1 of the configuration of %2, but version %3 is the newest: "
        "%4 saved it on %5; read that one and make the change again")
        .arg(base)
        .arg(target)
        .arg(now->version)
        .arg(now->who, shortTime(now->at));
}

} // namespace

struct Documents::Draft {
    const QString& target;
    QJsonObject config; ///< as the file will give it back
    QByteArray text;
    std::optional<qint64> base;
    QString who, why;
    const std::vector<Fault>& faults;
};

Documents::Documents(std::unique_ptr<Database> database, const Clock& clock)
    : m_database(std::move(database))
    , m_clock(clock)
    , m_uuids(clock)
{
}

Documents::~Documents() = default;

Result<std::unique_ptr<Documents>> Documents::open(const QString& path, const Clock& clock)
{
    auto database = Database::open(path, kMigrations, {.durable = true});
    if (!database)
        return database.error();
    return std::unique_ptr<Documents>{new Documents(*std::move(database), clock)};
}

Result<Documents::Proposal> Documents::propose(const QString& target, const QJsonObject& config,
    std::optional<qint64> base, const QString& who, const QString& why, const std::vector<Fault>& faults)
{
    if (target.isEmpty() || target.size() > kMaxTarget)
        return badInput(QStringLiteral("the name of what is configured must have 1 to %1 characters").arg(kMaxTarget));
    Draft draft{target, {}, compact(config), base, oneLine(who, who.size()), oneLine(why, why.size()), faults};
    if (draft.text.size() > kMaxBytes)
        return badInput(QStringLiteral("the configuration of %1 is %2 bytes long, but may have %3; make it smaller")
                            .arg(target)
                            .arg(draft.text.size())
                            .arg(kMaxBytes));
    if (jsonDepth({draft.text.data(), static_cast<std::size_t>(draft.text.size())}) > kMaxNesting)
        return badInput(QStringLiteral("the configuration of %1 is nested deeper than %2 levels; flatten it")
                            .arg(target)
                            .arg(kMaxNesting));
    if (draft.who.isEmpty() || draft.who.size() > kMaxWho)
        return badInput(QStringLiteral("who saves the configuration must be said in 1 to %1 characters").arg(kMaxWho));
    if (draft.why.size() > kMaxWhy)
        return badInput(QStringLiteral("the reason is %1 characters long, but may have %2; shorten it")
                            .arg(draft.why.size())
                            .arg(kMaxWhy));
    draft.config = QJsonDocument::fromJson(draft.text).object();
    draft.text = compact(draft.config); // 1.0 and 1 are the same now
    return save(draft);
}

Result<Documents::Proposal> Documents::save(const Draft& draft)
{
    Proposal proposal;
    auto done = m_database->transaction([&]() -> Result<> {
        const auto known = desired(draft.target);
        if (!known && known.error().code != Errc::Corrupt)
            return known.error();
        const std::optional<ConfigVersion> before = known ? *known : std::nullopt;
        if (draft.base && *draft.base != (before ? before->version : 0))
            return Error{Errc::Busy, 0, staleSentence(draft.target, *draft.base, before).toStdString()};
        if (before && draft.faults.empty() && compact(before->config) == draft.text) {
            proposal = {*before, true};
            return {};
        }
        const auto number = nextVersion(draft.target);
        if (!number)
            return number.error();
        ConfigVersion& version = proposal.version;
        version.version = *number;
        version.uuid = m_uuids.next();
        version.at = m_clock.wall();
        version.who = draft.who;
        version.why = draft.why;
        version.state = draft.faults.empty() ? ConfigVersion::State::Waiting : ConfigVersion::State::Rejected;
        version.config = draft.config;
        version.faults = bounded(draft.faults);
        const QByteArray faults = compact(toJson(version.faults));
        version.changed = changedFrom(before ? before->config : QJsonObject{}, draft.config);
        const QByteArray changed =
            QJsonDocument{QJsonArray::fromStringList(version.changed)}.toJson(QJsonDocument::Compact);
        if (auto kept = m_database->run(QStringLiteral("INSERT INTO documents(target, version, state, bytes, at, uuid, "
                                                       "who, why, changed, faults, config) "
                                                       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
                {draft.target, version.version, static_cast<int>(version.state),
                    draft.text.size() + changed.size() + faults.size(), micros(version.at), version.uuid.toRfc4122(),
                    version.who, notNull(version.why), QString::fromUtf8(changed), QString::fromUtf8(faults),
                    QString::fromUtf8(draft.text)});
            !kept)
            return kept;
        return prune(draft.target);
    });
    if (!done)
        return done.error();
    return proposal;
}

Result<qint64> Documents::nextVersion(const QString& target)
{
    auto known = m_database->select(QStringLiteral("SELECT count(*), sum(target = ?) FROM targets"), {target});
    if (!known)
        return known.error();
    if (known->front().at(1).toInt() == 0 && known->front().at(0).toInt() >= kMaxTargets) {
        const auto gone = m_database->select(
            QStringLiteral("SELECT target FROM targets WHERE forgotten IS NOT NULL ORDER BY forgotten LIMIT 1"));
        if (!gone)
            return gone.error();
        if (gone->empty())
            return Error{Errc::TooLarge, 0, "there are configurations for " + std::to_string(kMaxTargets) + " targets"};
        for (const char* table : {"documents", "targets"})
            if (auto done = m_database->run(
                    QStringLiteral("DELETE FROM %1 WHERE target = ?").arg(QLatin1StringView{table}), gone->front());
                !done)
                return done.error();
    }
    if (auto counted =
            m_database->run(QStringLiteral("INSERT INTO targets(target, last) VALUES(?, 1) ON CONFLICT(target) "
                                           "DO UPDATE SET last = last + 1, forgotten = NULL"),
                {target});
        !counted)
        return counted.error();
    const auto row = m_database->select(QStringLiteral("SELECT last FROM targets WHERE target = ?"), {target});
    if (!row)
        return row.error();
    return row->front().at(0).toLongLong();
}

Result<> Documents::prune(const QString& target)
{
    const auto total =
        m_database->select(QStringLiteral("SELECT count(*), sum(bytes) FROM documents WHERE target = ?"), {target});
    if (!total)
        return total.error();
    if (total->front().at(0).toInt() <= kMaxVersions && total->front().at(1).toLongLong() <= kMaxHistoryBytes)
        return {};
    const auto rows = m_database->select(
        QStringLiteral("SELECT version, bytes, state, in_force IS NOT NULL FROM documents WHERE target = ? "
                       "ORDER BY version DESC"),
        {target});
    if (!rows)
        return rows.error();
    int count = 0;
    qint64 bytes = 0;
    std::set<qint64> kept;
    const auto keep = [&](const QVariantList& row) {
        if (kept.insert(row.at(0).toLongLong()).second) {
            ++count;
            bytes += row.at(1).toLongLong();
        }
    };
    keepWhatCounts(*rows, keep);
    for (const QVariantList& row : *rows) {
        if (kept.contains(row.at(0).toLongLong()))
            continue;
        if (count >= kMaxVersions || bytes + row.at(1).toLongLong() > kMaxHistoryBytes)
            break;
        keep(row);
    }
    std::vector<QVariantList> gone;
    for (const QVariantList& row : *rows)
        if (!kept.contains(row.at(0).toLongLong()))
            gone.push_back({target, row.at(0)});
    return m_database->runMany(QStringLiteral("DELETE FROM documents WHERE target = ? AND version = ?"), gone);
}

Result<> Documents::accept(const QString& target, qint64 version)
{
    return m_database->transaction([&]() -> Result<> {
        const auto rows = m_database->select(
            QStringLiteral(
                "SELECT d.state, t.floor, (SELECT max(version) FROM documents WHERE target = d.target AND state "
                "= 1) FROM documents d JOIN targets t USING(target) WHERE target = ? AND version = ?"),
            {target, version});
        if (!rows)
            return rows.error();
        if (rows->empty() || version <= rows->front().at(1).toLongLong())
            return noVersion(target, version);
        const int state = rows->front().at(0).toInt();
        const qint64 inForce = rows->front().at(2).toLongLong();
        if (state == kCurrent)
            return {};
        if (state == kRejected)
            return badInput(
                QStringLiteral("version %1 of the configuration of %2 was refused").arg(version).arg(target));
        if (inForce > version)
            return Error{Errc::Busy, 0,
                QStringLiteral("version %1 of the configuration of %2 is in force")
                    .arg(inForce)
                    .arg(target)
                    .toStdString()};
        if (auto done =
                m_database->run(QStringLiteral("UPDATE documents SET state = 2 WHERE target = ? AND version < ? "
                                               "AND state IN (0, 1)"),
                    {target, version});
            !done)
            return done;
        return m_database->run(
            QStringLiteral("UPDATE documents SET state = 1, in_force = ? WHERE target = ? AND version = ?"),
            {micros(m_clock.wall()), target, version});
    });
}

Result<> Documents::reject(const QString& target, qint64 version, const std::vector<Fault>& faults)
{
    return m_database->transaction([&]() -> Result<> {
        const auto rows = m_database->select(
            QStringLiteral("SELECT state, in_force IS NOT NULL FROM documents WHERE target = ? AND version = ?"),
            {target, version});
        if (!rows)
            return rows.error();
        if (rows->empty())
            return noVersion(target, version);
        if (rows->front().at(0).toInt() == kRejected)
            return {};
        if (rows->front().at(1).toBool())
            return badInput(
                QStringLiteral("version %1 of the configuration of %2 is in force, or was").arg(version).arg(target));
        const QByteArray text = compact(toJson(bounded(faults)));
        return m_database->run(
            QStringLiteral("UPDATE documents SET state = 3, faults = ?, bytes = bytes + ? WHERE target "
                           "= ? AND version = ?"),
            {QString::fromUtf8(text), text.size(), target, version});
    });
}

Result<> Documents::forget(const QString& target)
{
    return m_database->transaction([&]() -> Result<> {
        if (auto done = m_database->run(
                QStringLiteral("UPDATE documents SET state = 2 WHERE target = ? AND state IN (0, 1)"), {target});
            !done)
            return done;
        return m_database->run(QStringLiteral("UPDATE targets SET floor = last, forgotten = ? WHERE target = ?"),
            {micros(m_clock.wall()), target});
    });
}

Result<> Documents::purge(const QString& target)
{
    if (auto forgotten = forget(target); !forgotten)
        return forgotten;
    return m_database->run(QStringLiteral("DELETE FROM documents WHERE target = ?"), {target});
}

} // namespace beacon
