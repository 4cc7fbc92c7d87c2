#include "service/sensor/room_command.h"

#include <QDeadlineTimer>
#include <QFile>
#include <QFileInfo>
#include <QProcess>

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kGuestProcesses = 16;

/// stdout of a program that ends by itself.
Result<QByteArray> output(const QString& program, const QStringList& arguments, const std::string& what)
{
    QProcess process;
    process.setStandardInputFile(QProcess::nullDevice());
    process.start(program, arguments);
    QByteArray out;
    QDeadlineTimer deadline{kRoomWithin};
    while (process.state() != QProcess::NotRunning && !deadline.hasExpired() && out.size() <= kMaxManifestBytes) {
        process.waitForReadyRead(static_cast<int>(deadline.remainingTime()));
        out += process.readAllStandardOutput();
    }
    if (out.size() > kMaxManifestBytes) {
        process.kill();
        process.waitForFinished();
        return Error{Errc::TooLarge, 0, what + ": it says more than " + std::to_string(kMaxManifestBytes) + " bytes"};
    }
    if (process.state() != QProcess::NotRunning
        && !process.waitForFinished(static_cast<int>(deadline.remainingTime()))) {
        process.kill();
        process.waitForFinished();
        return Error{Errc::Timeout, 0, what + " took longer than " + std::to_string(kRoomWithin.count()) + " s"};
    }
    if (process.error() == QProcess::FailedToStart)
        return Error{Errc::NotFound, 0, what + ": " + program.toStdString() + " cannot be started"};
    if (process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0) {
        constexpr qsizetype kMost = 500;
        const QByteArray words = process.readAllStandardError().left(kMost).simplified();
        return Error{Errc::System, 0, what + (words.isEmpty() ? ": it failed" : ": " + words.toStdString())};
    }
    return out + process.readAllStandardOutput();
}

QStringList toQt(const std::vector<std::string>& strings)
{
    QStringList list;
    for (const std::string& string : strings)
        list.append(QString::fromStdString(string));
    return list;
}

std::string bind(const QString& source, const QString& target)
{
    return source.toStdString() + ':' + target.toStdString();
}

/// A room has folders of its own in these places.
bool isCovered(const QString& path)
{
    constexpr std::array kOwn{"/tmp/", "/var/tmp/", "/run/", "/dev/"};
    return std::any_of(
        kOwn.begin(), kOwn.end(), [&](const char* own) { return path.startsWith(QLatin1StringView{own}); });
}

/// The uppermost folder on the way to `path` that others than its owner may not enter, such as /root; empty: none.
QString closedFolder(const QString& path)
{
    for (qsizetype end = path.indexOf(QLatin1Char('/'), 1); end > 0; end = path.indexOf(QLatin1Char('/'), end + 1)) {
        struct stat status { };
        const QString folder = path.left(end);
        if (::stat(QFile::encodeName(folder).constData(), &status) == 0 && (status.st_mode & S_IXOTH) == 0)
            return folder;
    }
    return {};
}

/// Nobody in a room is anybody on the host: a program that the host's root keeps to itself is shown there with the
/// folder that it is in, and nothing beside that.
void show(std::vector<std::string>& options, const QString& program)
{
    const QString folder = QFileInfo{program}.absolutePath();
    const QString closed = closedFolder(folder + QLatin1Char('/'));
    if (!isCovered(folder + QLatin1Char('/')) && !closed.isEmpty()) {
        options.emplace_back("--hide");
        options.push_back(closed.toStdString());
    } else if (!isCovered(folder + QLatin1Char('/'))) {
        return;
    }
    options.emplace_back("--bind");
    options.push_back(bind(folder, folder));
}

} // namespace

std::vector<std::string> roomForGuest(
    const SensorSettings& settings, const InstrumentPaths& paths, const QString& program)
{
    std::vector<std::string> options{"run", "--user-namespace", paths.userNamespace.toStdString(),
        "--network-namespace", paths.networkNamespace.toStdString(), "--processes", std::to_string(kGuestProcesses),
        "--hide", settings.stateDir.toStdString(), "--hide", settings.runtimeDir.toStdString()};
    show(options, program);
    return options;
}

std::vector<std::string> roomForInstrument(
    const SensorSettings& settings, const InstrumentPaths& paths, const RoomLimits& limits)
{
    std::vector<std::string> options{"run", "--user-namespace", paths.userNamespace.toStdString(),
        "--network-namespace", paths.networkNamespace.toStdString(), "--hostname", limits.hostname, "--hide",
        settings.stateDir.toStdString(), "--hide", settings.runtimeDir.toStdString()};
    const auto add = [&](const char* option, const std::string& value) {
        options.emplace_back(option);
        options.push_back(value);
    };
    if (!limits.cgroup.empty())
        add("--cgroup", limits.cgroup);
    if (limits.processes > 0)
        add("--processes", std::to_string(limits.processes));
    add("--bind-writable", bind(paths.run, InstrumentPaths::kRunInside));
    show(options, limits.program);
    for (const auto& [source, name] :
        {std::pair{paths.persistent, "persistent"}, {paths.transient, "transient"}, {paths.incoming, "incoming"}})
        add("--bind-writable", bind(source, InstrumentPaths::kStorageInside + QLatin1StringView{name}));
    add("--bind", bind(paths.resolvers, InstrumentPaths::kResolversInside));
    return options;
}

Result<> makeRoom(const SensorSettings& settings, const InstrumentPaths& paths)
{
    const auto made = output(settings.room,
        {QStringLiteral("make"), QStringLiteral("--user-namespace"), paths.userNamespace, QStringLiteral("--id-base"),
            QString::number(paths.ids.uid), QStringLiteral("--network-namespace"), paths.networkNamespace},
        "make the namespaces of " + paths.run.section(QLatin1Char('/'), -1).toStdString());
    return made ? Result<>{} : made.error();
}

Result<> dropRoom(const SensorSettings& settings, const InstrumentPaths& paths)
{
    return dropPins(settings, {paths.networkNamespace, paths.userNamespace});
}

Result<> dropPins(const SensorSettings& settings, const QStringList& pins)
{
    const auto dropped = output(
        settings.room, QStringList{QStringLiteral("drop")} + pins, "drop " + pins.join(QLatin1Char(' ')).toStdString());
    return dropped ? Result<>{} : dropped.error();
}

Result<QByteArray> askManifest(const SensorSettings& settings, const InstrumentPaths& paths, const QString& program)
{
    QStringList arguments = toQt(roomForGuest(settings, paths, program));
    arguments << QStringLiteral("--parent") << QString::number(::getpid()) << QStringLiteral("--") << program
              << QStringLiteral("--manifest");
    return output(settings.room, arguments, "ask " + program.toStdString() + " for its manifest");
}

} // namespace beacon
