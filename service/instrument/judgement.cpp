// What the Instrument makes of its parts' state: the second half of instrument.h.

#include "core/base/log.h"
#include "service/instrument/event_data.h"
#include "service/instrument/instrument.h"

namespace beacon {

void Instrument::judge()
{
    judgeInterface();
    judgeBeacon();
    judgeAttempts();
    publishHealth();
}

void Instrument::judgeInterface()
{
    const LinkState& link = m_link->state();
    if (!link.present)
        m_health.raise(Reason::InterfaceAbsent, m_settings.interface);
    else
        m_health.clear(Reason::InterfaceAbsent);
    if (link.present && !link.usable())
        m_health.raise(Reason::InterfaceDown, link.name + (link.up ? " has no carrier" : " is switched off"));
    else
        m_health.clear(Reason::InterfaceDown);
}

void Instrument::judgeBeacon()
{
    Supervisor& supervisor = *m_supervisor;
    const std::string exit = supervisor.lastExit() ? describe(*supervisor.lastExit()) : "unknown";
    if (supervisor.life() == Life::Held)
        m_health.raise(Reason::BeaconHeld, m_settings.beacon + ' ' + exit);
    else
        m_health.clear(Reason::BeaconHeld);

    if (supervisor.crashLoop())
        m_health.raise(Reason::BeaconCrashLoop, exit);
    else
        m_health.clear(Reason::BeaconCrashLoop);

    // Cleared only when it has lived for a while, so that a few deaths make one change and not many.
    constexpr std::chrono::seconds kTrusted{10};
    if (supervisor.life() == Life::Waiting && supervisor.backoff().count() > 0 && !supervisor.crashLoop())
        m_health.raise(Reason::BeaconDied, exit);
    else if (supervisor.crashLoop() || supervisor.uptime() >= kTrusted || supervisor.life() == Life::Stopped)
        m_health.clear(Reason::BeaconDied);

    if (supervisor.life() == Life::Running || supervisor.life() == Life::Stopped)
        m_health.clear(Reason::BeaconStalled);
}

void Instrument::judgeAttempts()
{
    using Verdict = AttemptWatch::Verdict;
    const MonotonicTime now = m_clock.now();
    const bool judging = m_link->state().usable() && m_supervisor->life() == Life::Running;
    const Verdict verdict = judging ? m_watch.judge(now) : Verdict::Leaving;
    const std::string detail = m_watch.detail().empty() ? "" : ": " + m_watch.detail();
    const std::string limit = std::to_string(m_watch.limit().count() / 1'000) + " s";
    const auto hold = [&](Verdict when, Reason reason, const std::string& words) {
        if (verdict == when)
            m_health.raise(reason, words);
        else
            m_health.clear(reason);
    };
    hold(Verdict::NoNextHop, Reason::NoNextHop, detail);
    hold(Verdict::LocalErrors, Reason::LocalErrors, detail);
    hold(Verdict::Skipped, Reason::AllSkipped, detail);
    hold(Verdict::NothingTested, Reason::NothingTested, limit);
    const auto impaired = judging && verdict == Verdict::Leaving ? m_watch.impaired(now) : std::nullopt;
    if (impaired)
        m_health.raise(Reason::FamilyImpaired,
            (*impaired == Family::Ipv4 ? "IPv4 attempt leaves this host" : "IPv6 attempt leaves this host") + detail);
    else
        m_health.clear(Reason::FamilyImpaired);
}

void Instrument::publishHealth()
{
    HealthSnapshot snapshot = m_health.snapshot();
    if (!snapshot.sameCodes(m_lastHealth)) {
        const HealthStatus from = m_lastHealth.status;
        m_lastHealth = snapshot;
        EventSource::Options options;
        options.severity = severityFromNumber(severityOf(snapshot.status));
        publish(m_events.make(EventId::Health, healthSentence(snapshot), healthData(from, snapshot), options));
        snapshot = m_health.snapshot(); // publishing may have failed, or succeeded again
    }
    m_lastHealth = snapshot;
    admin::Health health = healthMessage(snapshot);
    health.facts = facts();
    m_feed.setHealth(health);
    if (const auto next = m_health.nextChange())
        m_healthTimer.start(*next + std::chrono::milliseconds{1});
}

QJsonObject Instrument::facts() const
{
    const BeaconOutput::Counters counters = m_output.counters();
    const auto kind = m_output.kind();
    QJsonObject facts{
        {QStringLiteral("interface"), interfaceData(m_link->state())},
        {QStringLiteral("interface_kind"), QString::fromStdString(m_link->state().kind)},
        {QStringLiteral("beacon"), QString::fromStdString(m_settings.beacon)},
        {QStringLiteral("life"), QString::fromLatin1(lifeName(m_supervisor->life()).data())},
        {QStringLiteral("pid"), static_cast<qint64>(m_supervisor->pid())},
        {QStringLiteral("containment"), QStringLiteral("process group")},
        {QStringLiteral("format"),
            kind == BeaconOutput::Kind::Ours          ? QStringLiteral("ours")
                : kind == BeaconOutput::Kind::Foreign ? QStringLiteral("foreign")
                                                      : QStringLiteral("unknown")},
        {QStringLiteral("config_version"), m_configVersion},
        {QStringLiteral("lines_dropped"), static_cast<qint64>(counters.dropped)},
        {QStringLiteral("lines_truncated"), static_cast<qint64>(counters.truncated)},
        {QStringLiteral("lines_garbage"), static_cast<qint64>(counters.garbage)},
    };
    if (const auto& hello = m_output.hello()) {
        facts.insert(QStringLiteral("version"), QString::fromStdString(hello->version));
        facts.insert(QStringLiteral("run"), static_cast<qint64>(hello->run));
        facts.insert(QStringLiteral("rate_pps"), hello->ratePps);
    }
    return facts;
}

} // namespace beacon
