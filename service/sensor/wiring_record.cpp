#include "service/sensor/wiring_record.h"

#include "service/sensor/wiring_names.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unistd.h>

namespace beacon {

namespace {

constexpr qint64 kMostBytes = 64 * 1024;
constexpr std::array kTypes = {"phy", "bridge", "mirror"}; // as SegmentSpec::Type

std::string text(const QJsonValue& value)
{
    return value.toString().toStdString();
}

QString text(const std::string& value)
{
    return QString::fromStdString(value);
}

std::optional<SegmentRecord> fromJson(const QJsonObject& json)
{
    SegmentRecord record;
    record.spec.name = text(json[QLatin1StringView{"name"}]);
    record.spec.device = text(json[QLatin1StringView{"device"}]);
    const std::string type = text(json[QLatin1StringView{"type"}]);
    const auto* const known = std::find(kTypes.begin(), kTypes.end(), type);
    if (known == kTypes.end() || !checkNames(record.spec))
        return std::nullopt;
    record.spec.type = static_cast<SegmentSpec::Type>(known - kTypes.begin());
    record.foreign = json[QLatin1StringView{"foreign"}].toBool();
    record.up = json[QLatin1StringView{"up"}].toBool();
    record.promiscuous = json[QLatin1StringView{"promiscuous"}].toBool();
    record.mtu = json[QLatin1StringView{"mtu"}].toInt();
    record.mac = MacAddress::parse(text(json[QLatin1StringView{"mac"}])).value_or(MacAddress{});
    record.permanentMac = MacAddress::parse(text(json[QLatin1StringView{"permanent_mac"}]));
    record.kind = text(json[QLatin1StringView{"kind"}]);
    const QJsonArray offloads = json[QLatin1StringView{"offloads"}].toArray();
    for (const auto& each : offloads)
        record.offloads.push_back(text(QJsonValue{each}));
    record.instrument = text(json[QLatin1StringView{"instrument"}]);
    record.inside = text(json[QLatin1StringView{"inside"}]);
    record.index = json[QLatin1StringView{"index"}].toInt();
    return record;
}

QJsonObject toJson(const SegmentRecord& record)
{
    QJsonArray offloads;
    for (const std::string& each : record.offloads)
        offloads.append(text(each));
    return {{QStringLiteral("name"), text(record.spec.name)}, {QStringLiteral("device"), text(record.spec.device)},
        {QStringLiteral("type"), QLatin1StringView{kTypes.at(static_cast<std::size_t>(record.spec.type))}},
        {QStringLiteral("foreign"), record.foreign}, {QStringLiteral("up"), record.up},
        {QStringLiteral("promiscuous"), record.promiscuous}, {QStringLiteral("mtu"), record.mtu},
        {QStringLiteral("mac"), text(record.mac.text())}, {QStringLiteral("offloads"), offloads},
        {QStringLiteral("permanent_mac"), text(record.permanentMac ? record.permanentMac->text() : std::string{})},
        {QStringLiteral("kind"), text(record.kind)}, {QStringLiteral("instrument"), text(record.instrument)},
        {QStringLiteral("inside"), text(record.inside)}, {QStringLiteral("index"), record.index}};
}

} // namespace

void SegmentRecord::cameAs(const Link& device)
{
    up = device.up;
    promiscuous = device.promiscuous;
    mtu = device.mtu;
    mac = device.mac;
    permanentMac = device.permanentMac;
    kind = device.kind;
}

bool SegmentRecord::fits(const Link& device) const
{
    return device.ethernet && device.kind == kind && device.permanentMac == permanentMac;
}

std::string WiringRecords::pin(const std::string& segment) const
{
    return m_directory + "/segment-" + segment + ".net";
}

std::string WiringRecords::file(const std::string& segment) const
{
    return m_directory + "/segment-" + segment + ".json";
}

std::optional<SegmentRecord> WiringRecords::find(const std::string& segment) const
{
    QFile source{text(file(segment))};
    if (!source.open(QIODevice::ReadOnly))
        return std::nullopt;
    auto record = fromJson(QJsonDocument::fromJson(source.read(kMostBytes)).object());
    return record && record->spec.name == segment ? record : std::nullopt;
}

std::vector<SegmentRecord> WiringRecords::all() const
{
    std::vector<SegmentRecord> records;
    const QString prefix = QStringLiteral("segment-");
    const QString suffix = QStringLiteral(".json");
    const auto names = QDir{text(m_directory)}.entryList({prefix + QLatin1Char('*') + suffix}, QDir::Files, QDir::Name);
    for (const QString& name : names) {
        const QString segment = name.mid(prefix.size(), name.size() - prefix.size() - suffix.size());
        if (auto record = find(segment.toStdString()))
            records.push_back(std::move(*record));
    }
    return records;
}

std::optional<SegmentRecord> WiringRecords::otherOf(const SegmentSpec& segment) const
{
    for (SegmentRecord& each : all()) {
        if (each.spec.name != segment.name && each.spec.device == segment.device)
            return std::move(each);
    }
    return std::nullopt;
}

Result<> WiringRecords::keep(const SegmentRecord& record) const
{
    QSaveFile target{text(file(record.spec.name))};
    const bool written = target.open(QIODevice::WriteOnly)
        && target.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner)
        && target.write(QJsonDocument{toJson(record)}.toJson(QJsonDocument::Compact)) > 0 && target.commit();
    if (!written)
        return Error{Errc::System, 0, "write " + file(record.spec.name) + ": " + target.errorString().toStdString()};
    return {};
}

Result<> WiringRecords::forget(const std::string& segment) const
{
    if (::unlink(file(segment).c_str()) != 0 && errno != ENOENT)
        return systemError("remove " + file(segment));
    return {};
}

Result<> WiringRecords::makeDirectory() const
{
    if (!QDir{}.mkpath(text(m_directory)))
        return Error{Errc::System, 0, "make the directory " + m_directory};
    return {};
}

} // namespace beacon
