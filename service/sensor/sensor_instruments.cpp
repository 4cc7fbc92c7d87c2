// What the Sensor knows and says of its Instruments: the second part of sensor.h.

#include "core/base/log.h"
#include "service/sensor/room_command.h"
#include "service/sensor/sensor.h"

#include <QFile>
#include <QJsonDocument>
#include <QSaveFile>

namespace beacon {

using platform::Answer;

namespace {

const QString kBackend = QStringLiteral("process");
constexpr std::chrono::seconds kConfigWithin{10}; ///< for an Instrument to take a document

const char* typeNameOf(SegmentSpec::Type type)
{
    switch (type) {
    case SegmentSpec::Type::Phy:
        return "phy";
    case SegmentSpec::Type::Bridge:
        return "bridge";
    case SegmentSpec::Type::Mirror:
        break;
    }
    return "mirror";
}

QByteArray readFile(const QString& path)
{
    QFile file{path};
    return file.open(QIODevice::ReadOnly) ? file.read(kMaxManifestBytes) : QByteArray{};
}

} // namespace

const Manifest* Sensor::manifestOf(const QString& name) const
{
    const auto known = m_known.find(name);
    return known == m_known.end() ? nullptr : &known->second.manifest;
}

QString Sensor::versionOf(const QString& name) const
{
    const auto known = m_known.find(name);
    return known == m_known.end() ? QString{} : known->second.version;
}

std::set<int> Sensor::takenSlots() const
{
    std::set<int> taken;
    for (const auto& [name, run] : m_runs)
        taken.insert(run->spec().slot);
    return taken;
}

void Sensor::introduce(const QString& name, Manifest manifest)
{
    m_known[name].manifest = std::move(manifest);
    setTarget(name);
}

void Sensor::forget(const QString& name)
{
    m_known.erase(name);
    m_configurations->forget(name);
}

void Sensor::setTarget(const QString& name)
{
    Configurations::Target target;
    target.schema = manifestOf(name)->configuration;
    target.isThere = [this, address = addressOf(name)] { return m_hub->isConnected(address); };
    target.send = [this, address = addressOf(name)](const QJsonObject& envelope, platform::Reply reply) {
        m_hub->request(address, platform::method::kConfigApply, envelope, std::move(reply), kConfigWithin);
    };
    m_configurations->setTarget(name, std::move(target));
}

/// What it said last, or says now, of itself: its configuration can be looked at before it has said hello.
void Sensor::learn(const InstrumentSpec& spec)
{
    if (m_known.contains(spec.name))
        return;
    const InstrumentPaths& paths = find(spec.name)->paths();
    if (const auto kept = manifestFromJson(readFile(paths.manifest)); kept && kept->type == spec.type)
        introduce(spec.name, *kept);
}

void Sensor::keepManifest(const QString& name, const Manifest& manifest)
{
    QSaveFile file{find(name)->paths().manifest};
    const QByteArray text = QJsonDocument{manifest.document}.toJson(QJsonDocument::Compact);
    if (readFile(file.fileName()) == text)
        return;
    if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size() || !file.commit())
        log::warning("a manifest is not kept",
            {{"instrument", name.toStdString()}, {"error", file.errorString().toStdString()}});
}

void Sensor::onArrived(const QString& address, const QString& version)
{
    const auto name = nameOf(address);
    if (!name)
        return;
    if (const Manifest* manifest = m_hub->manifestOf(address)) {
        introduce(*name, *manifest);
        keepManifest(*name, *manifest);
        m_board->expect(address, manifest->healthPeriod, find(*name)->spec().running);
    }
    m_known[*name].version = version;
    find(*name)->noteHello();
    m_board->connected(address, true);
    m_configurations->noteArrived(*name);
    Q_EMIT changed();
}

platform::Welcome Sensor::welcome(const QString& name) const
{
    platform::Welcome welcome;
    welcome.address = addressOf(name);
    welcome.configuration = m_configurations->envelopeInForce(name);
    const auto inside = [](const char* storage) {
        return InstrumentPaths::kStorageInside + QLatin1StringView{storage};
    };
    welcome.transientStorage = inside("transient");
    welcome.persistentStorage = inside("persistent");
    welcome.incoming = inside("incoming");
    const auto run = m_runs.find(name);
    if (run == m_runs.end())
        return welcome;
    for (const Wires::State& state : run->second->wires().states())
        welcome.interfaces.push_back({.name = state.wanted.name,
            .type = QLatin1StringView{typeNameOf(state.segment.type)},
            .capabilities = state.wanted.capabilities});
    return welcome;
}

void Sensor::askHealth(const QString& address, std::chrono::milliseconds deadline, platform::Reply reply)
{
    m_hub->request(
        address, platform::method::kHealthGet, {},
        [this, address, reply = std::move(reply)](const Answer& answer) {
            if (const auto* health = std::get_if<QJsonValue>(&answer))
                noteVersion(address, health->toObject());
            reply(answer);
        },
        deadline);
}

/// Which configuration it runs on; told with every health, and no reason for anybody to look again.
void Sensor::noteVersion(const QString& address, const QJsonObject& health)
{
    const QJsonValue version = health[QStringLiteral("facts")][QStringLiteral("config_version")];
    const auto name = nameOf(address);
    if (name && version.isDouble())
        m_configurations->noteReported(*name, version.toInteger());
}

void Sensor::onHealth(const QString& address)
{
    if (const auto name = nameOf(address))
        judge(*name);
    Q_EMIT changed();
}

std::chrono::seconds Sensor::periodOf(const QString& name) const
{
    constexpr std::chrono::seconds kUsual{30};
    const Manifest* manifest = manifestOf(name);
    return manifest != nullptr ? manifest->healthPeriod : kUsual;
}

void Sensor::tellHealth(HealthStatus now, const QJsonObject& data)
{
    const std::string_view name = statusName(now);
    publish(EventId::Health,
        QStringLiteral("Health of the Sensor: %1")
            .arg(QLatin1StringView{name.data(), static_cast<qsizetype>(name.size())}),
        data, static_cast<Severity>(severityOf(now)));
}

/// What the Sensor itself knows to be wrong with an Instrument, or with itself.
void Sensor::judge(const QString& name)
{
    const auto say = [this](const QString& source, const char* code, bool holds, HealthStatus status,
                         const QString& text) {
        if (holds)
            m_board->raise(source, QLatin1StringView{code}, status, text);
        else
            m_board->clear(source, QLatin1StringView{code});
    };
    if (name == QLatin1StringView{"sensor"}) {
        QStringList problems;
        for (const Segments::State& state : m_segments->states())
            if (!state.problem.empty())
                problems.append(QStringLiteral("%1: %2").arg(state.wanted.name, QString::fromStdString(state.problem)));
        say(name, "interface_problem", !problems.isEmpty(), HealthStatus::Error,
            QStringLiteral("An interface cannot be used: %1").arg(problems.join(QStringLiteral("; "))));
        return;
    }
    InstrumentRun* run = find(name);
    if (run == nullptr)
        return;
    const QString source = addressOf(name);
    const bool wanted = run->spec().running;
    say(source, "not_started", wanted && !run->problem().isEmpty(), HealthStatus::Error,
        QStringLiteral("It cannot be started: %1").arg(run->problem()));
    say(source, "crash_loop", wanted && run->crashLoop(), HealthStatus::Error,
        QStringLiteral("It dies again and again; 'sensorctl logs %1' has its last words").arg(name));
    QStringList problems;
    for (const Wires::State& state : run->wires().states())
        if (!state.problem.empty())
            problems.append(QStringLiteral("%1: %2").arg(state.wanted.name, QString::fromStdString(state.problem)));
    say(source, "wiring_problem", wanted && !problems.isEmpty(), HealthStatus::Error,
        QStringLiteral("An interface is not as it should be: %1").arg(problems.join(QStringLiteral("; "))));
    QStringList leaseProblems;
    for (const Wires::State& state : run->wires().states())
        if (!state.leaseProblem.isEmpty())
            leaseProblems.append(state.leaseProblem);
    say(source, "no_lease", wanted && !leaseProblems.isEmpty(), HealthStatus::Warning,
        leaseProblems.join(QLatin1Char(' ')));
    const auto drift = m_configurations->driftOf(name);
    say(source, "configuration_drift", wanted && !drift.why.isEmpty(), HealthStatus::Warning,
        QStringLiteral("Its configuration is not the desired one: %1").arg(drift.why));
}

void Sensor::publish(EventId id, const QString& message, const QJsonObject& data, std::optional<Severity> severity)
{
    m_hub->publish(m_source.make(id, message, data, {.severity = severity}));
}

void Sensor::tellStarted(const QString& name, qint64 pid)
{
    publish(EventId::InstrumentStarted, QStringLiteral("Instrument started: %1").arg(name),
        {{QStringLiteral("address"), addressOf(name)}, {QStringLiteral("backend"), kBackend},
            {QStringLiteral("pid"), pid}});
}

void Sensor::tellEnded(const QString& name, const Exit& exit)
{
    const auto orNull = [&](Exit::How how) { return exit.how == how ? QJsonValue{exit.value} : QJsonValue{}; };
    const QString why = QString::fromStdString(describe(exit));
    publish(EventId::InstrumentStopped, QStringLiteral("Instrument stopped: %1, %2").arg(name, why),
        {{QStringLiteral("address"), addressOf(name)}, {QStringLiteral("backend"), kBackend},
            {QStringLiteral("code"), orNull(Exit::How::Code)}, {QStringLiteral("signal"), orNull(Exit::How::Signal)},
            {QStringLiteral("reason"), why}});
}

void Sensor::onConfigApplied(
    const QString& name, qint64 version, std::optional<qint64> previous, const QStringList& changed)
{
    if (name != QLatin1StringView{"sensor"})
        return; // the Instrument tells of its own
    publish(EventId::ConfigApplied, QStringLiteral("Configuration of the Sensor in force"),
        {{QStringLiteral("version"), version},
            {QStringLiteral("previous"), previous ? QJsonValue{*previous} : QJsonValue{}},
            {QStringLiteral("changed_keys"), QJsonArray::fromStringList(changed)}});
}

void Sensor::onConfigRejected(const QString& name, qint64 version, const QJsonArray& faults)
{
    publish(EventId::ConfigRejected,
        QStringLiteral("Configuration of %1 rejected; the earlier one stays in force").arg(name),
        {{QStringLiteral("version"), version}, {QStringLiteral("previous"), QJsonValue{}},
            {QStringLiteral("errors"), faults}});
}

void Sensor::setPorts(const QString& interface)
{
    std::vector<UplinkPort> ports;
    for (const auto& [name, run] : m_runs)
        for (const Wires::State& state : run->wires().states())
            if (state.wanted.interface == interface && !(state.facts.mac == MacAddress{}))
                ports.push_back({name, state.facts.mac});
    m_segments->setPorts(interface, ports);
}

void Sensor::tellUplink(const QString& interface)
{
    const auto segment = std::find_if(m_segments->states().begin(), m_segments->states().end(),
        [&](const Segments::State& state) { return state.wanted.name == interface; });
    if (segment == m_segments->states().end() || !segment->tap)
        return;
    for (const auto& [name, run] : m_runs) {
        const UplinkCount count = segment->tap->of(name);
        for (const Wires::State& state : run->wires().states()) {
            if (state.wanted.interface != interface)
                continue;
            m_hub->notify(addressOf(name), platform::method::kUplinkCounted,
                toJson(platform::UplinkCounted{.interface = state.wanted.name,
                    .frames = static_cast<qint64>(count.frames),
                    .tokens = static_cast<qint64>(count.tokens),
                    .since = segment->tap->since(),
                    .last = count.lastToken}));
            break; // the count is of all that it has there
        }
    }
}

} // namespace beacon
