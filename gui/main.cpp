#include "core/supervision/unix_signals.h"
#include "gui/cli.h"
#include "gui/print.h"

#include <QCoreApplication>

#include <cstdio>
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
    QCoreApplication application{argc, argv};
    UnixSignals signals;
    static_cast<void>(signals.start()); // without them the default action ends it just as well
    QObject::connect(&signals, &UnixSignals::terminate, &application, &QCoreApplication::quit);
    AdminLink link{QString::fromStdString(*path)};
    const Print print{link};
    link.start();
    return QCoreApplication::exec();
}
