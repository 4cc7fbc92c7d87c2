// How many lines a second one thread takes in: beacon-launch, pipe, QtProcess, LineSplitter, BeaconOutput, and the
// count of a RollUp. The writer is the same for all: in blocks of 64 KiB, which cut lines in two, or with a write(2)
// per line. The peers are what takes lines elsewhere: s6-log, svlogd and multilog with a time stamp on each line, on a
// tmpfs; and cat, which looks at none of them.

#include "tests/bench/bench_supervision.h"
#include "tests/bench/figures.h"
#include "tests/bench/spawned.h"

#include "core/supervision/qt_process.h"
#include "service/instrument/beacon_output.h"
#include "service/instrument/roll_up.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include <memory>
#include <optional>
#include <string>

namespace beacon::bench {

namespace {

constexpr int kLines = 1'000'000;
constexpr int kRounds = 5; ///< of what is compared with cat, by turns
constexpr std::chrono::seconds kPatience{60};
constexpr double kGoal = 400'000;
constexpr double kGoalOfCat = 0.9;

std::vector<std::string> writer(const char* how, const char* kind)
{
    return {kTarget, how, kind, std::to_string(kLines)};
}

struct Taken {
    double perSecond = 0;
    double lost = 0; ///< lines that came in neither as attempts nor as a foreign Beacon's
};

/// From the first output to the process's end.
std::optional<Taken> takeIn(const char* how, const char* kind)
{
    SystemClock clock;
    BeaconOutput output{clock};
    RollUp rollUp;
    QtProcess process{kLauncher};
    std::uint64_t attempts = 0, alive = 0;
    double began = 0, ended = 0;
    QObject::connect(&output, &BeaconOutput::attempt, &output, [&](const AttemptLine& line) {
        ++attempts;
        rollUp.add(line);
    });
    QObject::connect(&output, &BeaconOutput::alive, &output, [&] { ++alive; });
    QObject::connect(&process, &Process::started, &output, &BeaconOutput::begin);
    QObject::connect(&process, &Process::output, &output, [&](Stream stream, const QByteArray& chunk) {
        began = began > 0 ? began : nowMs();
        output.feed(stream, chunk);
    });
    QObject::connect(&process, &Process::exited, &output, [&] {
        output.end();
        ended = nowMs();
    });
    auto command = writer(how, kind);
    process.start({command[0], {command.begin() + 1, command.end()}, {}});
    if (!spinUntil([&] { return ended > 0; }, kPatience) || began <= 0)
        return {};
    const bool ours = output.kind() == BeaconOutput::Kind::Ours;
    return Taken{kLines / ((ended - began) / 1'000), kLines - static_cast<double>(ours ? attempts : alive)};
}

/// The same through another program's stdin; 0: it could not be run.
double takeInWith(std::vector<std::string> command, const char* how, const char* kind, const std::string& directory)
{
    command[0] = findProgram(command[0]);
    if (command[0].empty())
        return 0;
    auto pipe = std::make_unique<Pipe>();
    Spawned reader{command, {.in = pipe->read.get()}, directory};
    const double began = nowMs();
    Spawned source{writer(how, kind), {.out = pipe->write.get()}};
    pipe.reset();
    const bool written = source.wait();
    return reader.wait() && written ? kLines / ((nowMs() - began) / 1'000) : 0;
}

bool blocks(const char* figure, const char* kind)
{
    const auto taken = takeIn("blocks", kind);
    if (!taken)
        return false;
    row(std::string{figure} + ", blocks of 64 KiB", taken->perSecond, "lines/s", ">= 400,000",
        taken->perSecond >= kGoal);
    row(std::string{figure} + ", lost", taken->lost, "lines", "0", taken->lost == 0);
    return true;
}

bool besideCat(const char* figure, const char* kind)
{
    Samples ours, cat, ratios;
    double lost = 0;
    for (int i = 0; i < kRounds; ++i) {
        const auto taken = takeIn("lines", kind);
        const double peer = takeInWith({"cat"}, "lines", kind, "/");
        if (!taken || peer <= 0)
            return false;
        ours.add(taken->perSecond);
        cat.add(peer);
        ratios.add(taken->perSecond / peer);
        lost += taken->lost;
    }
    row(std::string{figure} + ", a write per line", ours.median(), "lines/s");
    row(std::string{figure} + ", a write per line: cat", cat.median(), "lines/s");
    row(std::string{figure} + ", a write per line / cat", ratios.median(), "ratio", ">= 0.9",
        ratios.median() >= kGoalOfCat);
    row(std::string{figure} + ", a write per line, lost", lost, "lines", "0", lost == 0);
    return true;
}

} // namespace

bool benchLines()
{
    return blocks("attempts of 100 bytes", "short") && blocks("attempts as ours writes them", "attempt")
        && blocks("foreign lines of 100 bytes", "foreign") && besideCat("attempts of 100 bytes", "short")
        && besideCat("foreign lines of 100 bytes", "foreign");
}

bool benchPeersLines()
{
    const QTemporaryDir root{QStringLiteral("/dev/shm/bench_supervision-XXXXXX")};
    if (!root.isValid())
        return false;
    const auto directory = [&](const char* name) {
        const QString path = root.filePath(QLatin1StringView(name));
        QDir{}.mkpath(path);
        return path.toStdString();
    };
    const std::string s6 = directory("s6"), runit = directory("runit"), daemontools = directory("daemontools");
    QFile config{QString::fromStdString(runit) + QStringLiteral("/config")};
    if (!config.open(QIODevice::WriteOnly) || config.write("s16777215\nn5\n") < 0)
        return false;
    config.close();
    const auto tell = [](const char* name, double perSecond) {
        if (perSecond > 0)
            row(std::string{"lines of 100 bytes, blocks of 64 KiB: "} + name, perSecond, "lines/s");
        else
            std::fprintf(stderr, "%s is not installed or fails\n", name);
    };
    tell("s6-log", takeInWith({"s6-log", "T", "s16777215", "n5", s6}, "blocks", "foreign", "/"));
    tell("svlogd", takeInWith({"svlogd", "-tt", runit}, "blocks", "foreign", "/"));
    tell("multilog", takeInWith({"multilog", "t", "s16777215", "n5", daemontools}, "blocks", "foreign", "/"));
    return true;
}

} // namespace beacon::bench
