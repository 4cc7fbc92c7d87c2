// The Instrument's supervision beside others': s6, runit, daemontools and supervisor, in the same run. See
// restarts.cpp, lines.cpp and whole_instrument.cpp for what is measured. Words on the command line choose: restarts,
// lines, latency, idle, peers; without any, all of it.

#include "tests/bench/bench_supervision.h"

#include "tests/bench/figures.h"
#include "tests/support/net_fixture.h"

#include <QCoreApplication>
#include <QEventLoop>

#include <cstdio>
#include <cstdlib>

using namespace beacon;

bool bench::spinUntil(const std::function<bool()>& isSo, std::chrono::milliseconds within)
{
    const auto end = std::chrono::steady_clock::now() + within;
    while (!isSo() && std::chrono::steady_clock::now() < end)
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 100);
    return isSo();
}

int main(int argc, char** argv)
{
    QString why;
    if (!test::enterOwnNetwork(why)) {
        std::fprintf(stderr, "cannot measure: %s\n", qPrintable(why));
        return 1;
    }
    QCoreApplication application(argc, argv);
    const QStringList asked = QCoreApplication::arguments().mid(1);
    const auto chosen = [&](const char* word) { return asked.isEmpty() || asked.contains(QLatin1StringView(word)); };
    const auto nothing = [] { return true; };
    const bool peers = chosen("peers");
    bool measured = true;
    double load = 0;
    if (::getloadavg(&load, 1) == 1)
        bench::row(
            "load average at the start", load, "processes"); // the goals are for a machine that does nothing else
    if (chosen("restarts"))
        measured = bench::benchRestarts() && measured;
    if (chosen("lines"))
        measured = bench::benchLines() && measured;
    if (peers)
        measured = bench::benchPeersLines() && measured;
    if (chosen("latency"))
        measured = bench::benchLatency() && measured;
    if (chosen("idle")) // an idle Instrument is not disturbed by peers that mostly wait
        measured = bench::benchIdle(peers ? bench::benchPeersRestarts : nothing) && measured;
    else if (peers)
        measured = bench::benchPeersRestarts() && measured;
    return measured ? 0 : 1;
}
