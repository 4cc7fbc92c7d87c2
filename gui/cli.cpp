#include "gui/cli.h"

#include <QDir>
#include <QFileInfo>
#include <QStringList>

namespace beacon {

namespace {

constexpr Option kOptions[] = {
    {.name = "socket", .where = Where::CommandLine, .value = "PATH", .help = "the Instrument's admin socket"},
    {.name = "name",
        .where = Where::CommandLine,
        .value = "NAME",
        .help = "the Instrument's name, by default its interface; needed where several run on this host"},
    {.name = "print",
        .kind = OptionKind::Flag,
        .where = Where::CommandLine,
        .help = "no window: print everything as JSON lines on stdout"},
    {.name = "command",
        .where = Where::CommandLine,
        .value = "COMMAND",
        .help = "no window: give this command, print the answer and end; FILE is for support-bundle, - is stdout",
        .choices = "start|stop|restart|self-test|support-bundle"},
};

constexpr Program kProgram{
    .name = "beacon-admin",
    .summary = "Shows live what a Beacon attempts, what escaped, and how its Instrument is.",
    .usage = "[FILE]",
    .options = kOptions,
    .maxOperands = 1,
    .notes = "Looks in /run/beacon-instrument and $XDG_RUNTIME_DIR/beacon-instrument. Connects again by itself.\n"
             "Commands are for members of the group beacon-admin. Exit codes of --command: 0; 1 a self-test did not "
             "escape; 69 nobody answers; 75 busy; 77 refused.",
};

/// Both places where an Instrument makes its socket.
QStringList runtimeDirectories()
{
    QStringList directories{QStringLiteral("/run/beacon-instrument")};
    if (const QString user = qEnvironmentVariable("XDG_RUNTIME_DIR"); !user.isEmpty())
        directories << user + QStringLiteral("/beacon-instrument");
    return directories;
}

QStringList socketsOfThisHost()
{
    QStringList sockets;
    for (const QString& directory : runtimeDirectories()) {
        for (const QString& name : QDir{directory}.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
            const QString socket = directory + QLatin1Char{'/'} + name + QStringLiteral("/admin.sock");
            if (QFileInfo::exists(socket))
                sockets << socket;
        }
    }
    return sockets;
}

} // namespace

const Program& adminProgram() noexcept
{
    return kProgram;
}

Result<> checkOperands(const Values& values)
{
    const bool commands = values.given("command");
    if (commands && values.flag("print"))
        return Error{Errc::BadInput, 0, "--command and --print: give one of them"};
    if (!values.operands().empty() && (!commands || values.text("command") != "support-bundle"))
        return Error{Errc::BadInput, 0, "a FILE is for --command support-bundle only"};
    return {};
}

Result<std::string> socketPath(const Values& values)
{
    if (values.given("socket"))
        return values.text("socket");
    if (values.given("name")) {
        const QString name = QString::fromStdString(values.text("name"));
        if (name.contains(QLatin1Char{'/'}))
            return Error{Errc::BadInput, 0, "--name: a name has no '/'; use --socket for a path"};
        for (const QString& directory : runtimeDirectories()) {
            const QString socket = directory + QLatin1Char{'/'} + name + QStringLiteral("/admin.sock");
            if (QFileInfo::exists(socket))
                return socket.toStdString();
        }
        return (runtimeDirectories().first() + QLatin1Char{'/'} + name + QStringLiteral("/admin.sock"))
            .toStdString(); // it may come
    }
    const QStringList sockets = socketsOfThisHost();
    if (sockets.size() == 1)
        return sockets.first().toStdString();
    if (sockets.isEmpty())
        return Error{Errc::NotFound, 0,
            "no Instrument runs on this host; say with --socket PATH or --name NAME which one is meant"};
    return Error{Errc::BadInput, 0,
        "several Instruments run on this host; choose one with --socket: "
            + sockets.join(QStringLiteral(", ")).toStdString()};
}

} // namespace beacon
