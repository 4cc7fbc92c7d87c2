// How soon a killed Beacon is back, ours and others'. What is measured is the same for all: from kill(2) of a program
// that lives until its next incarnation's first line is here. Ours reads that line through the Supervisor and its event
// loop, supervisord through itself; s6, runit and daemontools leave the pipe to us. By design, runsv and supervise
// pause for a second where the program has lived less than one, so theirs have lived 1.1 s; s6-supervise pauses for a
// second after every death; supervisord looks at its children once a second.

#include "tests/bench/bench_supervision.h"
#include "tests/bench/figures.h"
#include "tests/bench/spawned.h"

#include "core/supervision/qt_process.h"
#include "core/supervision/supervisor.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QThread>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <unistd.h>

namespace beacon::bench {

namespace {

constexpr int kSamples = 200;
constexpr int kRestarts = 1'000; ///< over which nothing may grow
constexpr int kEarly = 100;
constexpr int kPeerSamples = 20;
constexpr double kGoalMs = 10;
constexpr std::chrono::seconds kPatience{10};

/// That `pid` is or has below itself: a launcher may stand in between. 0: none.
pid_t targetBelow(qint64 pid)
{
    QFile name{QStringLiteral("/proc/%1/comm").arg(pid)};
    if (name.open(QIODevice::ReadOnly) && name.readAll() == "bench_beacon\n")
        return static_cast<pid_t>(pid);
    for (const qint64 child : test::childrenOf(pid))
        if (const pid_t found = targetBelow(child); found != 0)
            return found;
    return 0;
}

class Ours {
public:
    Ours()
        : m_supervisor(std::make_unique<QtProcess>(kLauncher), std::make_unique<QtAlarm>(), m_clock, policy())
    {
        m_supervisor.setCommand({kTarget, {}, {}});
        QObject::connect(&m_supervisor, &Supervisor::output, &m_supervisor, [this](Stream stream) {
            if (stream != Stream::Out || m_lineAt)
                return;
            m_lineAt = nowMs();
            m_supervisor.noteReady();
        });
    }
    bool start()
    {
        m_supervisor.start();
        return waitForLine();
    }
    void stop()
    {
        m_supervisor.stop();
        spinUntil([this] { return m_supervisor.life() == Life::Stopped; }, kPatience);
    }
    /// Milliseconds; nothing: it did not come back.
    std::optional<double> restart()
    {
        const pid_t target = targetBelow(m_supervisor.pid());
        if (target == 0)
            return {};
        m_lineAt.reset();
        const double killed = nowMs();
        if (::kill(target, SIGKILL) != 0 || !waitForLine())
            return {};
        return *m_lineAt - killed;
    }

private:
    static Supervisor::Policy policy()
    {
        Supervisor::Policy policy;
        policy.backoff.healthyAfter = std::chrono::milliseconds{0};
        policy.backoff.loopDeaths = 10 * kRestarts;
        return policy;
    }
    bool waitForLine()
    {
        return spinUntil([this] { return m_lineAt.has_value(); }, kPatience);
    }

    SystemClock m_clock;
    Supervisor m_supervisor;
    std::optional<double> m_lineAt;
};

/// From fork(2) to the target's first line, with nothing of ours but the launcher; or without it.
void launch(const std::vector<std::string>& command, Samples& samples)
{
    const Pipe pipe;
    const double began = nowMs();
    const Spawned launched{command, {.out = pipe.write.get()}};
    if (!firstOf(pipe.read.get()).empty())
        samples.add(nowMs() - began);
}

/// The target under somebody else's supervision.
class Peer {
public:
    Peer(std::string name, const QString& directory, std::vector<std::string> command)
        : m_name(std::move(name))
        , m_directory(directory.toStdString())
        , m_command(std::move(command))
    {
        m_command[0] = findProgram(m_command[0]);
    }
    ~Peer()
    {
        m_supervisor.reset();
        if (m_target > 0)
            ::kill(m_target, SIGKILL); // it would stay
    }
    [[nodiscard]] const std::string& name() const noexcept { return m_name; }
    [[nodiscard]] const Samples& samples() const noexcept { return m_samples; }
    bool start()
    {
        if (m_command[0].empty())
            return false;
        m_supervisor = std::make_unique<Spawned>(m_command, Spawned::Ends{.out = m_pipe.write.get()}, m_directory);
        return waitForTarget();
    }
    void restart()
    {
        const double killed = nowMs();
        if (m_target > 0 && ::kill(m_target, SIGKILL) == 0 && waitForTarget())
            m_samples.add(nowMs() - killed);
    }

private:
    bool waitForTarget()
    {
        const std::string line = firstOf(m_pipe.read.get());
        m_target = line.starts_with("up ") ? static_cast<pid_t>(std::strtol(line.c_str() + 3, nullptr, 10)) : 0;
        return m_target > 0;
    }

    std::string m_name, m_directory;
    std::vector<std::string> m_command;
    Pipe m_pipe;
    std::unique_ptr<Spawned> m_supervisor;
    pid_t m_target = 0;
    Samples m_samples{kPeerSamples};
};

/// A directory with an executable `run`, as three of them want it.
QString serviceDirectory(const QTemporaryDir& root, const char* name)
{
    QString directory = root.filePath(QLatin1StringView(name));
    QDir{}.mkpath(directory);
    QFile::link(QLatin1StringView(kTarget), directory + QStringLiteral("/run"));
    return directory;
}

QString supervisordDirectory(const QTemporaryDir& root)
{
    QString directory = root.filePath(QStringLiteral("supervisord"));
    QDir{}.mkpath(directory);
    QFile file{directory + QStringLiteral("/conf")};
    if (file.open(QIODevice::WriteOnly))
        file.write(QByteArray{"[supervisord]\nnodaemon=true\nsilent=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n"
                              "pidfile=pid\n[program:target]\ncommand="}
            + kTarget + "\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n");
    return directory;
}

} // namespace

bool benchRestarts()
{
    Samples bare{kSamples}, launcher{kSamples}, samples{kSamples};
    Ours ours;
    if (!ours.start())
        return false;
    double earlyKb = 0, earlyDescriptors = 0;
    for (int i = 1; i <= kRestarts; ++i) {
        const auto took = ours.restart();
        if (!took)
            return false;
        if (i <= kSamples) { // by turns: whatever else this machine does disturbs all of them
            samples.add(*took);
            launch({kTarget}, bare);
            launch({kLauncher, "--", kTarget}, launcher);
        }
        if (i == kEarly) {
            earlyKb = static_cast<double>(test::residentKbOf(::getpid()));
            earlyDescriptors = static_cast<double>(test::descriptorsOf(::getpid()));
        }
    }
    row("restart median", samples.median(), "ms");
    row("restart p99", samples.at(0.99), "ms");
    row("fork and exec without a launcher, median", bare.median(), "ms");
    row("launcher's own cost, median", launcher.median(), "ms");
    const double beyond = samples.median() - launcher.median();
    row("restart beyond the launcher's own cost", beyond, "ms", "<= 10", beyond <= kGoalMs);
    const double grownKb = static_cast<double>(test::residentKbOf(::getpid())) - earlyKb;
    const double grown = static_cast<double>(test::descriptorsOf(::getpid())) - earlyDescriptors;
    ours.stop();
    row("resident after 100 restarts", earlyKb, "kB");
    row("resident grown from restart 100 to 1,000", grownKb, "kB", "<= 256", grownKb <= 256);
    row("descriptors after 100 restarts", earlyDescriptors, "descriptors");
    row("descriptors grown from restart 100 to 1,000", grown, "descriptors", "0", grown == 0);
    return true;
}

bool benchPeersRestarts()
{
    const QTemporaryDir root;
    std::vector<std::unique_ptr<Peer>> peers;
    const auto add = [&](const char* name, const QString& directory, std::vector<std::string> command) {
        auto peer = std::make_unique<Peer>(name, directory, std::move(command));
        if (peer->start())
            peers.push_back(std::move(peer));
        else
            std::fprintf(stderr, "%s is not installed or does not start\n", name);
    };
    add("s6-supervise", serviceDirectory(root, "s6"), {"s6-supervise", "."});
    add("runsv", serviceDirectory(root, "runit"), {"runsv", "."});
    add("supervise", serviceDirectory(root, "daemontools"), {"supervise", "."});
    add("supervisord", supervisordDirectory(root), {"supervisord", "-c", "conf"});
    for (int i = 0; i < kPeerSamples; ++i) {
        QThread::msleep(1'100);
        for (const auto& peer : peers)
            peer->restart();
    }
    for (const auto& peer : peers) {
        row("restart median: " + peer->name(), peer->samples().median(), "ms");
        row("restart max: " + peer->name(), peer->samples().at(1), "ms");
    }
    return true;
}

} // namespace beacon::bench
