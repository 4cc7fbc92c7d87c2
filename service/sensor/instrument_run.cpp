#include "service/sensor/instrument_run.h"

#include "core/base/log.h"
#include "core/supervision/qt_process.h"
#include "service/sensor/room_command.h"

#include <QFile>

namespace beacon {

InstrumentRun::InstrumentRun(Parts parts, InstrumentSpec spec, const std::vector<SensorInterface>& interfaces)
    : m_parts(std::move(parts))
    , m_spec(std::move(spec))
    , m_paths(m_parts.wires.settings, m_spec.name, m_spec.slot)
    , m_wires(std::make_unique<Wires>(m_parts.wires, m_paths, m_spec.name))
    , m_log(std::make_unique<InstrumentLog>(m_paths.log, m_parts.wires.clock))
{
    auto process = std::make_unique<QtProcess>(m_parts.wires.settings.room.toStdString());
    m_process = process.get();
    Supervisor::Policy policy;
    policy.stopGrace = kStopGrace;
    m_supervisor =
        std::make_unique<Supervisor>(std::move(process), std::make_unique<QtAlarm>(), m_parts.wires.clock, policy);
    connect(m_supervisor.get(), &Supervisor::output, m_log.get(), &InstrumentLog::take);
    connect(m_supervisor.get(), &Supervisor::processStarted, this, [this](qint64 pid) {
        m_since = m_parts.wires.clock.wall();
        ++m_restarts;
        Q_EMIT started(pid);
    });
    connect(m_supervisor.get(), &Supervisor::processExited, this, &InstrumentRun::onExited);
    connect(m_supervisor.get(), &Supervisor::stateChanged, this, &InstrumentRun::onLife);
    connect(m_wires.get(), &Wires::changed, this, &InstrumentRun::changed);
    connect(m_wires.get(), &Wires::drifted, this, &InstrumentRun::drifted);
    m_wires->want(m_spec.interfaces, interfaces);

    m_hello.setSingleShot(true);
    connect(&m_hello, &QTimer::timeout, this, [this] {
        m_problem = QStringLiteral("it did not say hello within %1 s").arg(kHelloWithin.count());
        m_supervisor->noteStalled();
    });
    m_again.setSingleShot(true);
    connect(&m_again, &QTimer::timeout, this, [this] {
        if (m_stage == Stage::Stopped && m_wanted)
            prepare();
    });
    connect(&m_look, &QTimer::timeout, this, [this] { m_wires->lay(); });
}

InstrumentRun::~InstrumentRun() = default;

void InstrumentRun::change(InstrumentSpec spec, const std::vector<SensorInterface>& interfaces)
{
    const InstrumentSpec before = std::exchange(m_spec, std::move(spec));
    const bool rewired = before.interfaces != m_spec.interfaces;
    m_wires->want(m_spec.interfaces, interfaces);
    if (m_stage != Stage::Supervised)
        return; // a start to come takes what is wanted then
    if (!rewired) {
        m_wires->lay();
        if (before.program != m_spec.program || before.memoryBytes != m_spec.memoryBytes
            || before.processes != m_spec.processes)
            restart();
        return;
    }
    m_wires->lay([this] {
        if (m_stage == Stage::Supervised)
            restart(); // its hello brings the new interfaces
    });
}

void InstrumentRun::start()
{
    m_wanted = true;
    if (m_stage == Stage::Stopped)
        prepare();
    else if (m_stage == Stage::Supervised)
        m_supervisor->start();
    // What is being stopped starts again when that is done.
}

void InstrumentRun::stop()
{
    m_wanted = false;
    m_again.stop();
    if (m_stage != Stage::Supervised)
        return; // prepare() looks, and what ends is ending already
    m_stage = Stage::Ending;
    m_supervisor->stop();
    if (m_supervisor->life() == Life::Stopped)
        release(); // it was waiting or held
    Q_EMIT changed();
}

void InstrumentRun::restart()
{
    if (m_stage != Stage::Supervised) {
        start();
        return;
    }
    setCommand();
    m_supervisor->restart();
}

void InstrumentRun::noteHello()
{
    m_hello.stop();
    m_problem.clear();
    m_supervisor->noteReady();
    Q_EMIT changed();
}

void InstrumentRun::noteSilent()
{
    m_supervisor->noteStalled();
}

/// What an earlier Sensor left when it was killed: wires that nobody wants any more go with the namespace.
void InstrumentRun::clean()
{
    if (m_stage != Stage::Stopped || std::exchange(m_cleaned, true) || !QFile::exists(m_paths.networkNamespace))
        return;
    release();
}

void InstrumentRun::prepare()
{
    m_again.stop();
    clean();
    if (m_stage != Stage::Stopped)
        return; // it goes on from there
    m_stage = Stage::Preparing;
    Q_EMIT changed();
    m_parts.wires.work.ask<Result<>>(
        this, [paths = m_paths] { return makeInstrumentPlace(paths); },
        [this](const Result<>& made) {
            if (!made)
                fail(QString::fromStdString(describe(made.error())));
            else
                m_wires->makeRoom([this](const Result<>& room) {
                    if (!room)
                        fail(QString::fromStdString(describe(room.error())));
                    else
                        m_wires->lay([this] { run(); });
                });
        });
}

void InstrumentRun::run()
{
    if (m_stage != Stage::Preparing)
        return;
    if (!m_wanted) {
        release();
        return;
    }
    if (const auto admitted = m_parts.admit(m_paths); !admitted) {
        m_problem = QString::fromStdString(describe(admitted.error()));
        m_later = true;
        release();
        return;
    }
    m_stage = Stage::Supervised;
    m_problem.clear();
    m_look.start(kLookAgain);
    setCommand();
    m_supervisor->start();
}

void InstrumentRun::fail(const QString& why)
{
    if (m_problem != why)
        log::error("an Instrument cannot be started",
            {{"instrument", m_spec.name.toStdString()}, {"error", why.toStdString()}});
    m_problem = why;
    m_stage = Stage::Stopped;
    if (m_wanted)
        m_again.start(kTryAgain);
    else
        Q_EMIT stopped();
    Q_EMIT changed();
}

void InstrumentRun::setCommand()
{
    m_process->setLauncherOptions(roomOptions());
    m_supervisor->setCommand({.program = m_spec.program.toStdString(),
        .arguments = {},
        .environment = {{"SENSOR_SOCKET", QString{InstrumentPaths::kSocketInside}.toStdString()}}});
}

std::vector<std::string> InstrumentRun::roomOptions()
{
    Cgroup::Limits limits = m_parts.limits();
    if (m_spec.memoryBytes > 0)
        limits.memoryBytes = m_spec.memoryBytes;
    if (m_spec.processes > 0)
        limits.processes = m_spec.processes;
    std::string group;
    if (m_parts.cgroup != nullptr) {
        const auto made = m_parts.cgroup->make(m_spec.name.toStdString(), limits);
        if (made)
            group = *made;
        else
            log::warning("an Instrument has no limits",
                {{"instrument", m_spec.name.toStdString()}, {"error", describe(made.error())}});
    }
    return roomForInstrument(m_parts.wires.settings, m_paths,
        {.program = m_spec.program,
            .hostname = m_spec.name.toStdString(),
            .cgroup = group,
            .processes = limits.processes});
}

void InstrumentRun::onLife(Life life)
{
    if (life == Life::Starting)
        m_hello.start(kHelloWithin);
    else
        m_hello.stop();
    if (life == Life::Stopped && m_stage == Stage::Ending)
        release();
    Q_EMIT changed();
}

void InstrumentRun::onExited(Exit exit)
{
    m_since = m_parts.wires.clock.wall();
    m_log->finish();
    if (!ranAtAll(exit))
        m_problem = QString::fromStdString(describe(exit));
    Q_EMIT ended(exit);
}

void InstrumentRun::release()
{
    m_stage = Stage::Releasing;
    m_look.stop();
    m_parts.dismiss();
    if (m_parts.cgroup != nullptr)
        m_parts.cgroup->remove(m_spec.name.toStdString());
    m_wires->takeAway([this] {
        m_parts.wires.work.ask<Result<>>(
            this, [paths = m_paths] { return removeInstrumentPlace(paths, false); },
            [this](const Result<>& removed) {
                if (!removed)
                    log::warning("what an Instrument left stays", {{"error", describe(removed.error())}});
                m_stage = Stage::Stopped;
                Q_EMIT changed();
                if (!m_wanted)
                    Q_EMIT stopped();
                else if (std::exchange(m_later, false))
                    m_again.start(kTryAgain);
                else
                    prepare();
            });
    });
}

QString InstrumentRun::lifeText() const
{
    switch (m_stage) {
    case Stage::Stopped:
        return m_wanted ? QStringLiteral("waiting") : QStringLiteral("stopped");
    case Stage::Preparing:
        return QStringLiteral("starting");
    case Stage::Supervised:
        break;
    case Stage::Ending:
    case Stage::Releasing:
        return QStringLiteral("stopping");
    }
    const std::string_view name = lifeName(m_supervisor->life());
    return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
}

} // namespace beacon
