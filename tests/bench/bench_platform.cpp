// What the local link between an Instrument and its platform carries, and whether bulk delays what is urgent.
//
// A receiver in a second process (this program again, with --receive SOCKET) answers event.publish as a platform does.
// Paced: 10,000 bulk events/s of 1 kB for 10 s. Saturated: as fast as the outbox takes them, for 5 s. In both, a
// priority event every 10 ms; its latency is from publish() to its arrival. The peer in the same run: the same bytes,
// one JSON object a line, over a plain socketpair to a process that parses them and does nothing else.

#include "core/base/clock.h"
#include "core/event/event_source.h"
#include "core/platform/local_socket_link.h"
#include "core/platform/messages.h"
#include "core/platform/outbox.h"
#include "core/rpc/listener.h"
#include "core/store/spool.h"
#include "tests/bench/figures.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QJsonDocument>
#include <QProcess>
#include <QSet>
#include <QTemporaryDir>
#include <QThread>

#include <algorithm>
#include <cstdio>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon;
using bench::nowMs;
using bench::row;

namespace {

constexpr int kPerSecond = 10'000;
constexpr std::size_t kMostWaiting = 20'000; ///< saturated: the producer waits for the outbox above it

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

int receive(const QString& path)
{
    QSet<QUuid> seen;
    qint64 repeats = 0;
    QJsonArray latencies;
    rpc::Listener listener;
    QObject::connect(&listener, &rpc::Listener::accepted, [&](rpc::Peer* peer) {
        peer->setHandler([&](const QString& method, const QJsonObject& params, rpc::Responder responder) {
            if (method == text("bench.report")) {
                responder.answer(QJsonObject{
                    {text("received"), seen.size()}, {text("repeats"), repeats}, {text("latencies"), latencies}});
                seen.clear();
                repeats = 0;
                latencies = {};
                return;
            }
            QJsonArray ids;
            const QJsonArray events = params.value(text("events")).toArray();
            for (const QJsonValue& event : events) {
                const QString uuid = event[text("uuid")].toString();
                const qsizetype before = seen.size();
                seen.insert(QUuid::fromString(uuid));
                repeats += seen.size() == before ? 1 : 0;
                if (const QJsonValue at = event[text("data")][text("at_ms")]; at.isDouble())
                    latencies.append(nowMs() - at.toDouble());
                ids.append(uuid);
            }
            responder.answer(QJsonObject{{text("ids"), ids}});
        });
    });
    rpc::Listener::Settings settings;
    settings.path = path;
    if (!listener.listen(settings))
        return 1;
    return QCoreApplication::exec(); // killed by the parent
}

class Bench {
public:
    explicit Bench(const QString& dir)
        : m_link(dir + text("/platform.sock"))
        , m_outbox(m_link, std::make_unique<Spool>(dir + text("/spool.db")), {})
    {
        QObject::connect(&m_link, &platform::PlatformLink::up, [this] { m_outbox.resume(); });
        m_link.open();
        m_bulk.insert(text("line"), QString(700, QLatin1Char('x'))); // 1 kB with the envelope
        m_bulk.insert(text("stream"), text("stdout"));
        m_bulk.insert(text("truncated"), false);
    }
    Event bulk() { return m_source.make(EventId::BeaconOutput, text("Beacon output"), m_bulk); }
    bool isUp()
    {
        return until([this] { return m_link.isUp(); }, 5'000);
    }

    /// false: it could not be measured.
    bool run(const char* name, double seconds, bool paced)
    {
        const double began = nowMs();
        qint64 sent = 0, urgent = 0;
        while (nowMs() - began < seconds * 1'000) {
            const double elapsed = nowMs() - began;
            for (int burst = 0; burst < 32
                 && (paced ? static_cast<double>(sent) < elapsed * kPerSecond / 1'000
                           : m_outbox.waiting() < kMostWaiting);
                 ++burst, ++sent)
                m_outbox.publish(bulk());
            if (elapsed > static_cast<double>(urgent) * 10) {
                ++urgent;
                m_outbox.publish(m_source.make(EventId::EscapeSucceeded, text("Leak"), {{text("at_ms"), nowMs()}}));
            }
            QCoreApplication::processEvents();
            if (paced)
                QThread::usleep(200);
        }
        if (!until([this] { return m_outbox.waiting() == 0; }, 30'000))
            std::fprintf(stderr, "%zu events were not acknowledged\n", m_outbox.waiting());
        const double took = (nowMs() - began) / 1'000;
        QJsonObject report;
        m_link.request(text("bench.report"), {}, [&](const platform::Answer& answer) {
            if (const auto* value = std::get_if<QJsonValue>(&answer))
                report = value->toObject();
        });
        if (!until([&] { return !report.isEmpty(); }, 10'000))
            return false;
        tell(name, report, sent, urgent, took, paced);
        return true;
    }
    [[nodiscard]] double rate() const { return m_rate; }

private:
    static bool until(const std::function<bool()>& isSo, int withinMs)
    {
        QElapsedTimer timer;
        timer.start();
        while (!isSo() && timer.elapsed() < withinMs)
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 5);
        return isSo();
    }
    void tell(const char* name, const QJsonObject& report, qint64 sent, qint64 urgent, double took, bool paced)
    {
        std::vector<double> latencies;
        const QJsonArray list = report.value(text("latencies")).toArray();
        for (const QJsonValue& latency : list)
            latencies.push_back(latency.toDouble());
        std::sort(latencies.begin(), latencies.end());
        const auto at = [&](double share) {
            return latencies.empty()
                ? 1e9
                : latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
        };
        m_rate = static_cast<double>(sent + urgent) / took;
        const double lost = static_cast<double>(sent + urgent - report.value(text("received")).toInteger());
        const std::string prefix{name};
        row(prefix + " events/s", m_rate, "1/s", paced ? ">= 9,900" : "none", !paced || m_rate >= 9'900);
        row(prefix + " lost", lost, "events", "0", lost == 0);
        const quint64 dropped = m_outbox.counts().dropped;
        row(prefix + " dropped", static_cast<double>(dropped - m_dropped), "events", "0", dropped == m_dropped);
        m_dropped = dropped;
        const qint64 repeats = report.value(text("repeats")).toInteger();
        row(prefix + " arrived twice", static_cast<double>(repeats), "events", "0", repeats == 0);
        row(prefix + " priority p50", at(0.5), "ms", "none", true);
        row(prefix + " priority p99", at(0.99), "ms", "<= 5", at(0.99) <= 5);
        row(prefix + " priority max", at(1), "ms", "none", true);
    }

    SystemClock m_clock;
    EventSource m_source{{text("beacon_0@bench"), text("bench"), text("beacon")}, m_clock};
    platform::LocalSocketLink m_link;
    platform::Outbox m_outbox;
    QJsonObject m_bulk;
    double m_rate = 0;
    quint64 m_dropped = 0; ///< before this run
};

/// Lines a second over a plain socketpair to a process that parses each.
double plainSocket(const QByteArray& line)
{
    constexpr int kLines = 50'000;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    const double began = nowMs();
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        QByteArray buffer;
        int count = 0;
        char chunk[65'536];
        while (const ssize_t size = ::read(ends[1], chunk, sizeof chunk)) {
            if (size < 0)
                break;
            buffer.append(chunk, size);
            qsizetype start = 0;
            for (qsizetype end = 0; (end = buffer.indexOf('\n', start)) >= 0; start = end + 1)
                count += QJsonDocument::fromJson(buffer.mid(start, end - start)).isObject() ? 1 : 0;
            buffer.remove(0, start);
        }
        ::_exit(count == kLines ? 0 : 1);
    }
    ::close(ends[1]);
    bool whole = child > 0;
    for (int i = 0; i < kLines && whole; ++i)
        whole = ::write(ends[0], line.constData(), static_cast<std::size_t>(line.size())) == line.size();
    ::close(ends[0]);
    int status = 1;
    ::waitpid(child, &status, 0);
    return whole && status == 0 ? kLines / ((nowMs() - began) / 1'000) : 0;
}

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication application(argc, argv);
    if (argc == 3 && QByteArray{argv[1]} == "--receive")
        return receive(QString::fromLocal8Bit(argv[2]));
    QTemporaryDir dir;
    QProcess receiver;
    receiver.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    receiver.start(QCoreApplication::applicationFilePath(), {text("--receive"), dir.filePath(text("platform.sock"))});
    if (!receiver.waitForStarted())
        return 1;
    bool measured = false;
    {
        Bench bench{dir.path()};
        const double plain = plainSocket(toLine(bench.bulk()) + '\n');
        std::printf(
            "event size\t%lld\tbytes\tabout 1,000\tpass\n", static_cast<long long>(toLine(bench.bulk()).size()));
        measured = plain > 0 && bench.isUp() && bench.run("paced", 10, true) && bench.run("saturated", 5, false);
        if (measured) {
            row("plain socket lines/s", plain, "1/s", "none", true);
            row("saturated / plain socket", bench.rate() / plain, "ratio", "none", true);
        }
    }
    receiver.kill();
    receiver.waitForFinished();
    return measured ? 0 : 1;
}
