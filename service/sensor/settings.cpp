#include "service/sensor/settings.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>
#include <QSysInfo>

#include <array>

namespace beacon {

namespace {

constexpr auto kOptions = std::to_array<Option>({
    {.name = "name", .value = "NAME", .help = "Name of this Sensor in addresses; by default the host's"},
    {.name = "runtime-dir", .value = "DIR", .fallback = "/run/sensor", .help = "For sockets, lock and namespaces"},
    {.name = "state-dir",
        .value = "DIR",
        .fallback = "/var/lib/sensor",
        .help = "For configuration, events, logs and the storage of Instruments"},
    {.name = "programs", .value = "DIR", .help = "Where Instruments are; by default the folder of this program"},
    {.name = "room", .value = "PATH", .help = "sensor-room to start them with; by default the one beside this program"},
    {.name = "dhcp-client",
        .value = "PATH",
        .fallback = "/usr/sbin/udhcpc",
        .help = "udhcpc, for interfaces with dhcp"},
    {.name = "id-base",
        .kind = OptionKind::Number,
        .value = "ID",
        .fallback = "1200000000",
        .help = "First user id of the ranges of 65,536 that Instruments run as; nobody else's",
        .low = 100'000,
        .high = 2'000'000'000},
    {.name = "health",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "Ask the running Sensor how it is: exit 0, or 1 for ERROR, or 69 where nobody answers"},
});

constexpr Program kProgram{
    .name = "sensord",
    .summary = "Runs Instruments, each in a room of its own, and carries what they have to say",
    .options = kOptions,
    .notes = "What it runs, and on which interfaces, is told by sensorctl(1).\n"
             "SIGTERM ends the Instruments, then this program; when it is killed, they end with it.\n"
             "Exit code 75: another Sensor uses this runtime directory.\n",
    .section = 8,
};

QString besideUs(const char* program)
{
    const QFileInfo self{QStringLiteral("/proc/self/exe")};
    return QFileInfo{self.symLinkTarget()}.absolutePath() + QLatin1Char('/') + QLatin1StringView{program};
}

QString absolute(const std::string& path)
{
    return QDir::cleanPath(QFileInfo{QString::fromStdString(path)}.absoluteFilePath());
}

} // namespace

const Program& sensorProgram()
{
    return kProgram;
}

Result<SensorSettings> sensorSettingsFrom(const Values& values)
{
    SensorSettings settings;
    settings.name = values.given("name") ? QString::fromStdString(values.text("name"))
                                         : QSysInfo::machineHostName().section(QLatin1Char('.'), 0, 0).toLower();
    static const QRegularExpression kName{QStringLiteral("\\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\z")};
    if (!kName.match(settings.name).hasMatch())
        return Error{
            Errc::BadInput, 0, "name must be 1 to 63 letters, digits and inner hyphens; give one, as in --name plant7"};
    settings.runtimeDir = absolute(values.text("runtime-dir"));
    settings.stateDir = absolute(values.text("state-dir"));
    settings.room = values.given("room") ? absolute(values.text("room")) : besideUs("sensor-room");
    settings.programs =
        values.given("programs") ? absolute(values.text("programs")) : QFileInfo{besideUs("sensord")}.absolutePath();
    settings.dhcpClient = absolute(values.text("dhcp-client"));
    settings.idBase = static_cast<std::uint32_t>(values.number("id-base"));
    return settings;
}

QString SensorSettings::leaseEvent() const
{
    return QFileInfo{room}.absolutePath() + QStringLiteral("/sensor-lease");
}

} // namespace beacon
