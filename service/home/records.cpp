#include "service/home/records.h"

#include "core/base/base32.h"
#include "core/escape/technique.h"
#include "core/event/event.h"
#include "service/home/key_copy.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <sodium.h>
#include <sys/stat.h>

namespace beacon {

namespace {

// Times are microseconds since 1970. Labels and carriers stand as in events, so that other tools can read the file.
constexpr const char* kMigrations[] = {
    "CREATE TABLE keys (key_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key BLOB NOT NULL, ranges TEXT NOT NULL,"
    " retired INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
    "CREATE TABLE observations (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, token_id INTEGER NOT NULL, key_id INTEGER"
    " NOT NULL, run INTEGER NOT NULL, n INTEGER NOT NULL, technique INTEGER NOT NULL, flags INTEGER NOT NULL, proto"
    " INTEGER NOT NULL, port INTEGER NOT NULL, path INTEGER NOT NULL, class INTEGER NOT NULL, carrier TEXT NOT NULL,"
    " dst TEXT NOT NULL, egress TEXT NOT NULL, labels INTEGER NOT NULL, confirm INTEGER NOT NULL);"
    "CREATE INDEX observations_at ON observations (at);"
    "CREATE TABLE findings (finding TEXT PRIMARY KEY, key_id INTEGER NOT NULL, technique INTEGER NOT NULL, ipv6 INTEGER"
    " NOT NULL, path INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
    " labels INTEGER NOT NULL, two_way INTEGER NOT NULL, evidence TEXT NOT NULL)"};

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
}

QString hexId(std::uint32_t id)
{
    return QStringLiteral("%1").arg(id, 8, 16, QLatin1Char{'0'});
}

qint64 microseconds(WallTime time)
{
    return time.time_since_epoch().count();
}

WallTime wallTime(const QVariant& value)
{
    return WallTime{std::chrono::microseconds{value.toLongLong()}};
}

QString techniqueName(std::uint8_t number)
{
    const Technique* const technique = findTechnique(number);
    return technique != nullptr ? text(technique->name) : QStringLiteral("Technique%1").arg(number);
}

QJsonArray labelArray(std::uint8_t labels)
{
    QJsonArray names;
    for (const std::string_view name : labelNames(labels))
        names.append(text(name));
    return names;
}

QString familyText(std::uint8_t flags)
{
    return text(familyName((flags & token_flag::kIpv6) != 0 ? Family::Ipv6 : Family::Ipv4));
}

QJsonArray addressArray(const std::vector<IpAddress>& addresses)
{
    QJsonArray texts;
    for (const IpAddress& address : addresses)
        texts.append(text(address.text()));
    return texts;
}

QJsonArray portArray(const Finding& finding)
{
    QJsonArray ports;
    for (const std::uint16_t port : finding.ports)
        ports.append(port);
    return ports;
}

QJsonArray carrierArray(const Finding& finding)
{
    QJsonArray carriers;
    for (const Carrier* const carrier : finding.carriers)
        carriers.append(text(carrier->name));
    return carriers;
}

std::vector<IpAddress> addressesOf(const QJsonValue& texts)
{
    std::vector<IpAddress> addresses;
    for (const QJsonValue& one : texts.toArray()) {
        if (const auto address = IpAddress::parse(one.toString().toStdString()))
            addresses.push_back(*address);
    }
    return addresses;
}

QVariantList rowOf(const Finding& finding)
{
    const QJsonObject evidence{{QStringLiteral("ports"), portArray(finding)},
        {QStringLiteral("targets"), addressArray(finding.targets)},
        {QStringLiteral("egress"), addressArray(finding.egress)}, {QStringLiteral("carriers"), carrierArray(finding)}};
    return {text(finding.key.id()), finding.key.keyId, finding.key.technique, finding.key.family == Family::Ipv6,
        finding.key.path, microseconds(finding.firstSeen), microseconds(finding.lastSeen),
        static_cast<qint64>(finding.count), finding.labels, finding.twoWay,
        QString::fromUtf8(QJsonDocument{evidence}.toJson(QJsonDocument::Compact))};
}

Finding findingOf(const QVariantList& row)
{
    Finding finding;
    finding.key = {row[1].toUInt(), static_cast<std::uint8_t>(row[2].toUInt()),
        row[3].toBool() ? Family::Ipv6 : Family::Ipv4, static_cast<std::uint16_t>(row[4].toUInt())};
    finding.firstSeen = wallTime(row[5]);
    finding.lastSeen = wallTime(row[6]);
    finding.count = finding.reportedCount = row[7].toULongLong();
    finding.labels = static_cast<std::uint8_t>(row[8].toUInt());
    finding.twoWay = row[9].toBool();
    const QJsonObject evidence = QJsonDocument::fromJson(row[10].toByteArray()).object();
    for (const QJsonValue& port : evidence[QLatin1String{"ports"}].toArray())
        finding.ports.push_back(static_cast<std::uint16_t>(port.toInt()));
    finding.targets = addressesOf(evidence[QLatin1String{"targets"}]);
    finding.egress = addressesOf(evidence[QLatin1String{"egress"}]);
    for (const QJsonValue& name : evidence[QLatin1String{"carriers"}].toArray()) {
        if (const Carrier* const carrier = findCarrier(name.toString().toStdString()))
            finding.carriers.push_back(carrier);
    }
    return finding;
}

QVariantList rowOf(const Observation& seen)
{
    const TokenFields& fields = seen.fields;
    return {microseconds(seen.at), static_cast<qint64>(seen.tokenId), fields.keyId, fields.run, fields.counter,
        fields.technique, fields.flags, fields.protocol, fields.port, fields.path, static_cast<int>(seen.tokenClass),
        text(seen.carrier->name), text(seen.destination.text()), text(seen.egress.text()), seen.labels, seen.confirm};
}

Observation observationOf(const QVariantList& row)
{
    Observation seen;
    seen.at = wallTime(row[0]);
    seen.tokenId = static_cast<std::uint64_t>(row[1].toLongLong());
    seen.fields = {.flags = static_cast<std::uint8_t>(row[6].toUInt()),
        .keyId = row[2].toUInt(),
        .run = row[3].toUInt(),
        .counter = row[4].toUInt(),
        .technique = static_cast<std::uint8_t>(row[5].toUInt()),
        .protocol = static_cast<std::uint8_t>(row[7].toUInt()),
        .port = static_cast<std::uint16_t>(row[8].toUInt()),
        .path = static_cast<std::uint16_t>(row[9].toUInt())};
    seen.tokenClass = static_cast<TokenClass>(row[10].toInt());
    seen.carrier = findCarrier(row[11].toString().toStdString());
    seen.destination = IpAddress::parse(row[12].toString().toStdString()).value_or(IpAddress{});
    seen.egress = IpAddress::parse(row[13].toString().toStdString()).value_or(IpAddress{});
    seen.labels = static_cast<std::uint8_t>(row[14].toUInt());
    seen.confirm = row[15].toBool();
    return seen;
}

} // namespace

QJsonObject toJson(const Observation& seen)
{
    const TokenFields& fields = seen.fields;
    QJsonObject object{{QStringLiteral("at"), toUnixSeconds(seen.at)},
        {QStringLiteral("class"), text(className(seen.tokenClass))},
        {QStringLiteral("carrier"), seen.carrier != nullptr ? text(seen.carrier->name) : QString{}},
        {QStringLiteral("technique"), techniqueName(fields.technique)},
        {QStringLiteral("family"), familyText(fields.flags)}, {QStringLiteral("proto"), fields.protocol},
        {QStringLiteral("dst"), text(seen.destination.text())}, {QStringLiteral("egress"), text(seen.egress.text())},
        {QStringLiteral("key_id"), hexId(fields.keyId)}, {QStringLiteral("run"), static_cast<qint64>(fields.run)},
        {QStringLiteral("n"), static_cast<qint64>(fields.counter)}, {QStringLiteral("labels"), labelArray(seen.labels)},
        {QStringLiteral("confirm"), seen.confirm}};
    if (fields.port != 0)
        object.insert(QStringLiteral("port"), fields.port);
    return object;
}

QJsonObject toJson(const Finding& finding)
{
    return {{QStringLiteral("finding"), text(finding.key.id())}, {QStringLiteral("key_id"), hexId(finding.key.keyId)},
        {QStringLiteral("technique"), techniqueName(finding.key.technique)},
        {QStringLiteral("carrier"), carrierArray(finding)},
        {QStringLiteral("family"), text(familyName(finding.key.family))},
        {QStringLiteral("path"), QStringLiteral("%1").arg(finding.key.path, 4, 16, QLatin1Char{'0'})},
        {QStringLiteral("ports"), portArray(finding)}, {QStringLiteral("targets"), addressArray(finding.targets)},
        {QStringLiteral("egress"), addressArray(finding.egress)},
        {QStringLiteral("first_seen"), toUnixSeconds(finding.firstSeen)},
        {QStringLiteral("last_seen"), toUnixSeconds(finding.lastSeen)},
        {QStringLiteral("count"), static_cast<qint64>(finding.count)},
        {QStringLiteral("labels"), labelArray(finding.labels)}, {QStringLiteral("two_way"), finding.twoWay}};
}

Result<Records> Records::open(const std::string& path, bool readOnly)
{
    Database::Options options;
    options.readOnly = readOnly;
    const std::string directory = path.substr(0, path.rfind('/'));
    if (!readOnly && !directory.empty() && directory != path)
        ::mkdir(directory.c_str(), 0700); // where that fails, opening says why
    auto database = Database::open(QString::fromStdString(path), kMigrations, options);
    if (!database)
        return database.error();
    if (!readOnly) {
        if ((*database)->setAside()) {
            if (const auto restored = restoreKeyCopy(**database, path); !restored)
                return restored.error();
        } else if (const auto copied = writeKeyCopy(**database, path); !copied) {
            return copied.error();
        }
    }
    return Records{std::move(*database), path};
}

Result<std::vector<KeyEntry>> Records::keys()
{
    const auto rows = m_database->select(QStringLiteral("SELECT key_id, name, key, ranges, retired FROM keys"));
    if (!rows)
        return rows.error();
    std::vector<KeyEntry> entries;
    for (const QVariantList& row : *rows) {
        QByteArray raw = row[2].toByteArray();
        MasterKey master{};
        if (raw.size() != static_cast<qsizetype>(master.size()))
            return Error{Errc::Corrupt, 0, "key " + row[1].toString().toStdString() + " in the database"};
        std::copy_n(reinterpret_cast<const Byte*>(raw.constData()), master.size(), master.begin());
        KeyEntry entry{row[0].toUInt(), row[1].toString().toStdString(), TokenKey{master}, row[4].toBool(), {}};
        sodium_memzero(raw.data(), static_cast<std::size_t>(raw.size()));
        sodium_memzero(master.data(), master.size());
        for (const QString& range : row[3].toString().split(QLatin1Char{' '}, Qt::SkipEmptyParts)) {
            if (const auto parsed = IpRange::parse(range.toStdString()))
                entry.ranges.push_back(*parsed);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<> Records::addKey(const Identity& identity)
{
    const auto taken = m_database->select(QStringLiteral("SELECT 1 FROM keys WHERE name = ? OR key_id = ?"),
        {QString::fromStdString(identity.name), identity.keyId});
    if (!taken)
        return taken.error();
    if (!taken->empty())
        return Error{
            Errc::Busy, 0, "a Beacon named " + identity.name + " has an identity already; choose another name"};
    QStringList ranges;
    for (const std::string& range : identity.ranges)
        ranges << QString::fromStdString(range);
    const QByteArray key{
        reinterpret_cast<const char*>(identity.key.data()), static_cast<qsizetype>(identity.key.size())};
    const auto added = m_database->run(
        QStringLiteral("INSERT INTO keys (key_id, name, key, ranges, created) VALUES (?, ?, ?, ?, ?)"),
        {identity.keyId, QString::fromStdString(identity.name), key,
            ranges.isEmpty() ? QStringLiteral("") : ranges.join(QLatin1Char{' '}), microseconds(SystemClock{}.wall())});
    return added ? writeKeyCopy(*m_database, m_path) : added;
}

Result<> Records::write(const std::vector<Observation>& observations, const std::vector<Finding>& findings)
{
    std::vector<QVariantList> seen, found;
    for (const Observation& observation : observations)
        seen.push_back(rowOf(observation));
    for (const Finding& finding : findings)
        found.push_back(rowOf(finding));
    const auto written = m_database->transaction([&]() -> Result<> {
        auto done =
            m_database->runMany(QStringLiteral("INSERT INTO observations (at, token_id, key_id, run, n, technique,"
                                               " flags, proto, port, path, class, carrier, dst, egress, labels, "
                                               "confirm) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
                seen);
        if (!done)
            return done;
        return m_database->runMany(
            QStringLiteral("INSERT OR REPLACE INTO findings VALUES (?,?,?,?,?,?,?,?,?,?,?)"), found);
    });
    if (!written)
        return written;
    m_untilPrune -= static_cast<qint64>(observations.size());
    return m_untilPrune < 0 ? prune() : Result<>{};
}

Result<> Records::prune()
{
    m_untilPrune = 1'000;
    return m_database->run(
        QStringLiteral("DELETE FROM observations WHERE id <= (SELECT MAX(id) FROM observations) - ?"),
        {kMaxObservations});
}

Result<std::vector<Finding>> Records::findings()
{
    const auto rows =
        m_database->select(QStringLiteral("SELECT finding, key_id, technique, ipv6, path, first_seen, last_seen,"
                                          " count, labels, two_way, evidence FROM findings ORDER BY first_seen"),
            {}, Findings::kMaxFindings);
    if (!rows)
        return rows.error();
    std::vector<Finding> all;
    for (const QVariantList& row : *rows)
        all.push_back(findingOf(row));
    return all;
}

Result<std::vector<Observation>> Records::observations(WallTime since, int limit)
{
    const auto rows =
        m_database->select(QStringLiteral("SELECT * FROM (SELECT at, token_id, key_id, run, n, technique, flags,"
                                          " proto, port, path, class, carrier, dst, egress, labels, confirm, id FROM "
                                          "observations WHERE at >= ? ORDER BY id DESC LIMIT ?)"
                                          " ORDER BY id"),
            {microseconds(since), limit}, limit);
    if (!rows)
        return rows.error();
    std::vector<Observation> all;
    for (const QVariantList& row : *rows)
        all.push_back(observationOf(row));
    return all;
}

} // namespace beacon
