// What the Instrument makes of its parts' state: the second part of instrument.h.

#include "core/base/log.h"
#include "service/instrument/event_data.h"
#include "service/instrument/instrument.h"

#include <QDateTime>

#include <cmath>
#include <csignal>

namespace beacon {

namespace {

std::string timeText(WallTime time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
    return QDateTime::fromSecsSinceEpoch(seconds.count(), Qt::UTC).toString(Qt::ISODate).toStdString();
}

std::string wordsFor(const Exit& exit, const std::vector<std::string>& lastLines)
{
    const bool killed = exit.how == Exit::How::Signal && exit.value == SIGKILL;
    std::string words = describe(exit) + (killed ? ", by somebody or by the kernel for want of memory" : "");
    constexpr std::size_t kMostBytes = 200;
    if (ranAtAll(exit) && !lastLines.empty() && lastLines.back().size() <= kMostBytes)
        words += ", after it said: " + lastLines.back();
    return words;
}

} // namespace

void Instrument::judge()
{
    judgeInterface();
    judgeClock();
    judgeBeacon();
    judgeAttempts();
    judgeUplink();
    showHealth();
}

void Instrument::judgeInterface()
{
    const LinkState& link = m_link->state();
    hold(!link.present, Reason::InterfaceAbsent, m_settings.interface);
    hold(link.present && !link.ethernet, Reason::InterfaceWrongKind, link.name + " is of the kind " + link.kind);
    hold(link.present && !link.usable(), Reason::InterfaceDown,
        link.name + (link.up ? " has no carrier" : " is switched off"));
}

void Instrument::judgeClock()
{
    constexpr WallTime kProjectBegan{
        std::chrono::seconds{1'735'689'600}}; // 2025-01-01: no clock that is set shows less
    const WallTime now = m_clock.wall();
    hold(now < kProjectBegan, Reason::ClockNotSet, timeText(now));
}

void Instrument::judgeBeacon()
{
    Supervisor& supervisor = *m_supervisor;
    const std::string exit = supervisor.lastExit() ? wordsFor(*supervisor.lastExit(), m_output.lastLines()) : "unknown";
    hold(supervisor.life() == Life::Held, Reason::BeaconHeld, m_settings.beacon + ' ' + exit);

    hold(supervisor.crashLoop(), Reason::BeaconCrashLoop, exit);
    hold(m_stoppedByHand.has_value(), Reason::BeaconStopped, m_stoppedByHand ? timeText(*m_stoppedByHand) : "");
    hold(m_liveness.stateAt(m_clock.now()) == Liveness::State::Flooding, Reason::BeaconFloods,
        std::to_string(std::lround(m_liveness.linesPerSecond())));

    const bool waits = supervisor.life() == Life::Waiting && supervisor.backoff().count() > 0;
    if (waits && !supervisor.crashLoop()) {
        const bool ran = ranAtAll(*supervisor.lastExit());
        m_skeleton.raise(ran ? Reason::BeaconDied : Reason::BeaconNotStarted, exit);
        m_skeleton.clear(ran ? Reason::BeaconNotStarted : Reason::BeaconDied);
    } else if (supervisor.crashLoop() || supervisor.uptime() >= kTrusted || supervisor.life() == Life::Stopped) {
        m_skeleton.clear(Reason::BeaconDied);
        m_skeleton.clear(Reason::BeaconNotStarted);
    }

    if (supervisor.life() == Life::Running || supervisor.life() == Life::Stopped)
        m_skeleton.clear(Reason::BeaconStalled);
}

void Instrument::judgeAttempts()
{
    using Verdict = AttemptWatch::Verdict;
    const MonotonicTime now = m_clock.now();
    const bool judging = m_link->state().usable() && m_supervisor->life() == Life::Running;
    const Verdict verdict = judging ? m_watch.judge(now) : Verdict::Leaving;
    const std::string detail = m_watch.detail().empty() ? "" : ": " + m_watch.detail();
    const std::string limit = std::to_string(m_watch.limit().count() / 1'000) + " s";
    m_nothingLeft = verdict != Verdict::Leaving;
    hold(verdict == Verdict::NoNextHop, Reason::NoNextHop, detail);
    hold(verdict == Verdict::LocalErrors, Reason::LocalErrors, detail);
    hold(verdict == Verdict::Skipped, Reason::AllSkipped, detail);
    hold(verdict == Verdict::NothingTested, Reason::NothingTested, limit);
    const auto impaired = judging && verdict == Verdict::Leaving ? m_watch.impaired(now) : std::nullopt;
    if (impaired)
        m_skeleton.raise(Reason::FamilyImpaired,
            (*impaired == Family::Ipv4 ? "IPv4 attempt leaves this host" : "IPv6 attempt leaves this host") + detail);
    else
        m_skeleton.clear(Reason::FamilyImpaired);
}

void Instrument::judgeUplink()
{
    const auto& since = m_uplink.notLeavingSince();
    hold(since.has_value(), Reason::NotLeaving, since ? timeText(*since) : std::string{});
}

void Instrument::uplinkCounted(const platform::UplinkCounted& count)
{
    if (count.interface.toStdString() != m_link->state().name)
        return;
    m_uplink.counted(m_clock.now(), count);
    judgeUplink();
}

void Instrument::platformWent()
{
    m_uplink.forget();
    judgeUplink();
}

void Instrument::clearHealth()
{
    for (const Reason reason : {Reason::InterfaceAbsent, Reason::InterfaceDown, Reason::InterfaceWrongKind,
             Reason::BeaconHeld, Reason::BeaconCrashLoop, Reason::BeaconStalled, Reason::BeaconStopped,
             Reason::BeaconDied, Reason::BeaconNotStarted, Reason::BeaconFloods, Reason::NoNextHop, Reason::LocalErrors,
             Reason::AllSkipped, Reason::NothingTested, Reason::FamilyImpaired, Reason::LogFailed, Reason::NotLeaving})
        m_skeleton.clear(reason);
}

void Instrument::showHealth()
{
    const QJsonObject json = m_skeleton.healthJson();
    if (const auto health = admin::healthFromJson(json))
        m_feed.setHealth(*health);
}

} // namespace beacon
