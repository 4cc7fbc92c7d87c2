#include "service/sensor/wiring_names.h"

#include <QCryptographicHash>
#include <QFile>
#include <QSysInfo>

#include <algorithm>
#include <linux/if.h>

namespace beacon {

namespace {

constexpr std::size_t kMostNameBytes = 64;

bool isPlain(const std::string& name, std::size_t most)
{
    const auto plain = [](char each) {
        return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9')
            || std::string_view{"._-@+"}.find(each) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= most && name != "." && name != ".." && name.front() != '-'
        && std::all_of(name.begin(), name.end(), plain);
}

Error bad(const std::string& what, const std::string& name)
{
    return Error{Errc::BadInput, 0, '\'' + name.substr(0, kMostNameBytes) + "' is no name of " + what};
}

QByteArray digest(std::initializer_list<std::string> parts)
{
    QCryptographicHash hash{QCryptographicHash::Sha256};
    for (const std::string& part : parts) {
        hash.addData(QByteArray::fromStdString(part));
        hash.addData(QByteArray(1, '\0'));
    }
    return hash.result();
}

MacAddress macFrom(Byte first, const QByteArray& digest)
{
    MacAddress mac;
    mac.bytes[0] = first;
    std::copy_n(digest.begin(), mac.bytes.size() - 1, mac.bytes.begin() + 1);
    return mac;
}

/// The same at every start; two Sensors on one segment are not to give out one address.
std::string hostIdentity()
{
    const QByteArray id = QSysInfo::machineUniqueId();
    return id.isEmpty() ? QSysInfo::machineHostName().toStdString() : id.toStdString();
}

} // namespace

bool isPort(const std::string& device)
{
    return device.compare(0, kPortPrefix.size(), kPortPrefix) == 0;
}

Result<> checkNames(const SegmentSpec& segment)
{
    if (!isPlain(segment.name, kMostNameBytes))
        return bad("an interface of the Sensor", segment.name);
    if (!isPlain(segment.device, IFNAMSIZ - 1) || isPort(segment.device))
        return bad("a device that may be given", segment.device);
    return {};
}

Result<> checkNames(const PlugSpec& plug)
{
    if (!isPlain(plug.instrument, kMostNameBytes))
        return bad("an Instrument", plug.instrument);
    if (!isPlain(plug.name, IFNAMSIZ - 1) || plug.name == "lo" || plug.name == "all" || plug.name == "default")
        return bad("an Instrument's interface", plug.name);
    return {};
}

std::string portName(const PlugSpec& plug)
{
    const std::string digits = digest({plug.instrument, plug.name}).toHex().toStdString();
    return std::string{kPortPrefix} + digits.substr(0, IFNAMSIZ - 1 - kPortPrefix.size());
}

std::string portAlias(const SegmentSpec& segment)
{
    return segment.name + ' ';
}

std::string portAlias(const SegmentSpec& segment, const PlugSpec& plug)
{
    return portAlias(segment) + plug.instrument + '/' + plug.name;
}

MacAddress portMac(const std::string& port)
{
    return macFrom(0xfe, digest({port}));
}

Result<MacAddress> insideMac(
    const SegmentSpec& segment, const PlugSpec& plug, const std::optional<MacAddress>& permanentMac)
{
    if (plug.mac.empty())
        return macFrom(0x02,
            digest({hostIdentity(), permanentMac ? permanentMac->text() : std::string{}, segment.device,
                plug.instrument, plug.name}));
    const auto given = MacAddress::parse(plug.mac);
    if (!given || given->isGroup() || *given == MacAddress{})
        return Error{Errc::BadInput, 0, '\'' + plug.mac.substr(0, kMostNameBytes) + "' is no address of one station"};
    return *given;
}

} // namespace beacon
