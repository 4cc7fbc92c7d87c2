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
    showHealth();
}

void Instrument::judgeInterface()
{
    const LinkState& link = m_link->state();
    hold(!link.present, Reason::InterfaceAbsent, m_settings.interface);
    hold(link.present && !link.usable(), Reason::InterfaceDown,
        link.name + (link.up ? " has no carrier" : " is switched off"));
}

void Instrument::judgeBeacon()
{
    Supervisor& supervisor = *m_supervisor;
    const std::string exit = supervisor.lastExit() ? describe(*supervisor.lastExit()) : "unknown";
    hold(supervisor.life() == Life::Held, Reason::BeaconHeld, m_settings.beacon + ' ' + exit);

    hold(supervisor.crashLoop(), Reason::BeaconCrashLoop, exit);

    // Cleared only when it has lived for a while, so that a few deaths make one change and not many.
    constexpr std::chrono::seconds kTrusted{10};
    if (supervisor.life() == Life::Waiting && supervisor.backoff().count() > 0 && !supervisor.crashLoop())
        m_skeleton.raise(Reason::BeaconDied, exit);
    else if (supervisor.crashLoop() || supervisor.uptime() >= kTrusted || supervisor.life() == Life::Stopped)
        m_skeleton.clear(Reason::BeaconDied);

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

void Instrument::showHealth()
{
    const QJsonObject json = m_skeleton.healthJson();
    if (const auto health = admin::healthFromJson(json))
        m_feed.setHealth(*health);
    m_lastStatus = m_skeleton.health().status;
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
