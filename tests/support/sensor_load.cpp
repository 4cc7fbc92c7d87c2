#include "tests/support/sensor_load.h"

#include "core/base/clock.h"
#include "core/event/event.h"
#include "core/rpc/peer.h"
#include "core/store/database.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>
#include <QVariant>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unistd.h>

namespace beacon::test {

namespace {

constexpr int kStartMs = 60'000, kDrainMs = 60'000;
constexpr double kAheadSeconds = 1.5; ///< all have their configuration by then
const QString kType = QStringLiteral("instruments.listener.hosts.active");

QByteArray contentOf(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

} // namespace

double cpuSecondsOf(qint64 pid)
{
    const QByteArray stat = contentOf(QStringLiteral("/proc/%1/stat").arg(pid));
    const QList<QByteArray> words = stat.mid(stat.lastIndexOf(')') + 2).split(' ');
    return static_cast<double>(words.value(11).toLongLong() + words.value(12).toLongLong())
        / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

qint64 peakKbOf(qint64 pid)
{
    const QByteArray status = contentOf(QStringLiteral("/proc/%1/status").arg(pid));
    const qsizetype at = status.indexOf("VmHWM:");
    return at < 0 ? 0 : status.mid(at + 6, 32).trimmed().split(' ').front().toLongLong();
}

SensorLoad::SensorLoad(Plan plan)
    : m_plan(std::move(plan))
{
    m_outcome.latenciesMs.reserve(static_cast<std::size_t>(m_plan.instruments * m_plan.rate * m_plan.seconds));
}

QString SensorLoad::nameOf(int number) const
{
    return QStringLiteral("listener_%1").arg(number);
}

bool SensorLoad::fail(const QString& why)
{
    m_problem = why;
    return false;
}

bool SensorLoad::allAre(const std::function<bool(const QJsonObject& instrument)>& so, int withinMs)
{
    QElapsedTimer since;
    since.start();
    for (;;) {
        const QJsonArray all =
            m_sensor.result(QStringLiteral("control.status")).value(QStringLiteral("instruments")).toArray();
        if (all.size() == m_plan.instruments
            && std::all_of(all.begin(), all.end(), [&](const QJsonValue& one) { return so(one.toObject()); }))
            return true;
        if (since.elapsed() > withinMs)
            return false;
        QTest::qWait(200);
    }
}

bool SensorLoad::start()
{
    if (!m_sensor.start())
        return fail(QStringLiteral("sensord does not start: ") + QString::fromLocal8Bit(m_sensor.program().log()));
    QJsonArray instruments;
    for (int i = 0; i < m_plan.instruments; ++i)
        instruments.append(QJsonObject{{QStringLiteral("name"), nameOf(i)}, {QStringLiteral("program"), m_plan.program},
            {QStringLiteral("running"), true}, {QStringLiteral("slot"), i},
            {QStringLiteral("interfaces"), QJsonArray{}}});
    const QJsonObject answer = m_sensor.call(QStringLiteral("config.apply"),
        {{QStringLiteral("target"), QStringLiteral("sensor")},
            {QStringLiteral("config"),
                QJsonObject{
                    {QStringLiteral("interfaces"), QJsonArray{}}, {QStringLiteral("instruments"), instruments}}}});
    if (!answer.contains(QStringLiteral("result")))
        return fail(QString::fromUtf8(QJsonDocument{answer}.toJson()));
    const auto isWell = [](const QJsonObject& one) {
        return one.value(QStringLiteral("connected")).toBool()
            && one[QStringLiteral("health")][QStringLiteral("status")] == QStringLiteral("OK");
    };
    if (!allAre(isWell, kStartMs))
        return fail(QStringLiteral("not all of the Instruments are well: ")
            + QString::fromUtf8(QJsonDocument{m_sensor.instrument(nameOf(m_plan.instruments - 1))}.toJson()));
    return follow();
}

bool SensorLoad::follow()
{
    QObject::connect(&m_follower, &QLocalSocket::readyRead, &m_follower, [this] { read(); });
    m_follower.connectToServer(m_sensor.socket());
    if (!m_follower.waitForConnected(5'000))
        return fail(QStringLiteral("the control socket cannot be reached"));
    m_follower.write(rpc::encode(rpc::Request{1, QStringLiteral("events.follow"), {{QStringLiteral("match"), kType}}}));
    return true;
}

void SensorLoad::read()
{
    m_buffer += m_follower.readAll();
    for (qsizetype end = m_buffer.indexOf('\n'); end >= 0; end = m_buffer.indexOf('\n')) {
        take(m_buffer.left(end));
        m_buffer.remove(0, end + 1);
    }
}

/// By eye, and not by a parser: it would take the processor that is measured.
void SensorLoad::take(const QByteArray& line)
{
    constexpr QByteArrayView kId{R"({"sensor_event_id":)"}, kAt{R"("timestamp":)"};
    const double now = toUnixSeconds(SystemClock{}.wall());
    for (qsizetype at = line.indexOf(kId); at >= 0; at = line.indexOf(kId, at)) {
        at += kId.size();
        const qint64 id = std::strtoll(line.constData() + at, nullptr, 10);
        m_outcome.outOfOrder += id <= m_lastId ? 1 : 0;
        m_lastId = id;
        ++m_outcome.delivered;
        if (const qsizetype time = line.indexOf(kAt, at); time >= 0)
            m_outcome.latenciesMs.push_back((now - std::strtod(line.constData() + time + kAt.size(), nullptr)) * 1'000);
    }
}

bool SensorLoad::begin()
{
    const double at = toUnixSeconds(SystemClock{}.wall()) + kAheadSeconds;
    auto socket = std::make_unique<QLocalSocket>();
    socket->connectToServer(m_sensor.socket());
    if (!socket->waitForConnected(5'000))
        return fail(QStringLiteral("the control socket cannot be reached"));
    rpc::Peer peer{std::move(socket)};
    int applied = 0, asked = 0, answered = 0;
    while (answered < m_plan.instruments) {
        for (; asked < m_plan.instruments && asked - answered < rpc::kMaxInFlight; ++asked)
            peer.call(
                QStringLiteral("config.apply"),
                {{QStringLiteral("target"), nameOf(asked)},
                    {QStringLiteral("config"),
                        QJsonObject{{QStringLiteral("rate"), m_plan.rate}, {QStringLiteral("seconds"), m_plan.seconds},
                            {QStringLiteral("at"), at}}}},
                [&](const std::variant<QJsonValue, rpc::RpcError>& answer) {
                    ++answered;
                    if (const auto* error = std::get_if<rpc::RpcError>(&answer))
                        m_problem = error->message;
                    else
                        ++applied;
                },
                std::chrono::milliseconds{kStartMs});
        const int before = answered;
        if (!QTest::qWaitFor([&] { return answered > before; }, kStartMs))
            break;
    }
    return applied == m_plan.instruments || fail(QStringLiteral("a configuration was not applied: ") + m_problem);
}

bool SensorLoad::run()
{
    const qint64 pid = m_sensor.program().pid();
    if (!begin())
        return false;
    const double cpu = cpuSecondsOf(pid);
    QElapsedTimer since;
    since.start();
    QTest::qWait(static_cast<int>((m_plan.seconds + kAheadSeconds) * 1'000));
    m_outcome.cpuShare = (cpuSecondsOf(pid) - cpu) * 1e3 / static_cast<double>(since.elapsed());
    const auto isDone = [](const QJsonObject& one) {
        const QJsonObject facts = one[QStringLiteral("health")][QStringLiteral("facts")].toObject();
        return facts.value(QStringLiteral("done")).toBool() && facts.value(QStringLiteral("published")).toInteger() > 0
            && facts.value(QStringLiteral("events_waiting")).toInteger(1) == 0;
    };
    const bool drained = allAre(isDone, kDrainMs);
    const QJsonArray all =
        m_sensor.result(QStringLiteral("control.status")).value(QStringLiteral("instruments")).toArray();
    for (const QJsonValue& one : all) {
        m_outcome.published +=
            one[QStringLiteral("health")][QStringLiteral("facts")][QStringLiteral("published")].toInteger();
        m_outcome.restarts += one[QStringLiteral("restarts")].toInt();
        m_outcome.slowestHealthMs =
            std::max(m_outcome.slowestHealthMs, one[QStringLiteral("health_slowest_ms")].toDouble());
    }
    m_outcome.peakKb = peakKbOf(pid);
    if (!drained)
        return fail(QStringLiteral("not all Instruments have published everything: ")
            + QString::fromUtf8(QJsonDocument{all[0].toObject()}.toJson()));
    if (!countStored())
        return false;
    (void)QTest::qWaitFor([this] { return m_outcome.delivered >= m_outcome.stored; }, kDrainMs);
    return true;
}

bool SensorLoad::countStored()
{
    constexpr std::array kNone{""}; // user_version 1: as the store has it
    const auto database = Database::open(m_sensor.stateDir() + QStringLiteral("/events.db"), kNone, {.readOnly = true});
    const auto rows = database
        ? (*database)->select(
            QStringLiteral("SELECT count(*), count(DISTINCT source || '/' || json_extract(json, '$.message')) "
                           "FROM event WHERE type = (SELECT id FROM type WHERE name = ?)"),
            {kType})
        : Result<std::vector<QVariantList>>{database.error()};
    if (!rows)
        return fail(QString::fromStdString(describe(rows.error())));
    m_outcome.stored = rows->front().at(1).toLongLong();
    m_outcome.repeated = rows->front().at(0).toLongLong() - m_outcome.stored;
    return true;
}

} // namespace beacon::test
