#include "core/supervision/supervisor.h"

#include <QRandomGenerator>

#include <csignal>

namespace beacon {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

Supervisor::Supervisor(std::unique_ptr<Process> process, std::unique_ptr<Alarm> alarm, const Clock& clock,
    const Policy& policy, QObject* parent)
    : QObject(parent)
    , m_process(std::move(process))
    , m_alarm(std::move(alarm))
    , m_clock(clock)
    , m_policy(policy)
    , m_backoff(policy.backoff)
{
    connect(m_alarm.get(), &Alarm::elapsed, this, [this] { handle(Input::Elapsed); });
    connect(m_process.get(), &Process::started, this, &Supervisor::processStarted);
    connect(m_process.get(), &Process::output, this, &Supervisor::output);
    connect(m_process.get(), &Process::exited, this, &Supervisor::onExited);
}

void Supervisor::setCommand(Command command)
{
    m_command = std::move(command);
}
void Supervisor::start()
{
    handle(Input::Start);
}
void Supervisor::stop()
{
    handle(Input::Stop);
}
void Supervisor::restart()
{
    handle(Input::Restart);
}
void Supervisor::noteStalled()
{
    handle(Input::Stalled);
}

void Supervisor::noteReady()
{
    if (m_life == Life::Starting)
        m_readyAt = m_clock.now();
    handle(Input::Ready);
}

milliseconds Supervisor::uptime() const
{
    return m_readyAt ? duration_cast<milliseconds>(m_clock.now() - *m_readyAt) : milliseconds{0};
}

bool Supervisor::crashLoop()
{
    if (m_life == Life::Running)
        m_backoff.alive(uptime());
    return m_backoff.crashLoop();
}

void Supervisor::handle(Input input)
{
    const auto row = step(m_life, input);
    if (!row)
        return;
    const Life before = m_life;
    m_life = row->to;
    m_stalled = m_stalled || input == Input::Stalled;
    perform(row->act);
    if (m_life == row->to && m_life != before)
        Q_EMIT stateChanged(m_life);
}

void Supervisor::perform(Action action)
{
    if (action == Action::Keep)
        return;
    m_alarm->disarm();
    switch (action) {
    case Action::Keep:
    case Action::Rest:
        break;
    case Action::Spawn:
        m_readyAt.reset();
        m_stalled = m_watching = false;
        m_spawnedAt = m_clock.now();
        m_process->start(m_command);
        break;
    case Action::Terminate:
        m_process->signalAll(SIGTERM);
        m_process->signalAll(SIGCONT); // a stopped process would keep the SIGTERM pending
        m_alarm->arm(m_policy.stopGrace);
        break;
    case Action::Kill:
        m_process->signalAll(SIGKILL);
        m_alarm->arm(m_policy.stopGrace);
        break;
    case Action::ArmBackoff: {
        // Whoever stalled was not healthy before it died, however long it had lived.
        const milliseconds health = m_stalled ? milliseconds{0} : uptime();
        m_delay = m_backoff.died(m_clock.now(), health, QRandomGenerator::global()->generateDouble() * 2 - 1);
        m_alarm->arm(m_delay);
        break;
    }
    case Action::Watch:
        watch();
        break;
    }
}

void Supervisor::watch()
{
    const auto identity = identityOf(m_command.program);
    if (!m_watching) {
        m_watching = true;
        m_heldFile = identity;
    } else if (identity != m_heldFile) {
        handle(Input::Changed);
        return;
    }
    m_alarm->arm(m_policy.heldPoll);
}

void Supervisor::onExited(Exit exit)
{
    m_lastExit = exit;
    Q_EMIT processExited(exit, duration_cast<milliseconds>(m_clock.now() - m_spawnedAt));
    handle(exit.how == Exit::How::Unrunnable ? Input::Unrunnable : Input::Died);
}

} // namespace beacon
