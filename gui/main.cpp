#include "core/supervision/unix_signals.h"
#include "gui/cli.h"
#include "gui/command.h"
#include "gui/print.h"
#include "gui/views/main_window.h"

#include <QApplication>
#include <QFile>

#include <cstdio>
#include <memory>
#include <sysexits.h>

using namespace beacon;

namespace {

int fail(const Error& error, int exitCode)
{
    std::fprintf(stderr, "beacon-admin: %s.\n", describe(error).c_str());
    return exitCode;
}

int command(int argc, char** argv, const QString& path, const Values& values)
{
    const QCoreApplication application(argc, argv); // a signal ends it by default, and not with 0
    AdminLink link{path};
    const auto& operands = values.operands();
    Command command(link, QString::fromStdString(values.text("command")),
        operands.empty() ? QString() : QFile::decodeName(operands.front().c_str()));
    QObject::connect(&command, &Command::finished, &application, &QCoreApplication::exit, Qt::QueuedConnection);
    link.start();
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char** argv)
{
    const Started started = startProgram(adminProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    if (const auto fits = checkOperands(*started.values); !fits)
        return fail(fits.error(), EX_USAGE);
    const auto path = socketPath(*started.values);
    if (!path)
        return fail(path.error(), path.error().code == Errc::NotFound ? EX_UNAVAILABLE : EX_USAGE);
    if (started.values->given("command"))
        return command(argc, argv, QString::fromStdString(*path), *started.values);
    const bool printing = started.values->flag("print");
    if (!printing && qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY")
        && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) {
        std::fprintf(stderr, "beacon-admin: there is no display for a window; give --print for lines on stdout.\n");
        return EX_UNAVAILABLE;
    }
    const std::unique_ptr<QCoreApplication> application(
        printing ? new QCoreApplication(argc, argv) : new QApplication(argc, argv));
    UnixSignals signals;
    static_cast<void>(signals.start()); // without them the default action ends it just as well
    QObject::connect(&signals, &UnixSignals::terminate, application.get(), &QCoreApplication::quit);
    AdminLink link{QString::fromStdString(*path)};
    std::unique_ptr<Print> print;
    std::unique_ptr<gui::MainWindow> window;
    if (printing) {
        print = std::make_unique<Print>(link);
    } else {
        window = std::make_unique<gui::MainWindow>(link);
        window->show();
    }
    link.start();
    return QCoreApplication::exec();
}
