// What a Sensor costs under the load that the design promises: 50 listeners that publish 100 events a second each.
//
//   bench_sensor [SECONDS] [--long]      20 s; --long: 60 s, as the acceptance has it
//
// A real sensord runs 50 busy_instrument in rooms of their own, and one client follows all events through the control
// socket. The peer in the same run: a child writes the same number of events of the same size through 50 socketpairs,
// at the same pace, and a plain loop puts their lines into one SQLite table, a transaction a turn. Both are measured by
// the processor that they take for an event; the peer checks, numbers, acknowledges and delivers nothing.

#include "core/base/unique_fd.h"
#include "core/store/database.h"
#include "tests/bench/figures.h"
#include "tests/support/sensor_load.h"

#include <QCoreApplication>
#include <QTemporaryDir>
#include <QThread>
#include <QVariant>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::bench;
using beacon::test::SensorLoad;

namespace {

constexpr qsizetype kEventBytes = 520; ///< as sensord stores them
constexpr int kTurnMs = 20; ///< the peer's: as sensord commits

double ownCpuSeconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The child: `rate` lines a second into each of `ends`, in steps of 10 ms.
[[noreturn]] void writeLines(const std::vector<int>& ends, int rate, int seconds)
{
    const QByteArray line = QByteArray(kEventBytes - 1, 'x') + '\n';
    const double begun = nowMs();
    int written = 0;
    while (written < rate * seconds) {
        const int due = std::min(rate * seconds, static_cast<int>((nowMs() - begun) * rate / 1e3));
        for (; written < due; ++written)
            for (const int end : ends)
                if (::write(end, line.constData(), static_cast<std::size_t>(line.size())) != line.size())
                    ::_exit(1);
        ::usleep(10'000);
    }
    ::_exit(0);
}

/// Lines of `buffer` as rows; what is left of the last one stays.
void takeLines(QByteArray& buffer, std::vector<QVariantList>& rows)
{
    qsizetype from = 0;
    for (qsizetype end = buffer.indexOf('\n'); end >= 0; end = buffer.indexOf('\n', from)) {
        rows.push_back({buffer.mid(from, end - from)});
        from = end + 1;
    }
    buffer.remove(0, from);
}

/// Processor seconds for an event in the plain loop; 0: it could not be measured.
double peerSecondsPerEvent(const SensorLoad::Plan& plan)
{
    const QTemporaryDir dir;
    constexpr std::array kTable{"CREATE TABLE event(id INTEGER PRIMARY KEY, line BLOB)"};
    const auto database = Database::open(dir.filePath(QStringLiteral("peer.db")), kTable, {});
    std::vector<UniqueFd> ours, theirs;
    std::vector<int> ends;
    for (int i = 0; i < plan.instruments; ++i) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            return 0;
        ours.emplace_back(pair[0]);
        theirs.emplace_back(pair[1]);
        ends.push_back(pair[1]);
    }
    const pid_t child = ::fork();
    if (child == 0)
        writeLines(ends, plan.rate, plan.seconds);
    theirs.clear();
    const double before = ownCpuSeconds();
    const qint64 all = qint64{plan.instruments} * plan.rate * plan.seconds;
    std::vector<QByteArray> buffers(ours.size());
    qint64 stored = 0;
    const double giveUp = nowMs() + (plan.seconds + 30) * 1e3;
    while (database && child > 0 && stored < all && nowMs() < giveUp) {
        QThread::msleep(kTurnMs);
        std::vector<QVariantList> rows;
        for (std::size_t i = 0; i < ours.size(); ++i) {
            char bytes[65'536];
            const ssize_t got = ::recv(ours[i].get(), bytes, sizeof bytes, MSG_DONTWAIT);
            if (got > 0)
                buffers[i].append(bytes, got);
            takeLines(buffers[i], rows);
        }
        const auto kept = (*database)->transaction(
            [&] { return (*database)->runMany(QStringLiteral("INSERT INTO event(line) VALUES(?)"), rows); });
        if (!kept)
            break;
        stored += static_cast<qint64>(rows.size());
    }
    const double spent = ownCpuSeconds() - before;
    ours.clear();
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    return stored == all ? spent / static_cast<double>(all) : 0;
}

int measure(const SensorLoad::Plan& plan)
{
    SensorLoad load{plan};
    if (!load.start() || !load.run()) {
        std::fprintf(stderr, "bench_sensor: %s\n", qPrintable(load.problem()));
        return 1;
    }
    const SensorLoad::Outcome& outcome = load.outcome();
    const auto count = [](qint64 number) { return static_cast<double>(number); };
    const qint64 lost = outcome.published - outcome.stored, missed = outcome.stored - outcome.delivered;
    row("events published", count(outcome.published), "events");
    row("events lost", count(lost), "events", "0", lost == 0);
    row("events stored twice", count(outcome.repeated), "events", "0", outcome.repeated == 0);
    row("events that the follower missed", count(missed), "events", "0", missed == 0);
    row("events that the follower had twice or late", count(outcome.outOfOrder), "events", "0",
        outcome.outOfOrder == 0);
    row("Instruments that were restarted", outcome.restarts, "Instruments", "0", outcome.restarts == 0);
    row("slowest health answer of an Instrument", outcome.slowestHealthMs, "ms", "< 1000",
        outcome.slowestHealthMs < 1'000);
    const double megabytes = count(outcome.peakKb) * 1'024 / 1e6;
    row("sensord, most memory", megabytes, "MB", "< 100", megabytes < 100);
    Samples latencies{outcome.latenciesMs.size()};
    for (const double latency : outcome.latenciesMs)
        latencies.add(latency);
    row("event made to follower, p50", latencies.at(0.5), "ms");
    row("event made to follower, p99", latencies.at(0.99), "ms");
    row("event made to follower, max", latencies.at(1), "ms");
    row("sensord, share of one processor", outcome.cpuShare, "processors", "< 1", outcome.cpuShare < 1);
    load.sensor().end(SIGTERM);

    const double perEvent = outcome.cpuShare / (plan.instruments * plan.rate);
    const double peer = peerSecondsPerEvent(plan);
    if (peer == 0) {
        std::fprintf(stderr, "bench_sensor: the plain loop could not be measured\n");
        return 1;
    }
    row("sensord, processor for an event", perEvent * 1e6, "us");
    row("plain loop into one table, processor for an event", peer * 1e6, "us");
    row("sensord to the plain loop", perEvent / peer, "times");
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    QString why;
    if (!test::enterOwnHost(why)) {
        std::fprintf(stderr, "bench_sensor: %s; run it as root\n", qPrintable(why));
        return 1;
    }
    QCoreApplication application(argc, argv);
    SensorLoad::Plan plan;
    plan.program = QStringLiteral(TARGETS_DIR "/busy_instrument");
    for (int i = 1; i < argc; ++i)
        if (std::strcmp(argv[i], "--long") == 0)
            plan.seconds = 60;
        else if (const long seconds = std::strtol(argv[i], nullptr, 10); seconds > 0 && seconds <= 3'600)
            plan.seconds = static_cast<int>(seconds);
    return measure(plan);
}
