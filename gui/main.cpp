#include "core/supervision/unix_signals.h"
#include "gui/cli.h"
#include "gui/print.h"
#include "gui/views/main_window.h"

#include <QApplication>

#include <cstdio>
#include <memory>
#include <sysexits.h>

using namespace beacon;

int main(int argc, char** argv)
{
    const Started started = startProgram(adminProgram(), argc, argv);
    if (!started.values)
        return started.exitCode;
    const auto path = socketPath(*started.values);
    if (!path) {
        std::fprintf(stderr, "beacon-admin: %s.\n", describe(path.error()).c_str());
        return EX_USAGE;
    }
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
