// Reads the Sensor's document and says what is wrong with it: a part of sensor_document.h.

#include "core/base/address.h"
#include "core/instrument/schema_faults.h"
#include "service/sensor/sensor_document.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace beacon {

namespace {

using K = QLatin1StringView;
using How = AttachmentSpec::How;
using Type = SensorInterface::Type;

constexpr qint64 kLeastMemory = 4LL * 1024 * 1024; ///< below it no program of ours starts

QString quoted(const QString& text)
{
    constexpr qsizetype kMost = 60;
    QString shown;
    for (const QChar c : text.left(kMost))
        shown += c.isPrint() ? QString{c} : QStringLiteral("\\u%1").arg(c.unicode(), 4, 16, QLatin1Char('0'));
    return QLatin1Char('"') + shown + (text.size() > kMost ? QStringLiteral("…\"") : QStringLiteral("\""));
}

QStringList textsOf(const QJsonValue& value)
{
    QStringList texts;
    const QJsonArray array = value.toArray();
    for (const auto& each : array)
        texts.append(each.toString());
    return texts;
}

struct Network {
    IpAddress address;
    unsigned length = 0;

    [[nodiscard]] unsigned bits() const { return address.family() == Family::Ipv4 ? 32 : 128; }
    [[nodiscard]] bool holds(const IpAddress& other) const
    {
        if (other.family() != address.family())
            return false;
        for (unsigned bit = 0; bit < length; ++bit)
            if (bitOf(other, bit) != bitOf(address, bit))
                return false;
        return true;
    }
    /// Whether the part behind the prefix is all `set`.
    [[nodiscard]] bool restIs(bool set) const
    {
        for (unsigned bit = length; bit < bits(); ++bit)
            if (bitOf(address, bit) != set)
                return false;
        return true;
    }

private:
    static bool bitOf(const IpAddress& address, unsigned bit)
    {
        return (address.bytes()[bit / 8] >> (7 - bit % 8) & 1) != 0;
    }
};

std::optional<Network> networkFrom(const QString& text)
{
    const auto slash = text.indexOf(QLatin1Char('/'));
    if (slash < 0)
        return std::nullopt;
    const auto address = IpAddress::parse(text.left(slash).toStdString());
    const std::string digits = text.mid(slash + 1).toStdString();
    Network network;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.length);
    if (!address || error != std::errc{} || end != digits.data() + digits.size() || digits.size() > 3)
        return std::nullopt;
    network.address = *address;
    if (network.length < 1 || network.length > network.bits())
        return std::nullopt;
    return network;
}

/// Any, loopback and group addresses belong to nobody.
bool isHost(const IpAddress& address)
{
    const auto bytes = address.bytes();
    if (address.isAny())
        return false;
    if (address.family() == Family::Ipv4)
        return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
    return bytes[0] != 0xff && address != IpAddress::parse("::1");
}

/// Reads what it can, and says of the rest what is wrong and what to do.
class Reader {
public:
    SensorDocument document;
    std::vector<Fault> faults;

    void read(const QJsonObject& object)
    {
        const QJsonArray interfaces = object.value(K{"interfaces"}).toArray();
        for (qsizetype i = 0; i < interfaces.size() && !full(); ++i)
            interface(interfaces.at(i).toObject(), QStringLiteral("/interfaces/%1/").arg(i));
        const QJsonArray instruments = object.value(K{"instruments"}).toArray();
        for (qsizetype i = 0; i < instruments.size() && !full(); ++i)
            instrument(instruments.at(i).toObject(), QStringLiteral("/instruments/%1/").arg(i));
    }

private:
    [[nodiscard]] bool full() const noexcept { return faults.size() >= Schema::kMaxFaults; }
    void say(const QString& pointer, const QString& text)
    {
        if (!full())
            faults.push_back({pointer, text});
    }

    /// Whether `text` is there and has `form`; what is no text is the schema's to say.
    bool fits(const QString& text, const QRegularExpression& form, const QString& pointer, const QString& like)
    {
        if (text.isEmpty())
            return false;
        const bool good = form.match(text).hasMatch();
        if (!good)
            say(pointer, QStringLiteral("must be %1, but is %2").arg(like, quoted(text)));
        return good;
    }

    /// Whether nobody had it before.
    template <class Key>
    bool isFirst(std::map<Key, QString>& taken, const Key& key, const QString& owner, const QString& pointer,
        const QString& remedy)
    {
        const auto [at, fresh] = taken.emplace(key, owner);
        if (!fresh)
            say(pointer, QStringLiteral("is taken already, by %1; %2").arg(at->second, remedy));
        return fresh;
    }

    void interface(const QJsonObject& object, const QString& pointer)
    {
        static const QRegularExpression kName{QStringLiteral("\\A[a-z][a-z0-9-]{0,31}\\z")};
        static const QRegularExpression kDevice{QStringLiteral("\\A[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,14}\\z")};
        SensorInterface interface;
        interface.name = object.value(K{"name"}).toString();
        interface.device = object.value(K{"device"}).toString();
        const QString type = object.value(K{"type"}).toString();
        interface.type = type == K{"phy"} ? Type::Phy : type == K{"mirror"} ? Type::Mirror : Type::Bridge;
        if (fits(interface.name, kName, pointer + K{"name"},
                QStringLiteral(
                    "a small letter, then small letters, digits and hyphens, at most 32 in all, like plant-a")))
            isFirst(m_names, interface.name, QStringLiteral("another interface"), pointer + K{"name"},
                QStringLiteral("give each a name of its own"));
        if (fits(interface.device, kDevice, pointer + K{"device"},
                QStringLiteral("the name of a network interface of the host, at most 15 characters, like eth1"))) {
            if (interface.device == K{"lo"})
                say(pointer + K{"device"},
                    QStringLiteral("is the host's loopback; name an Ethernet interface, like eth1"));
            else
                isFirst(m_devices, interface.device, QStringLiteral("the interface ") + quoted(interface.name),
                    pointer + K{"device"}, QStringLiteral("a device can be used only once"));
        }
        document.interfaces.push_back(std::move(interface));
    }

    void instrument(const QJsonObject& object, const QString& pointer)
    {
        InstrumentSpec spec;
        spec.name = object.value(K{"name"}).toString();
        if (const auto name = instrumentName(spec.name)) {
            spec.type = name->type;
            spec.number = name->number;
            isFirst(m_instruments, spec.name, QStringLiteral("another Instrument"), pointer + K{"name"},
                QStringLiteral("give each a number of its own"));
        } else if (!spec.name.isEmpty()) {
            say(pointer + K{"name"},
                QStringLiteral("must be a type other than sensor, and a number, like beacon_0, but is %1")
                    .arg(quoted(spec.name)));
        }
        spec.program = object.value(K{"program"}).toString();
        static const QRegularExpression kPath{QStringLiteral("\\A/[^\\x00-\\x1f\\x7f]*[^/\\x00-\\x1f\\x7f]\\z")};
        fits(spec.program, kPath, pointer + K{"program"},
            QStringLiteral("the absolute path of a program, like /usr/bin/beacon-instrument"));
        spec.running = object.value(K{"running"}).toBool(true);
        spec.slot = object.value(K{"slot"}).toInt(-1);
        if (!object.contains(K{"slot"}))
            say(pointer + K{"slot"},
                QStringLiteral("is missing; add a number from 0 to 999 that no other Instrument has"));
        else if (spec.slot >= 0)
            isFirst(m_slots, spec.slot, spec.name, pointer + K{"slot"}, QStringLiteral("give each a slot of its own"));
        spec.memoryBytes = object.value(K{"memory_bytes"}).toInteger();
        spec.processes = object.value(K{"processes"}).toInt();
        if (spec.memoryBytes > 0 && spec.memoryBytes < kLeastMemory)
            say(pointer + K{"memory_bytes"},
                QStringLiteral("must be 0 for the default, or at least %1, but is %2")
                    .arg(kLeastMemory)
                    .arg(spec.memoryBytes));
        const QJsonArray attachments = object.value(K{"interfaces"}).toArray();
        for (qsizetype i = 0; i < attachments.size() && !full(); ++i)
            attachment(attachments.at(i).toObject(), spec, pointer + QStringLiteral("interfaces/%1/").arg(i));
        document.instruments.push_back(std::move(spec));
    }

    void attachment(const QJsonObject& object, InstrumentSpec& spec, const QString& pointer)
    {
        AttachmentSpec attachment;
        attachment.name = object.value(K{"name"}).toString();
        attachment.interface = object.value(K{"interface"}).toString();
        insideName(attachment.name, spec, pointer + K{"name"});
        const SensorInterface* interface = document.interface(attachment.interface);
        if (interface == nullptr && !attachment.interface.isEmpty())
            say(pointer + K{"interface"}, unknownInterface(attachment.interface));
        if (interface != nullptr && interface->type == Type::Phy)
            isFirst(m_whole, attachment.interface, spec.name, pointer + K{"interface"},
                QStringLiteral("a phy interface is given to one Instrument only, and once"));
        const bool mirror = interface != nullptr && interface->type == Type::Mirror;
        const QStringList given = textsOf(object.value(K{"capabilities"}));
        for (const K capability : {K{"rx"}, K{"tx"}})
            if (object.contains(K{"capabilities"}) ? given.contains(capability) : capability == K{"rx"} || !mirror)
                attachment.capabilities.append(capability);
        if (mirror && attachment.canSend())
            say(pointer + K{"capabilities"},
                QStringLiteral("has tx, but %1 is a mirror, which only receives; leave tx out").arg(interface->name));
        if (given == QStringList{K{"tx"}})
            say(pointer + K{"capabilities"}, QStringLiteral("lacks rx: there is no interface that only sends; add it"));
        if (interface != nullptr && interface->type == Type::Phy && given == QStringList{K{"rx"}})
            say(pointer + K{"capabilities"},
                QStringLiteral("lacks tx, but %1 is given whole; add tx, or make it a mirror").arg(interface->name));
        addressing(object, attachment, mirror, pointer);
        spec.interfaces.push_back(std::move(attachment));
    }

    void insideName(const QString& name, const InstrumentSpec& spec, const QString& pointer)
    {
        static const QRegularExpression kForm{QStringLiteral("\\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}\\z")};
        if (!fits(name, kForm, pointer,
                QStringLiteral("letters, digits, dots, hyphens and underscores, at most 15 in all, like eth0")))
            return;
        // "all" and "default" are the kernel's own, beside the names of interfaces (ip-sysctl).
        if (name == K{"lo"} || name == K{"all"} || name == K{"default"})
            say(pointer,
                QStringLiteral("is %1, which every Instrument has already; use another name, like eth0").arg(name));
        else if (std::any_of(spec.interfaces.begin(), spec.interfaces.end(),
                     [&](const AttachmentSpec& each) { return each.name == name; }))
            say(pointer,
                QStringLiteral("is taken already, by another interface of %1; give each a name of its own")
                    .arg(spec.name));
    }

    [[nodiscard]] QString unknownInterface(const QString& name) const
    {
        constexpr std::size_t kMostListed = 16;
        QStringList known;
        for (std::size_t i = 0; i < document.interfaces.size() && i < kMostListed; ++i)
            known.append(document.interfaces[i].name);
        const QString is = QStringLiteral("is %1, which is no interface of this Sensor; ").arg(quoted(name));
        if (known.isEmpty())
            return is + QStringLiteral("add it to /interfaces first");
        return is + QStringLiteral("use one of %1, or add it to /interfaces").arg(known.join(QStringLiteral(", ")));
    }

    void addressing(const QJsonObject& object, AttachmentSpec& attachment, bool mirror, const QString& pointer)
    {
        const QString how = object.value(K{"addressing"}).toString();
        for (const How each : {How::Static, How::Dhcp, How::Slaac})
            if (how == howName(each))
                attachment.addressing = each;
        attachment.addresses = textsOf(object.value(K{"addresses"}));
        attachment.gateways = textsOf(object.value(K{"gateways"}));
        attachment.resolvers = textsOf(object.value(K{"resolvers"}));
        if (mirror && attachment.addressing != How::None)
            say(pointer + K{"addressing"},
                QStringLiteral("is %1, but %2 is a mirror, where nothing can be sent; use none")
                    .arg(how, attachment.interface));
        else if (!attachment.canSend() && (attachment.addressing == How::Dhcp || attachment.addressing == How::Slaac))
            say(pointer + K{"addressing"},
                QStringLiteral("is %1, which has to send, but this interface may only receive; add tx, or use none")
                    .arg(how));
        if (attachment.addressing != How::Static) {
            for (const K key : {K{"addresses"}, K{"gateways"}})
                if (!object.value(key).toArray().isEmpty())
                    say(pointer + key,
                        QStringLiteral("is for static addressing only; leave it out, or set addressing to static"));
        } else if (!mirror) {
            staticAddresses(object.contains(K{"addresses"}), attachment, pointer);
        }
        for (qsizetype i = 0; i < attachment.resolvers.size(); ++i)
            if (const auto address = IpAddress::parse(attachment.resolvers.at(i).toStdString());
                !address || !isHost(*address))
                say(pointer + QStringLiteral("resolvers/%1").arg(i),
                    QStringLiteral("must be the address of a name server, like 198.51.100.1, but is %1")
                        .arg(quoted(attachment.resolvers.at(i))));
    }

    void staticAddresses(bool given, const AttachmentSpec& attachment, const QString& pointer)
    {
        if (attachment.addresses.isEmpty())
            say(pointer + K{"addresses"},
                QStringLiteral("%1; static addressing needs at least one, like 198.51.100.2/24")
                    .arg(given ? QStringLiteral("is empty") : QStringLiteral("is missing")));
        std::vector<Network> networks;
        for (qsizetype i = 0; i < attachment.addresses.size(); ++i) {
            const QString place = pointer + QStringLiteral("addresses/%1").arg(i);
            const auto network = networkFrom(attachment.addresses.at(i));
            if (!network || !isHost(network->address) || isEdge(*network)) {
                say(place,
                    QStringLiteral(
                        "must be the address of a host with its prefix length, like 198.51.100.2/24, but is %1")
                        .arg(quoted(attachment.addresses.at(i))));
                continue;
            }
            networks.push_back(*network);
            isFirst(m_addresses, std::pair{attachment.interface, network->address},
                QStringLiteral("another one on ") + attachment.interface, place,
                QStringLiteral("use an address only once"));
        }
        for (qsizetype i = 0; i < attachment.gateways.size(); ++i)
            gateway(attachment.gateways.at(i), networks, pointer + QStringLiteral("gateways/%1").arg(i));
    }

    /// The network's own address, and the one for broadcasts.
    static bool isEdge(const Network& network)
    {
        return network.address.family() == Family::Ipv4 && network.length < 31
            && (network.restIs(false) || network.restIs(true));
    }

    void gateway(const QString& text, const std::vector<Network>& networks, const QString& place)
    {
        const auto address = IpAddress::parse(text.toStdString());
        const auto edgeOf = [&](const Network& network) {
            return network.holds(*address) && isEdge({*address, network.length});
        };
        if (!address || !isHost(*address) || std::any_of(networks.begin(), networks.end(), edgeOf)) {
            say(place,
                QStringLiteral("must be the address of a gateway, like 198.51.100.1, but is %1").arg(quoted(text)));
            return;
        }
        if (networks.empty())
            return; // of which it has been said why
        const auto same = [&](const Network& network) { return network.address == *address; };
        const bool linkLocal = address->family() == Family::Ipv6 && address->isLinkLocal();
        const auto reaches = [&](const Network& network) {
            return network.holds(*address) || (linkLocal && network.address.family() == Family::Ipv6);
        };
        if (std::any_of(networks.begin(), networks.end(), same))
            say(place, QStringLiteral("is %1, which is its own address; name the gateway's").arg(text));
        else if (std::none_of(networks.begin(), networks.end(), reaches))
            say(place,
                QStringLiteral(
                    "is %1, which is in the network of none of the addresses; name a gateway that can be reached")
                    .arg(text));
    }

    std::map<QString, QString> m_names, m_devices, m_instruments, m_whole;
    std::map<int, QString> m_slots;
    std::map<std::pair<QString, IpAddress>, QString> m_addresses;
};

const Schema& schema()
{
    static const Schema parsed = *Schema::parse(QJsonDocument{sensorSchema()}.toJson()); // a test reads it
    return parsed;
}

} // namespace

std::variant<SensorDocument, std::vector<Fault>> sensorDocumentFrom(const QJsonObject& object)
{
    Reader reader;
    reader.read(object);
    std::vector<Fault> faults = std::move(reader.faults);
    const bool told = !faults.empty();
    for (const Fault& fault : schema().check(object)) {
        // Of one place the sentence for people, where there is one; the schema has no words for what only a pattern's
        // end tells apart ("eth0\n").
        const bool known =
            std::any_of(faults.begin(), faults.end(), [&](const Fault& said) { return said.pointer == fault.pointer; });
        if (!known && !(told && fault.text.startsWith(K{"does not fit the schema"})))
            faults.push_back(fault);
    }
    if (faults.empty())
        return std::move(reader.document);
    std::stable_sort(
        faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.pointer < b.pointer; });
    if (faults.size() > Schema::kMaxFaults)
        faults.resize(Schema::kMaxFaults);
    return faults;
}

} // namespace beacon
