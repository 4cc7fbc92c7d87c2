#include "service/sensor/sensor.h"

#include "core/base/log.h"
#include "core/base/run_place.h"
#include "core/platform/control.h"
#include "service/sensor/room_command.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>

#include <algorithm>

namespace beacon {

using platform::Answer;

namespace {

const QString kSelf = QStringLiteral("sensor");
constexpr std::int64_t kUsualMemory = 512LL * 1024 * 1024; ///< of an Instrument that asks for nothing
constexpr int kUsualProcesses = 256;

} // namespace

Sensor::Sensor(SensorSettings settings, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_settings(std::move(settings))
    , m_clock(clock)
    , m_startedAt(clock.now())
    , m_source({kSelf + QLatin1Char('@') + m_settings.name, m_settings.name, kSelf}, clock)
{
    m_wiring = std::make_unique<Wiring>(
        Wiring::Place{.runtimeDir = m_settings.runtimeDir.toStdString(), .room = m_settings.room.toStdString()});
    m_work = std::make_unique<WorkQueue>();
    m_asking = std::make_unique<WorkQueue>();
    m_segments = std::make_unique<Segments>(*m_work, *m_wiring, clock);
    connect(m_segments.get(), &Segments::changed, this, [this] {
        judge(kSelf);
        Q_EMIT changed();
    });
    connect(m_segments.get(), &Segments::tapped, this, &Sensor::setPorts);
    connect(m_segments.get(), &Segments::counted, this, &Sensor::tellUplink);
    connect(&m_uplinks, &QTimer::timeout, this, [this] {
        for (const Segments::State& state : m_segments->states())
            tellUplink(state.wanted.name);
    });
    constexpr std::chrono::seconds kTellUplinks{10};
    m_uplinks.start(kTellUplinks);
}

Sensor::~Sensor()
{
    m_asking.reset();
    m_work.reset(); // its jobs know the others
    m_runs.clear();
}

Result<> Sensor::openStores()
{
    for (const QString& dir : {m_settings.stateDir, m_settings.stateDir + QStringLiteral("/logs"),
             m_settings.stateDir + QStringLiteral("/manifests"), m_settings.runtimeDir + QStringLiteral("/net"),
             m_settings.runtimeDir + QStringLiteral("/resolv"), m_settings.runtimeDir + QStringLiteral("/instruments")})
        if (auto made = makeDirectories(dir.toStdString()); !made)
            return made;
    auto documents = Documents::open(m_settings.documents(), m_clock);
    if (!documents)
        return documents.error();
    m_documents = *std::move(documents);
    m_events = std::make_unique<EventStore>(m_settings.events(), m_clock, EventStore::Options{});
    connect(m_events.get(), &EventStore::failed, this, [this](const Error& error) {
        log::error("events are not kept", {{"error", describe(error)}});
        m_board->raise(kSelf, QStringLiteral("event_store_failed"), HealthStatus::Error,
            QStringLiteral("Events cannot be kept: %1").arg(QString::fromStdString(describe(error))));
    });
    connect(m_events.get(), &EventStore::damaged, this, [this](const QString& setAside) {
        tellDamaged(QStringLiteral("event_store_damaged"), QStringLiteral("The events"), setAside);
    });
    connect(m_events.get(), &EventStore::recovered, this,
        [this] { m_board->clear(kSelf, QStringLiteral("event_store_failed")); });
    return {};
}

Result<> Sensor::start()
{
    if (auto opened = openStores(); !opened)
        return opened;
    if (auto cgroup = Cgroup::open())
        m_cgroup.emplace(*std::move(cgroup));
    else
        m_noCgroup = describe(cgroup.error());
    if (!m_noCgroup.empty())
        log::notice("Instruments have no limit of memory", {{"reason", m_noCgroup}});

    m_configurations = std::make_unique<Configurations>(*m_documents, m_clock, m_settings.name);
    connect(m_configurations.get(), &Configurations::applied, this, &Sensor::onConfigApplied);
    connect(m_configurations.get(), &Configurations::rejected, this, &Sensor::onConfigRejected);
    m_hub = std::make_unique<Hub>(*m_events, m_clock, m_settings.name);
    m_board = std::make_unique<HealthBoard>(
        m_clock, [this](const QString& address, std::chrono::milliseconds deadline, platform::Reply reply) {
            askHealth(address, deadline, std::move(reply));
        });
    connect(m_hub.get(), &Hub::arrived, this, &Sensor::onArrived);
    connect(m_hub.get(), &Hub::left, this, [this](const QString& address, const QString&) {
        m_board->connected(address, false);
        if (const auto name = nameOf(address))
            m_configurations->noteLeft(*name);
        Q_EMIT changed();
    });
    connect(m_hub.get(), &Hub::healthPushed, this, [this](const QString& address, const QJsonObject& health) {
        noteVersion(address, health);
        m_board->pushed(address, health);
    });
    connect(m_board.get(), &HealthBoard::changed, this, &Sensor::onHealth);
    connect(m_board.get(), &HealthBoard::wholeChanged, this, &Sensor::tellHealth);
    connect(m_board.get(), &HealthBoard::silent, this, [this](const QString& address) {
        if (InstrumentRun* run = find(nameOf(address).value_or(QString{})))
            run->noteSilent();
    });
    if (m_documents->setAside())
        tellDamaged(
            QStringLiteral("configuration_damaged"), QStringLiteral("The configuration"), *m_documents->setAside());
    m_events->start();

    Configurations::Target target;
    target.schema = sensorSchema();
    target.isThere = [] { return true; };
    target.send = [this](const QJsonObject& envelope, const platform::Reply& reply) {
        const auto faults = takeDocument(envelope.value(QStringLiteral("config")).toObject());
        reply(QJsonValue{
            QJsonObject{{QStringLiteral("applied"), faults.empty()}, {QStringLiteral("errors"), toJson(faults)}}});
    };
    m_configurations->setTarget(kSelf, std::move(target));
    m_configurations->noteArrived(kSelf); // one that was being saved when we ended
    const auto current = m_documents->current(kSelf);
    if (!current)
        return current.error();
    if (*current)
        for (const Fault& fault : takeDocument((*current)->config))
            log::error("the Sensor's document cannot be acted on",
                {{"at", fault.pointer.toStdString()}, {"error", fault.text.toStdString()}});
    sweep();
    return {};
}

/// What an earlier life left behind and is not wanted any more.
void Sensor::sweep()
{
    std::vector<SegmentSpec> wanted;
    wanted.reserve(m_document.interfaces.size());
    for (const SensorInterface& interface : m_document.interfaces)
        wanted.push_back(segmentOf(interface));
    if (const auto targets = m_documents->targets())
        for (const QString& target : *targets)
            if (instrumentName(target) && m_document.instrument(target) == nullptr)
                forgetDocuments(target, false);
    QStringList pins;
    const QDir net{m_settings.runtimeDir + QStringLiteral("/net")};
    for (const QString& file : net.entryList(QDir::Files)) {
        const QString name = file.section(QLatin1Char('.'), 0, 0);
        if (instrumentName(name) && m_document.instrument(name) == nullptr)
            pins.append(net.filePath(file));
    }
    m_work->ask<QStringList>(
        this,
        [this, wanted = std::move(wanted), pins] {
            QStringList failed;
            for (const SegmentSpec& segment : m_wiring->recorded())
                if (std::find(wanted.begin(), wanted.end(), segment) == wanted.end())
                    if (const auto closed = m_wiring->closeSegment(segment); !closed)
                        failed.append(QString::fromStdString(describe(closed.error())));
            if (!pins.isEmpty())
                if (const auto dropped = dropPins(m_settings, pins); !dropped)
                    failed.append(QString::fromStdString(describe(dropped.error())));
            return failed;
        },
        [](const QStringList& failed) {
            for (const QString& what : failed)
                log::warning("what an earlier Sensor left stays", {{"error", what.toStdString()}});
        });
}

void Sensor::tellDamaged(const QString& code, const QString& what, const QString& setAside)
{
    log::error("a store was damaged", {{"kept", setAside.toStdString()}});
    m_board->raise(kSelf, code, HealthStatus::Warning,
        QStringLiteral("%1 could not be read: the file was damaged, is kept as %2, and a new one was begun")
            .arg(what, setAside));
}

void Sensor::stop()
{
    if (std::exchange(m_stopping, true))
        return;
    for (const auto& [name, run] : m_runs)
        run->stop();
    constexpr std::chrono::seconds kStopWithin{9};
    QTimer::singleShot(kStopWithin, this, [this] {
        log::warning("not everything could be given back in time; the next start does it");
        Q_EMIT finished(0);
    });
    endWhenStopped();
}

void Sensor::endWhenStopped()
{
    const bool running =
        std::any_of(m_runs.begin(), m_runs.end(), [](const auto& run) { return !run.second->isStopped(); });
    if (m_stopping && !running)
        m_segments->giveBack([this] { Q_EMIT finished(0); });
}

std::vector<Fault> Sensor::takeDocument(const QJsonObject& config)
{
    auto read = sensorDocumentFrom(config);
    if (const auto* faults = std::get_if<std::vector<Fault>>(&read))
        return *faults;
    SensorDocument document = std::get<SensorDocument>(std::move(read));
    for (std::size_t i = 0; i < document.instruments.size(); ++i) {
        const InstrumentSpec* before = m_document.instrument(document.instruments[i].name);
        const InstrumentRun* run = find(document.instruments[i].name);
        if ((before != nullptr && before->slot != document.instruments[i].slot)
            || (before == nullptr && run != nullptr && run->spec().slot != document.instruments[i].slot))
            return {{QStringLiteral("/instruments/%1/slot").arg(i),
                QStringLiteral("cannot change: its files belong to it; remove the Instrument and add it again")}};
    }
    m_document = std::move(document);
    reconcile();
    return {};
}

void Sensor::reconcile()
{
    if (m_stopping)
        return;
    for (const auto& [name, run] : m_runs)
        if (m_document.instrument(name) == nullptr)
            run->stop();
    m_segments->want(m_document.interfaces);
    for (const InstrumentSpec& spec : m_document.instruments)
        run(spec);
    for (auto run = m_runs.begin(); run != m_runs.end();) {
        const QString name = run->first;
        ++run;
        if (m_document.instrument(name) == nullptr && find(name)->isStopped())
            drop(name);
    }
    Q_EMIT changed();
}

void Sensor::run(const InstrumentSpec& spec)
{
    InstrumentRun* run = find(spec.name);
    if (run != nullptr) {
        run->change(spec, m_document.interfaces);
    } else {
        const QString name = spec.name;
        const QString address = addressOf(name);
        InstrumentRun::Parts parts{
            .wires = {m_settings, m_clock, *m_work, *m_wiring},
            .cgroup = m_cgroup ? &*m_cgroup : nullptr,
            .limits =
                [this, name] {
                    Cgroup::Limits limits{.memoryBytes = kUsualMemory, .processes = kUsualProcesses};
                    const Manifest* manifest = manifestOf(name);
                    if (manifest != nullptr && manifest->memoryBytes > 0)
                        limits.memoryBytes = manifest->memoryBytes;
                    if (manifest != nullptr && manifest->processes > 0)
                        limits.processes = manifest->processes;
                    return limits;
                },
            .admit =
                [this, name, address, type = spec.type](const InstrumentPaths& paths) {
                    return m_hub->admit({.address = address,
                        .type = type,
                        .socket = paths.socket,
                        .owner = paths.ids,
                        .welcome = [this, name] { return welcome(name); }});
                },
            .dismiss =
                [this, name, address] {
                    m_hub->dismiss(address);
                    m_board->connected(address, false);
                    m_configurations->noteLeft(name);
                },
        };
        auto made = std::make_unique<InstrumentRun>(std::move(parts), spec, m_document.interfaces);
        run = made.get();
        connect(run, &InstrumentRun::started, this, [this, name](qint64 pid) { tellStarted(name, pid); });
        connect(run, &InstrumentRun::ended, this, [this, name](const Exit& exit) { tellEnded(name, exit); });
        connect(
            run, &InstrumentRun::stopped, this, [this, name] { onStopped(name); }, Qt::QueuedConnection);
        connect(run, &InstrumentRun::changed, this, [this, name] {
            judge(name);
            for (const Wires::State& state : find(name)->wires().states())
                setPorts(state.wanted.interface);
            Q_EMIT changed();
        });
        connect(run, &InstrumentRun::drifted, this, [name](const QString& what) {
            log::warning("mended", {{"instrument", name.toStdString()}, {"what", what.toStdString()}});
        });
        m_runs.emplace(name, std::move(made));
        learn(spec);
    }
    m_board->expect(addressOf(spec.name), periodOf(spec.name), spec.running);
    if (spec.running) {
        run->start();
    } else {
        run->stop();
        run->clean();
    }
}

void Sensor::onStopped(const QString& name)
{
    if (m_document.instrument(name) == nullptr)
        drop(name);
    endWhenStopped();
    Q_EMIT changed();
}

void Sensor::drop(const QString& name)
{
    const InstrumentRun* run = find(name);
    if (run == nullptr)
        return;
    const bool purge = m_purge.remove(name);
    m_work->ask<Result<>>(
        this, [paths = run->paths(), purge] { return removeInstrumentPlace(paths, purge); },
        [name](const Result<>& removed) {
            if (!removed)
                log::warning("what an Instrument left stays",
                    {{"instrument", name.toStdString()}, {"error", describe(removed.error())}});
        });
    m_runs.erase(name);
    m_board->forget(addressOf(name));
    m_hub->dismiss(addressOf(name));
    forget(name);
    forgetDocuments(name, purge);
    Q_EMIT changed();
}

void Sensor::forgetDocuments(const QString& name, bool purge)
{
    const auto forgotten = purge ? m_documents->purge(name) : m_documents->forget(name);
    if (!forgotten)
        log::warning(
            "its configuration stays", {{"instrument", name.toStdString()}, {"error", describe(forgotten.error())}});
}

InstrumentRun* Sensor::find(const QString& name)
{
    const auto at = m_runs.find(name);
    return at == m_runs.end() ? nullptr : at->second.get();
}

QString Sensor::addressOf(const QString& name) const
{
    return name + QLatin1Char('@') + m_settings.name;
}

std::optional<QString> Sensor::nameOf(const QString& address) const
{
    const QString name = address.section(QLatin1Char('@'), 0, 0);
    return m_runs.contains(name) ? std::optional{name} : std::nullopt;
}

void Sensor::change(const Edit& edit, const Configurations::Change& by, platform::Reply reply)
{
    QJsonObject document = toJson(m_document);
    if (const auto edited = edit(document); !edited) {
        reply(rpc::RpcError{rpc::Code::InvalidParams, QString::fromStdString(describe(edited.error()))});
        return;
    }
    Configurations::Change change = by;
    change.config = document;
    m_configurations->apply(kSelf, change, std::move(reply));
}

} // namespace beacon
