#include "service/sensor/status.h"

#include "core/event/event.h"
#include "service/sensor/sensor.h"

namespace beacon {

namespace {

QJsonArray list(const std::vector<std::string>& strings)
{
    QJsonArray array;
    for (const std::string& string : strings)
        array.append(QString::fromStdString(string));
    return array;
}

QString macText(const MacAddress& mac)
{
    return mac == MacAddress{} ? QString{} : QString::fromStdString(mac.text());
}

QString macText(const std::string& mac)
{
    return QString::fromStdString(mac);
}

QJsonValue orNull(const QString& text)
{
    return text.isEmpty() ? QJsonValue{} : QJsonValue{text};
}

QJsonObject attachmentJson(const Wires::State& state)
{
    const QString problem = state.problem.empty() ? state.leaseProblem : QString::fromStdString(state.problem);
    return {{QStringLiteral("name"), state.wanted.name}, {QStringLiteral("interface"), state.wanted.interface},
        {QStringLiteral("capabilities"), QJsonArray::fromStringList(state.wanted.capabilities)},
        {QStringLiteral("addressing"), howName(state.wanted.addressing)},
        {QStringLiteral("addresses"), list(state.facts.addresses)},
        {QStringLiteral("gateways"), list(state.facts.gateways)},
        {QStringLiteral("resolvers"), list(state.resolvers())}, {QStringLiteral("mac"), macText(state.facts.mac)},
        {QStringLiteral("problem"), orNull(problem)}};
}

QJsonObject configJson(Sensor& sensor, const QString& name)
{
    const Configurations::Drift drift = sensor.configurations().driftOf(name);
    return {{QStringLiteral("desired"), drift.desired},
        {QStringLiteral("reported"), drift.reported ? QJsonValue{*drift.reported} : QJsonValue{}},
        {QStringLiteral("drift"), !drift.why.isEmpty()}, {QStringLiteral("why"), orNull(drift.why)}};
}

/// What is not as the documents want it.
QJsonArray driftOf(Sensor& sensor, InstrumentRun& run)
{
    QJsonArray drift;
    const QString name = run.spec().name;
    if (const auto config = sensor.configurations().driftOf(name); !config.why.isEmpty())
        drift.append(config.why);
    if (run.spec().running != (run.lifeText() == QLatin1StringView{"running"}))
        drift.append(
            QStringLiteral("it is to be %1, and is %2")
                .arg(run.spec().running ? QStringLiteral("running") : QStringLiteral("stopped"), run.lifeText()));
    for (const Wires::State& state : run.wires().states())
        if (run.spec().running && !state.problem.empty())
            drift.append(
                QStringLiteral("interface %1: %2").arg(state.wanted.name, QString::fromStdString(state.problem)));
    return drift;
}

QJsonObject uplinkJson(const UplinkTap& tap)
{
    return {{QStringLiteral("frames"), static_cast<qint64>(tap.whole().frames)},
        {QStringLiteral("tokens"), static_cast<qint64>(tap.whole().tokens)},
        {QStringLiteral("others"), static_cast<qint64>(tap.others().frames)},
        {QStringLiteral("uncounted"), static_cast<qint64>(tap.dropped())},
        {QStringLiteral("since"), toUnixSeconds(tap.since())}};
}

QJsonObject interfaceJson(Sensor& sensor, const Segments::State& state)
{
    QJsonArray drift;
    if (!state.problem.empty())
        drift.append(QString::fromStdString(state.problem));
    return {{QStringLiteral("name"), state.wanted.name}, {QStringLiteral("type"), typeName(state.wanted.type)},
        {QStringLiteral("device"), state.wanted.device}, {QStringLiteral("present"), state.facts.present},
        {QStringLiteral("carrier"), state.facts.carrier}, {QStringLiteral("mac"), macText(state.facts.mac)},
        {QStringLiteral("used_by"), QJsonArray::fromStringList(sensor.document().usersOf(state.wanted.name))},
        {QStringLiteral("problem"), orNull(QString::fromStdString(state.problem))},
        {QStringLiteral("uplink"), state.tap ? QJsonValue{uplinkJson(*state.tap)} : QJsonValue{}},
        {QStringLiteral("drift"), drift}};
}

} // namespace

QJsonObject statusOf(Sensor& sensor, InstrumentRun& run)
{
    const InstrumentSpec& spec = run.spec();
    const QString address = sensor.addressOf(spec.name);
    const Manifest* manifest = sensor.manifestOf(spec.name);
    QJsonArray interfaces;
    for (const Wires::State& state : run.wires().states())
        interfaces.append(attachmentJson(state));
    const auto exit = run.lastExit();
    return {{QStringLiteral("name"), spec.name}, {QStringLiteral("address"), address},
        {QStringLiteral("type"), spec.type},
        {QStringLiteral("title"), manifest != nullptr ? manifest->title : spec.type},
        {QStringLiteral("program"), spec.program},
        {QStringLiteral("desired"), spec.running ? QStringLiteral("running") : QStringLiteral("stopped")},
        {QStringLiteral("life"), run.lifeText()},
        {QStringLiteral("pid"), run.pid() > 0 ? QJsonValue{qint64{run.pid()}} : QJsonValue{}},
        {QStringLiteral("since"), run.since() == WallTime{} ? QJsonValue{} : QJsonValue{toUnixSeconds(run.since())}},
        {QStringLiteral("restarts"), std::max(run.restarts(), 0)},
        {QStringLiteral("last_exit"), exit ? QJsonValue{QString::fromStdString(describe(*exit))} : QJsonValue{}},
        {QStringLiteral("problem"), orNull(run.problem())},
        {QStringLiteral("connected"), sensor.hub().isConnected(address)},
        {QStringLiteral("program_version"), orNull(sensor.versionOf(spec.name))},
        {QStringLiteral("health"), sensor.board().healthOf(address)},
        {QStringLiteral("health_slowest_ms"), qint64{sensor.hub().slowestHealth(address).count()}},
        {QStringLiteral("config"), configJson(sensor, spec.name)}, {QStringLiteral("interfaces"), interfaces},
        {QStringLiteral("drift"), driftOf(sensor, run)}};
}

QJsonObject wholeHealth(Sensor& sensor)
{
    QJsonObject health = sensor.board().whole();
    QJsonArray reasons;
    for (const auto& value : health.value(QStringLiteral("reasons")).toArray()) {
        QJsonObject reason = value.toObject();
        const QString source = reason.value(QStringLiteral("source")).toString();
        reason.insert(QStringLiteral("source"), source.section(QLatin1Char('@'), 0, 0));
        reasons.append(reason);
    }
    health.insert(QStringLiteral("reasons"), reasons);
    return health;
}

QJsonArray interfacesOf(Sensor& sensor)
{
    QJsonArray interfaces;
    for (const Segments::State& state : sensor.segments().states())
        interfaces.append(interfaceJson(sensor, state));
    return interfaces;
}

QJsonObject statusOf(Sensor& sensor)
{
    QJsonArray instruments;
    for (const InstrumentSpec& spec : sensor.document().instruments)
        if (InstrumentRun* run = sensor.find(spec.name))
            instruments.append(statusOf(sensor, *run));
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(sensor.clock().now() - sensor.startedAt());
    return {{QStringLiteral("sensor"), sensor.settings().name},
        {QStringLiteral("version"), QStringLiteral(BEACON_VERSION)},
        {QStringLiteral("uptime_s"), qint64{uptime.count()}}, {QStringLiteral("health"), wholeHealth(sensor)},
        {QStringLiteral("config"), configJson(sensor, QStringLiteral("sensor"))},
        {QStringLiteral("instruments"), instruments}, {QStringLiteral("interfaces"), interfacesOf(sensor)}};
}

} // namespace beacon
