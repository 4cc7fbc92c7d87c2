// What the Documents give back: a part of documents.h.

#include "core/store/database.h"
#include "service/sensor/documents.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <utility>

namespace beacon {

namespace {

std::vector<Fault> faultsFrom(const QByteArray& text)
{
    std::vector<Fault> faults;
    const QJsonArray list = QJsonDocument::fromJson(text).array();
    for (const auto& each : list)
        faults.push_back({each[QLatin1StringView{"pointer"}].toString(), each[QLatin1StringView{"text"}].toString()});
    return faults;
}

constexpr auto kColumns =
    QLatin1StringView("SELECT version, state, at, uuid, who, why, changed, faults, config FROM documents ");

/// A row of kColumns. Corrupt: its text is no document.
Result<ConfigVersion> versionFrom(const QVariantList& row)
{
    ConfigVersion version;
    version.version = row.at(0).toLongLong();
    version.state = static_cast<ConfigVersion::State>(std::clamp(row.at(1).toInt(), 0, 3));
    version.at = WallTime{std::chrono::microseconds{row.at(2).toLongLong()}};
    version.uuid = QUuid::fromRfc4122(row.at(3).toByteArray());
    version.who = row.at(4).toString();
    version.why = row.at(5).toString();
    const QJsonArray changed = QJsonDocument::fromJson(row.at(6).toString().toUtf8()).array();
    for (const auto& key : changed)
        version.changed.append(key.toString());
    version.faults = faultsFrom(row.at(7).toString().toUtf8());
    const QJsonDocument config = QJsonDocument::fromJson(row.at(8).toString().toUtf8());
    if (!config.isObject())
        return Error{
            Errc::Corrupt, 0, "version " + std::to_string(version.version) + " of the configuration is damaged"};
    version.config = config.object();
    return version;
}

} // namespace

QString stateName(ConfigVersion::State state)
{
    switch (state) {
    case ConfigVersion::State::Waiting:
        return QStringLiteral("waiting");
    case ConfigVersion::State::Current:
        return QStringLiteral("current");
    case ConfigVersion::State::Superseded:
        return QStringLiteral("superseded");
    case ConfigVersion::State::Rejected:
        break;
    }
    return QStringLiteral("rejected");
}

const std::optional<QString>& Documents::setAside() const noexcept
{
    return m_database->setAside();
}

Result<std::optional<ConfigVersion>> Documents::first(const QString& where, const QVariantList& values) const
{
    const auto rows = m_database->select(kColumns + where + QStringLiteral(" LIMIT 1"), values);
    if (!rows)
        return rows.error();
    if (rows->empty())
        return std::optional<ConfigVersion>{};
    auto version = versionFrom(rows->front());
    if (!version)
        return version.error();
    return std::optional{*std::move(version)};
}

Result<std::optional<ConfigVersion>> Documents::desired(const QString& target) const
{
    return first(QStringLiteral("WHERE target = ? AND state IN (0, 1) ORDER BY version DESC"), {target});
}

Result<std::optional<ConfigVersion>> Documents::current(const QString& target) const
{
    return first(QStringLiteral("WHERE target = ? AND state = 1"), {target});
}

Result<std::optional<ConfigVersion>> Documents::at(const QString& target, qint64 version) const
{
    return first(QStringLiteral("WHERE target = ? AND version = ?"), {target, version});
}

Result<std::optional<ConfigVersion>> Documents::before(const QString& target) const
{
    return first(
        QStringLiteral("WHERE target = ? AND state = 2 AND in_force IS NOT NULL AND version > (SELECT floor FROM "
                       "targets WHERE target = ?) AND version < (SELECT version FROM documents WHERE target = ? "
                       "AND state = 1) ORDER BY version DESC"),
        {target, target, target});
}

Result<std::vector<ConfigVersion>> Documents::history(const QString& target, int limit) const
{
    std::vector<ConfigVersion> versions;
    const auto rows = m_database->select(
        QStringLiteral("SELECT version, bytes FROM documents WHERE target = ? ORDER BY version DESC"), {target},
        std::clamp(limit, 0, kMaxVersions));
    if (!rows)
        return rows.error();
    qint64 bytes = 0;
    for (const QVariantList& row : *rows) {
        bytes += row.at(1).toLongLong();
        if (bytes > kMaxReadBytes && !versions.empty())
            break;
        auto version = at(target, row.at(0).toLongLong());
        if (!version && version.error().code != Errc::Corrupt)
            return version.error();
        if (version && *version)
            versions.push_back(**std::move(version));
    }
    return versions;
}

Result<QStringList> Documents::targets() const
{
    const auto rows =
        m_database->select(QStringLiteral("SELECT target FROM targets WHERE forgotten IS NULL ORDER BY target"));
    if (!rows)
        return rows.error();
    QStringList names;
    for (const QVariantList& row : *rows)
        names.append(row.at(0).toString());
    return names;
}

} // namespace beacon
