// A real beacon-instrument on a veth: how long a line takes from the Beacon's write(2) to a client, and what an idle
// minute costs. A wake-up is a voluntary context switch of any of its threads; a line of the Beacon's takes one.

#include "tests/bench/bench_supervision.h"
#include "tests/bench/figures.h"
#include "tests/bench/spawned.h"

#include "core/admin/messages.h"
#include "core/rpc/peer.h"
#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QFile>
#include <QLocalSocket>
#include <QTemporaryDir>
#include <QThread>

#include <csignal>
#include <memory>

namespace beacon::bench {

namespace {

constexpr int kLatencies = 10'000; ///< at 1,000 a second
constexpr double kMinuteMs = 60'000;

/// On an interface of its own, whose name tells the target what to do.
class RunningInstrument {
public:
    explicit RunningInstrument(const char* interface)
        : m_interface(QLatin1StringView(interface))
        , m_program(QLatin1StringView(kInstrument),
              {QStringLiteral("--interface"), m_interface, QStringLiteral("--beacon"), QLatin1StringView(kTarget),
                  QStringLiteral("--runtime-dir"), m_directory.filePath(QStringLiteral("run")),
                  QStringLiteral("--state-dir"), m_directory.filePath(QStringLiteral("state"))})
    {
    }
    bool start()
    {
        return test::ip(QStringLiteral("link add %1 type veth peer name p%1").arg(m_interface))
            && test::ip(QStringLiteral("link set %1 up").arg(m_interface))
            && test::ip(QStringLiteral("link set p%1 up").arg(m_interface)) && m_program.start()
            && spinUntil([this] { return QFile::exists(socketPath()); }, std::chrono::seconds{10});
    }
    [[nodiscard]] QString socketPath() const
    {
        return m_directory.filePath(QStringLiteral("run/%1/admin.sock").arg(m_interface));
    }
    [[nodiscard]] qint64 pid() const { return m_program.pid(); }
    void end() { m_program.end(SIGTERM, 10'000); }

private:
    QTemporaryDir m_directory;
    QString m_interface;
    test::RunningProgram m_program;
};

QByteArray contentOf(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

/// The number behind `key` in a file such as /proc/PID/status; -1: it is not there.
qint64 numberIn(const QString& path, const char* key)
{
    const QByteArray text = contentOf(path);
    const qsizetype at = text.indexOf(key);
    return at < 0
        ? -1
        : text.mid(at + static_cast<qsizetype>(qstrlen(key)), 40).simplified().split(' ').value(0).toLongLong();
}

qint64 wakeUpsOf(qint64 pid)
{
    qint64 sum = 0;
    const QDir threads{QStringLiteral("/proc/%1/task").arg(pid)};
    for (const QString& thread : threads.entryList(QDir::Dirs | QDir::NoDotAndDotDot))
        sum += numberIn(threads.filePath(thread + QStringLiteral("/status")), "\nvoluntary_ctxt_switches:");
    return sum;
}

/// The Beacon's lines as a client gets them.
class Client {
public:
    bool connect(const QString& path)
    {
        auto socket = std::make_unique<QLocalSocket>();
        socket->connectToServer(path);
        if (!socket->waitForConnected(1'000))
            return false;
        m_peer = std::make_unique<rpc::Peer>(std::move(socket));
        QObject::connect(
            m_peer.get(), &rpc::Peer::notified, m_peer.get(), [this](const QString& method, const QJsonObject& params) {
                if (method == admin::kEventsMethod)
                    take(params.value(QStringLiteral("attempts")).toArray());
            });
        const auto ignore = [](const auto&) {};
        m_peer->call(admin::kHelloMethod, {{QStringLiteral("protocol"), admin::kProtocol}}, ignore);
        m_peer->call(admin::kSubscribeMethod, admin::toJson(admin::Subscription{}), ignore);
        return true;
    }
    [[nodiscard]] std::size_t taken() const noexcept { return m_latencies.size(); }
    [[nodiscard]] const Samples& latencies() const noexcept { return m_latencies; }
    [[nodiscard]] double missed() const noexcept { return m_missed; }

private:
    void take(const QJsonArray& attempts)
    {
        const double now = nowMs();
        for (const auto& attempt : attempts) {
            m_latencies.add(now - attempt[QStringLiteral("reason")].toString().toDouble() / 1e6);
            const double n = attempt[QStringLiteral("n")].toDouble();
            m_missed += m_lastN > 0 ? n - m_lastN - 1 : 0;
            m_lastN = n;
        }
    }

    std::unique_ptr<rpc::Peer> m_peer;
    Samples m_latencies{2 * kLatencies};
    double m_lastN = 0, m_missed = 0;
};

/// Counts system calls while it lives, of an Instrument of its own: to be traced is to be woken.
class Traced {
public:
    bool start()
    {
        if (!m_instrument.start())
            return false;
        QThread::sleep(65); // what happens once, in the first minute, is over
        m_strace = std::make_unique<Spawned>(
            std::vector<std::string>{findProgram("strace"), "-f", "-c", "-U", "calls,name", "-o",
                m_report.path().toStdString() + "/report", "-p", std::to_string(m_instrument.pid())},
            Spawned::Ends{});
        return true;
    }
    void tell(double minutes)
    {
        ::kill(m_strace->pid(), SIGINT);
        m_strace->wait();
        const QList<QByteArray> lines = contentOf(m_report.filePath(QStringLiteral("report"))).split('\n');
        for (const QByteArray& line : lines) // "   16 poll", and "  120 total" at the end
            if (const QList<QByteArray> words = line.simplified().split(' ');
                words.size() == 2 && (words[1] == "total" || words[1] == "poll" || words[1] == "ppoll"))
                row("idle: system calls by strace, " + words[1].toStdString(), words[0].toDouble() / minutes, "1/min");
        if (lines.size() < 2)
            std::fputs("strace is not installed or may not trace\n", stderr);
        m_instrument.end();
    }

private:
    QTemporaryDir m_report;
    RunningInstrument m_instrument{"idle1"};
    std::unique_ptr<Spawned> m_strace;
};

} // namespace

bool benchLatency()
{
    RunningInstrument instrument{"paced0"};
    Client client;
    if (!instrument.start() || !client.connect(instrument.socketPath()))
        return false;
    const double began = nowMs();
    if (!spinUntil([&] { return client.taken() >= kLatencies; }, std::chrono::seconds{30}))
        return false;
    const double rate = static_cast<double>(client.taken()) / ((nowMs() - began) / 1'000);
    row("lines to a client", rate, "lines/s", ">= 990", rate >= 990);
    row("lines to a client, missed", client.missed(), "lines", "0", client.missed() == 0);
    row("Beacon's write to client, p50", client.latencies().median(), "ms");
    row("Beacon's write to client, p99", client.latencies().at(0.99), "ms", "< 2", client.latencies().at(0.99) < 2);
    row("Beacon's write to client, max", client.latencies().at(1), "ms");
    instrument.end();
    return true;
}

bool benchIdle(bool (*meanwhile)())
{
    RunningInstrument instrument{"idle0"};
    Traced traced;
    if (!instrument.start() || !traced.start())
        return false;
    const qint64 before = wakeUpsOf(instrument.pid());
    const double began = nowMs();
    if (!meanwhile())
        return false;
    if (const double left = kMinuteMs - (nowMs() - began); left > 0)
        QThread::msleep(static_cast<unsigned long>(left));
    const double minutes = (nowMs() - began) / kMinuteMs;
    const double wakeUps = static_cast<double>(wakeUpsOf(instrument.pid()) - before) / minutes;
    constexpr double kLines = 6; // a minute
    row("idle: wake-ups, those for the Beacon's 6 lines among them", wakeUps, "1/min");
    row("idle: wake-ups of our own", wakeUps - kLines, "1/min", "<= 6", wakeUps - kLines <= 6);
    const double dirtyMb =
        static_cast<double>(numberIn(QStringLiteral("/proc/%1/smaps_rollup").arg(instrument.pid()), "\nPrivate_Dirty:"))
        / 1'024;
    row("idle: Private_Dirty", dirtyMb, "MB", "< 4", dirtyMb >= 0 && dirtyMb < 4);
    traced.tell(minutes);
    instrument.end();
    return true;
}

} // namespace beacon::bench
