#include "service/sensor/sensor_document.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <algorithm>

namespace beacon {

namespace {

using K = QLatin1StringView;

constexpr char kSchema[] =
#include "resources_schema_sensor.inc"
    ;

template <class List> auto* named(List& list, const QString& name)
{
    const auto at = std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
    return at == list.end() ? nullptr : &*at;
}

template <class T> void putInto(std::vector<T>& list, T item)
{
    if (T* there = named(list, item.name))
        *there = std::move(item);
    else
        list.push_back(std::move(item));
}

void insertTexts(QJsonObject& object, K key, const QStringList& texts)
{
    if (!texts.isEmpty())
        object.insert(key, QJsonArray::fromStringList(texts));
}

} // namespace

const QJsonObject& sensorSchema()
{
    static const QJsonObject schema = QJsonDocument::fromJson(kSchema).object();
    return schema;
}

QString typeName(SensorInterface::Type type)
{
    switch (type) {
    case SensorInterface::Type::Phy:
        return QStringLiteral("phy");
    case SensorInterface::Type::Bridge:
        return QStringLiteral("bridge");
    case SensorInterface::Type::Mirror:
        break;
    }
    return QStringLiteral("mirror");
}

QString howName(AttachmentSpec::How how)
{
    switch (how) {
    case AttachmentSpec::How::Static:
        return QStringLiteral("static");
    case AttachmentSpec::How::Dhcp:
        return QStringLiteral("dhcp");
    case AttachmentSpec::How::Slaac:
        return QStringLiteral("slaac");
    case AttachmentSpec::How::None:
        break;
    }
    return QStringLiteral("none");
}

std::optional<InstrumentName> instrumentName(const QString& name)
{
    static const QRegularExpression kForm{QStringLiteral("\\A([a-z][a-z0-9_]{0,31})_(0|[1-9][0-9]{0,8})\\z")};
    const auto match = kForm.match(name);
    if (!match.hasMatch() || !isInstrumentType(match.captured(1)))
        return std::nullopt;
    return InstrumentName{match.captured(1), match.captured(2).toInt()};
}

bool isInstrumentType(const QString& type)
{
    static const QRegularExpression kForm{QStringLiteral("\\A[a-z][a-z0-9_]{0,31}\\z")};
    return kForm.match(type).hasMatch() && type != K{"sensor"}; // whose events would be the Sensor's own
}

const SensorInterface* SensorDocument::interface(const QString& name) const
{
    return named(interfaces, name);
}

const InstrumentSpec* SensorDocument::instrument(const QString& name) const
{
    return named(instruments, name);
}

InstrumentSpec* SensorDocument::instrument(const QString& name)
{
    return named(instruments, name);
}

void SensorDocument::put(InstrumentSpec spec)
{
    putInto(instruments, std::move(spec));
}

void SensorDocument::put(SensorInterface interface)
{
    putInto(interfaces, std::move(interface));
}

bool SensorDocument::removeInstrument(const QString& name)
{
    return std::erase_if(instruments, [&](const InstrumentSpec& spec) { return spec.name == name; }) > 0;
}

bool SensorDocument::removeInterface(const QString& name)
{
    return std::erase_if(interfaces, [&](const SensorInterface& each) { return each.name == name; }) > 0;
}

QStringList SensorDocument::usersOf(const QString& interface) const
{
    QStringList users;
    for (const InstrumentSpec& spec : instruments)
        if (std::any_of(spec.interfaces.begin(), spec.interfaces.end(),
                [&](const AttachmentSpec& each) { return each.interface == interface; }))
            users.append(spec.name);
    return users;
}

int SensorDocument::nextNumber(const QString& type) const
{
    std::set<int> taken;
    for (const InstrumentSpec& spec : instruments)
        if (spec.type == type)
            taken.insert(spec.number);
    int number = 0;
    while (taken.contains(number))
        ++number;
    return number;
}

std::optional<int> SensorDocument::nextSlot(const std::set<int>& taken) const
{
    std::set<int> used = taken;
    for (const InstrumentSpec& spec : instruments)
        used.insert(spec.slot);
    for (int slot = 0; slot <= kMaxSlot; ++slot)
        if (!used.contains(slot))
            return slot;
    return std::nullopt;
}

QString nextInsideName(const InstrumentSpec& spec)
{
    for (int n = 0;; ++n)
        if (QString name = QStringLiteral("eth%1").arg(n); named(spec.interfaces, name) == nullptr)
            return name;
}

QJsonObject toJson(const AttachmentSpec& attachment)
{
    QJsonObject object{{K{"name"}, attachment.name}, {K{"interface"}, attachment.interface},
        {K{"capabilities"}, QJsonArray::fromStringList(attachment.capabilities)},
        {K{"addressing"}, howName(attachment.addressing)}};
    insertTexts(object, K{"addresses"}, attachment.addresses);
    insertTexts(object, K{"gateways"}, attachment.gateways);
    insertTexts(object, K{"resolvers"}, attachment.resolvers);
    return object;
}

QJsonObject toJson(const SensorDocument& document)
{
    QJsonArray interfaces;
    for (const SensorInterface& interface : document.interfaces)
        interfaces.append(QJsonObject{
            {K{"name"}, interface.name}, {K{"type"}, typeName(interface.type)}, {K{"device"}, interface.device}});
    QJsonArray instruments;
    for (const InstrumentSpec& spec : document.instruments) {
        QJsonArray attachments;
        for (const AttachmentSpec& attachment : spec.interfaces)
            attachments.append(toJson(attachment));
        QJsonObject object{{K{"name"}, spec.name}, {K{"program"}, spec.program}, {K{"running"}, spec.running},
            {K{"slot"}, spec.slot}, {K{"interfaces"}, attachments}};
        if (spec.memoryBytes > 0)
            object.insert(K{"memory_bytes"}, spec.memoryBytes);
        if (spec.processes > 0)
            object.insert(K{"processes"}, spec.processes);
        instruments.append(object);
    }
    return {{K{"interfaces"}, interfaces}, {K{"instruments"}, instruments}};
}

} // namespace beacon
