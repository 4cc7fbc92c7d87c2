// An Instrument that publishes at a steady rate for a while: what a Sensor is loaded with. Type "listener".
//
//   busy_instrument [--manifest]
//
// Its configuration: rate (events/s), seconds, and at (Unix seconds) when to begin, so that many begin together. Its
// health facts: published, and whether it is done. The message of each event is its number, from 1.

#include "core/instrument/skeleton.h"
#include "core/platform/local_socket_link.h"
#include "core/platform/socket_path.h"
#include "core/supervision/unix_signals.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTimer>

#include <cstdio>

using namespace beacon;

namespace {

constexpr char kMetadata[] = R"({
  "name": "busy-instrument", "type": "listener", "title": "Busy", "developer": "Beacon Instrument",
  "description": "Publishes events at a steady rate.", "network_access": "none", "relations": [],
  "events": ["instruments.listener.*"], "health_period_s": 1, "user": "listener"
})";
constexpr char kConfiguration[] = R"({
  "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
  "properties": {"rate": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 0},
                 "seconds": {"type": "number", "minimum": 0, "default": 0},
                 "at": {"type": "number", "minimum": 0, "default": 0}}
})";
constexpr std::chrono::milliseconds kTick{10};

class Busy final : public QObject {
public:
    explicit Busy(const Clock& clock)
        : m_clock(clock)
    {
        m_timer.setTimerType(Qt::PreciseTimer);
        connect(&m_timer, &QTimer::timeout, this, [this] { publishDue(); });
    }
    void configure(const QJsonObject& config)
    {
        m_rate = config.value(QStringLiteral("rate")).toDouble();
        m_most = static_cast<qint64>(m_rate * config.value(QStringLiteral("seconds")).toDouble());
        m_begin = fromUnixSeconds(config.value(QStringLiteral("at")).toDouble());
        m_published = 0;
        m_since.invalidate();
        m_timer.start(kTick);
    }
    QJsonObject facts() const
    {
        return {{QStringLiteral("published"), m_published}, {QStringLiteral("done"), m_published >= m_most}};
    }
    Skeleton* skeleton = nullptr;

private:
    void publishDue()
    {
        if (!m_since.isValid()) {
            if (m_clock.wall() < m_begin)
                return;
            m_since.start();
        }
        const qint64 due = std::min(m_most, static_cast<qint64>(m_rate * static_cast<double>(m_since.elapsed()) / 1e3));
        while (m_published < due)
            skeleton->publish(skeleton->events().make(EventId::HostsActive, QString::number(++m_published),
                {{QStringLiteral("interface"), QStringLiteral("eth0")}, {QStringLiteral("within_s"), 300},
                    {QStringLiteral("hosts"), QJsonArray{}}, {QStringLiteral("left_out"), 0}}));
        if (m_published >= m_most)
            m_timer.stop();
    }
    const Clock& m_clock;
    double m_rate = 0;
    qint64 m_most = 0, m_published = 0;
    WallTime m_begin{};
    QElapsedTimer m_since;
    QTimer m_timer;
};

} // namespace

int main(int argc, char** argv)
{
    const Manifest manifest = builtInManifest(kMetadata, kConfiguration);
    QCoreApplication application(argc, argv);
    if (argc > 1 && qstrcmp(argv[1], "--manifest") == 0) {
        std::printf("%s\n", QJsonDocument{manifest.document}.toJson(QJsonDocument::Compact).constData());
        return 0;
    }
    const auto socket = platform::platformSocket();
    const SystemClock clock;
    UnixSignals signals;
    if (!socket || !signals.start())
        return 69;
    Busy busy{clock};
    Handlers handlers;
    handlers.configure = [&](const QJsonObject& config, const QStringList&) { busy.configure(config); };
    handlers.facts = [&] { return busy.facts(); };
    Skeleton::Options options;
    options.version = QStringLiteral("1.0");
    Skeleton skeleton{manifest, handlers, std::make_unique<platform::LocalSocketLink>(*socket), clock, options};
    busy.skeleton = &skeleton;
    QObject::connect(&signals, &UnixSignals::terminate, &skeleton, [&] { skeleton.stop(); });
    QObject::connect(&skeleton, &Skeleton::stopped, &application, [] { QCoreApplication::exit(0); });
    skeleton.noteWorking();
    skeleton.start();
    return QCoreApplication::exec();
}
