#include "service/instrument/instrument.h"

#include "core/base/log.h"
#include "service/instrument/admin_role.h"
#include "service/instrument/beacon_command.h"
#include "service/instrument/event_data.h"

#include <cmath>
#include <csignal>

namespace beacon {

namespace {

constexpr std::chrono::seconds kStopWithin{9}; // the promise is 10 s

Liveness::Policy livenessOf(const Settings& settings)
{
    Liveness::Policy policy;
    policy.grace = settings.grace;
    policy.fixed = settings.stall;
    return policy;
}

std::chrono::milliseconds testLimit(const Settings& settings)
{
    return settings.stall.value_or(Liveness::Policy{}.ours);
}

admin::Hello helloOf(const Settings& settings, EventSource& events)
{
    admin::Hello hello;
    hello.instrument = events.identity().instrument;
    hello.interface = QString::fromStdString(settings.interface);
    hello.version = QStringLiteral(BEACON_VERSION);
    hello.run = events.takeUuid();
    return hello;
}

} // namespace

Instrument::Instrument(Settings settings, const Clock& clock, Parts parts, Skeleton& skeleton, QObject* parent)
    : QObject(parent)
    , m_settings(std::move(settings))
    , m_clock(clock)
    , m_parts(std::move(parts))
    , m_skeleton(skeleton)
    , m_events(skeleton.events())
    , m_feed(helloOf(m_settings, m_events), clock)
    , m_switchPort(clock)
    , m_liveness(livenessOf(m_settings))
    , m_watch(testLimit(m_settings))
    , m_output(clock)
{
    if (m_settings.journal) {
        m_journal.emplace(m_settings.stateDir, m_settings.journalBytes, clock, [this](const auto& error) {
            hold(error.has_value(), Reason::LogFailed, error ? describe(*error) : std::string{});
        });
        m_feed.setOlder([this](quint64 after, quint64 before) { return m_journal->between(after, before); });
    }
    connect(&m_skeleton, &Skeleton::published, this, &Instrument::onPublished);
    connect(&m_skeleton, &Skeleton::healthChanged, this, &Instrument::showHealth);
    for (QTimer* timer : {&m_check, &m_rollUpTimer, &m_stopGuard})
        timer->setSingleShot(true);
    m_check.setTimerType(Qt::PreciseTimer); // a coarse one wakes the process twice
    connect(&m_check, &QTimer::timeout, this, &Instrument::onCheck);
    connect(&m_rollUpTimer, &QTimer::timeout, this, &Instrument::onRollUp);
    connect(&m_stopGuard, &QTimer::timeout, this, &Instrument::stopped);
    m_watch.restart(clock.now());
    connectOutput();
}

Instrument::~Instrument()
{
    forgetBeaconFiles(m_settings);
}

Result<> Instrument::start()
{
    if (auto served = serveAdmin(); !served)
        return served;
    m_supervisor = m_parts.makeSupervisor(m_settings);
    connect(m_supervisor.get(), &Supervisor::processStarted, this, &Instrument::onProcessStarted);
    connect(m_supervisor.get(), &Supervisor::processExited, this, &Instrument::onProcessExited);
    connect(m_supervisor.get(), &Supervisor::output, this, [this](Stream stream, const QByteArray& chunk) {
        if (m_running)
            m_output.feed(stream, chunk);
        else
            log::warning("launcher", {{"line", printable(chunk.trimmed().toStdString())}});
    });
    connect(m_supervisor.get(), &Supervisor::stateChanged, this, &Instrument::onLife);
    if (auto watched = watchInterface(); !watched)
        return watched;
    log::info("instrument started",
        {{"interface", m_settings.interface}, {"beacon", m_settings.beacon}, {"socket", m_settings.socketPath()}});
    if (m_link->state().usable())
        announceInterface();
    reconcile();
    judge();
    return {};
}

Result<> Instrument::serveAdmin()
{
    connect(&m_listener, &rpc::Listener::accepted, this,
        [this](rpc::Peer* peer) { m_feed.attach(peer, roleOf(peer->credentials(), m_settings.ownsRuntimeRoot)); });
    connect(&m_listener, &rpc::Listener::descriptorsExhausted, this,
        [] { log::warning("out of file descriptors; clients wait"); });
    m_commands = std::make_unique<Commands>(actions(), m_events, [this](const Event& event) { publish(event); });
    m_feed.setCommands([this](rpc::Peer& peer, admin::Role role, const QString& method, const QJsonObject&,
                           rpc::Responder responder) {
        m_commands->serve({role, qint64{peer.credentials().uid}}, method, platform::responderFor(std::move(responder)));
    });
    m_feed.setFreshHealth([this] {
        const auto health = admin::healthFromJson(m_skeleton.healthJson());
        return health ? *health : m_feed.health();
    });
    rpc::Listener::Settings settings;
    settings.path = QString::fromStdString(m_settings.socketPath());
    return m_listener.listen(settings);
}

void Instrument::connectOutput()
{
    connect(&m_output, &BeaconOutput::helloSaid, this, [this](const HelloLine& line) {
        m_liveness.isOurs(true, line.ratePps);
        log::info("the Beacon is ours", {{"version", line.version}, {"run", std::to_string(line.run)}});
    });
    connect(&m_output, &BeaconOutput::alive, this, &Instrument::onAlive);
    connect(&m_output, &BeaconOutput::noise, this, [this] { m_liveness.noise(m_clock.now()); });
    connect(&m_output, &BeaconOutput::attempt, this, &Instrument::onAttempt);
    connect(&m_output, &BeaconOutput::escape, this, &Instrument::onEscape);
    connect(&m_output, &BeaconOutput::outputLine, this,
        [this](const std::string& text, Stream stream, bool truncated, quint64 dropped) {
            publish(m_events.make(
                EventId::BeaconOutput, QStringLiteral("Beacon output"), outputData(text, stream, truncated, dropped)));
        });
    connect(&m_output, &BeaconOutput::diagnostic, this, [](const std::string& text) {
        log::info("beacon", {{"line", text}});
    });
}

void Instrument::onPublished(const Event& event)
{
    m_feed.publish(event);
    if (m_journal)
        m_journal->append(event);
}

void Instrument::publishLine(const std::string& line, bool priority)
{
    const WallTime at = m_clock.wall();
    const quint64 seq = m_events.takeSeq();
    m_feed.publishLine(line, at, seq, priority);
    if (m_journal)
        m_journal->appendLine(line, at, seq, priority);
}

void Instrument::hold(bool holds, Reason reason, const std::string& detail)
{
    if (holds)
        m_skeleton.raise(reason, detail);
    else
        m_skeleton.clear(reason);
}

void Instrument::reload(const Settings& settings)
{
    const auto changed = changedKeys(m_settings, settings);
    m_settings = settings;
    applySettings(changed);
    judge();
}

void Instrument::applySettings(const std::vector<std::string>& changed)
{
    const auto has = [&](const char* key) { return std::find(changed.begin(), changed.end(), key) != changed.end(); };
    if (has("stall") || has("grace")) {
        m_liveness.setPolicy(livenessOf(m_settings));
        m_watch = AttemptWatch{testLimit(m_settings)};
        m_watch.restart(m_clock.now());
        armCheck();
    }
    if (has("roll_up") && m_rollUpTimer.isActive())
        m_rollUpTimer.start(m_settings.rollUp);
    if (has("stop"))
        m_supervisor->setStopGrace(m_settings.stop);
    if (has("interface")) {
        m_uplink.forget();
        if (auto watched = watchInterface(); !watched)
            log::error("interface monitor", {{"error", describe(watched.error())}});
        announceInterface();
    }
    if (has("beacon"))
        m_terminal = false;
    if (std::any_of(changed.begin(), changed.end(), restartsBeacon))
        m_moved = true;
    reconcile();
}

void Instrument::stop()
{
    if (m_stopping) {
        m_stopGuard.start(0); // asked twice: the destructor kills what is left
        return;
    }
    m_stopping = true;
    m_commands->tellDenials();
    m_stopGuard.start(kStopWithin);
    reconcile();
    if (m_supervisor->life() == Life::Stopped)
        QMetaObject::invokeMethod(this, &Instrument::stopped, Qt::QueuedConnection);
}

void Instrument::prepareCommand()
{
    auto made = prepareBeacon(m_settings, m_link->state().name);
    made.command.terminal = m_terminal;
    m_supervisor->setCommand(std::move(made.command));
    hold(!made.prepared, Reason::ConfigMissing, made.prepared ? std::string{} : describe(made.prepared.error()));
}

void Instrument::reconcile()
{
    const Life life = m_supervisor->life();
    const bool unfit = !m_link->state().present || !m_link->state().ethernet;
    if (m_stopping || m_stoppedByHand || unfit) {
        m_moved = false;
        m_supervisor->stop();
        return;
    }
    const bool off = life == Life::Stopped || life == Life::Stopping;
    if (off && m_link->state().usable()) {
        m_moved = false;
        prepareCommand();
        m_supervisor->start();
    } else if (!off && m_moved) {
        m_moved = false;
        prepareCommand();
        m_supervisor->restart();
    }
}

void Instrument::onProcessStarted(qint64 pid)
{
    const MonotonicTime now = m_clock.now();
    m_running = true;
    m_unannounced = pid;
    m_containment = containmentText(m_supervisor->containment());
    m_output.begin();
    m_liveness.started(now);
    m_watch.restart(now);
    armCheck();
}

void Instrument::announceProcess()
{
    if (!m_unannounced)
        return;
    const auto& hello = m_output.hello();
    m_processChain = m_events.make(EventId::ProcessStarted, QStringLiteral("Beacon started"),
        processStarted(
            *std::exchange(m_unannounced, std::nullopt), hello ? std::optional{hello->version} : std::nullopt));
    publish(*m_processChain);
}

void Instrument::onProcessExited(Exit exit, std::chrono::milliseconds uptime)
{
    if (std::exchange(m_running, false))
        m_output.end();
    m_liveness.ended();
    if (!ranAtAll(exit)) {
        log::error("the Beacon was not started", {{"beacon", m_settings.beacon}, {"why", describe(exit)}});
        return; // nothing ran: health tells
    }
    announceProcess();
    const QString message = QStringLiteral("Beacon ended: ") + QString::fromStdString(describe(exit));
    const QJsonObject data = processExited(exit, uptime, m_output.lastLines());
    publish(m_processChain ? m_events.follow(*m_processChain, EventId::ProcessExited, message, data)
                           : m_events.make(EventId::ProcessExited, message, data));
    m_processChain.reset();
}

void Instrument::onLife(Life life)
{
    if (life == Life::Stopped && m_stopping) {
        Q_EMIT stopped();
        return;
    }
    if (life == Life::Stopped) {
        forgetBeaconFiles(m_settings);
        reconcile();
    }
    armCheck();
    judge();
}

void Instrument::onAlive(bool attempt)
{
    m_liveness.line(m_clock.now(), attempt ? Liveness::Sign::Attempt : Liveness::Sign::Other);
    if (m_output.kind() == BeaconOutput::Kind::Undecided)
        return; // stderr before the first line: life, but not yet known whose
    announceProcess();
    if (m_supervisor->life() == Life::Starting)
        m_supervisor->noteReady();
    if (m_output.kind() == BeaconOutput::Kind::Foreign) { // each of its lines counts as an attempt that left
        const bool first = !m_skeleton.working();
        m_watch.left(m_clock.now(), Family::Ipv4);
        m_skeleton.noteWorking();
        if (first || m_nothingLeft)
            judge();
    }
}

void Instrument::onAttempt(const AttemptLine& line)
{
    const MonotonicTime now = m_clock.now();
    ++m_attempts;
    if (!m_rollUpTimer.isActive()) {
        m_rollUpBegan = now;
        m_rollUpTimer.start(m_settings.rollUp);
    }
    m_rollUp.add(line);
    m_watch.attempt(now, line);
    m_uplink.sent(line);
    publishLine(writeLine(line), false);
    if (!leftTheHost(line.outcome))
        return;
    const bool first = !m_skeleton.working();
    m_skeleton.noteWorking();
    if (first || m_nothingLeft)
        judge();
}

void Instrument::onEscape(const EscapeLine& line)
{
    ++m_escapes;
    m_watch.left(m_clock.now(), line.target.family);
    m_uplink.escaped();
    m_skeleton.noteWorking();
    publishLine(writeLine(line), true);
    const auto run = m_output.hello() ? m_output.hello()->run : 0;
    publish(m_events.make(EventId::EscapeSucceeded, escapeSentence(line), escapeData(line, run)));
}

void Instrument::onCheck()
{
    const auto silence = m_liveness.limit();
    if (m_liveness.check(m_clock.now()) == Liveness::State::Stalled && m_supervisor->life() != Life::Failing) {
        const std::string seconds = std::to_string(silence.count() / 1'000);
        const bool noise = m_output.onlyNoise();
        m_skeleton.raise(
            Reason::BeaconStalled, (noise ? "but unreadable lines or complaints for " : "for ") + seconds + " s");
        log::warning(
            "the Beacon is silent and is being replaced", {{"seconds", seconds}, {"noise", noise ? "yes" : "no"}});
        if (m_output.kind() == BeaconOutput::Kind::Undecided) {
            m_terminal = !m_terminal;
            prepareCommand();
        }
        m_supervisor->noteStalled();
    }
    judge();
    armCheck();
}

void Instrument::armCheck()
{
    // No oftener than something can be found out: an Instrument that has nothing to do sleeps.
    auto next = m_liveness.nextCheck();
    if (!next) {
        m_check.stop();
        return;
    }
    next = std::min(*next, m_watch.untilVerdict(m_clock.now()));
    if (m_supervisor->life() == Life::Running && m_supervisor->uptime() < kTrusted)
        next = std::min<std::chrono::milliseconds>(*next, kTrusted - m_supervisor->uptime());
    m_check.start(*next);
}

void Instrument::onRollUp()
{
    const MonotonicTime now = m_clock.now();
    const double covered = std::chrono::duration<double>(now - m_rollUpBegan).count();
    if (!m_rollUp.empty())
        publish(m_events.make(EventId::EscapeAttempts,
            QStringLiteral("Attempts of the last %1 s").arg(std::lround(covered)), m_rollUp.take(covered)));
    judge();
}

} // namespace beacon
