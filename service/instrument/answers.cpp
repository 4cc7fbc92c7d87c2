// What the Instrument answers to whoever asks: the third part of instrument.h.

#include "core/base/resolvers.h"
#include "service/instrument/event_data.h"
#include "service/instrument/instrument.h"
#include "service/instrument/support_bundle.h"

#include <QJsonArray>

#include <algorithm>

namespace beacon {

namespace {

/// ["192.0.2.1", "on the link (IPv6)", …], best first.
QJsonArray routesFact(const LinkState& link)
{
    QJsonArray routes;
    for (const DefaultRoute& route : link.defaultRoutes)
        routes.append(route.gateway
                ? QString::fromStdString(route.gateway->text())
                : QStringLiteral("on the link (%1)")
                      .arg(route.family == Family::Ipv4 ? QStringLiteral("IPv4") : QStringLiteral("IPv6")));
    return routes;
}

QJsonArray resolversFact()
{
    QJsonArray resolvers;
    for (const IpAddress& address : readResolvers())
        resolvers.append(QString::fromStdString(address.text()));
    return resolvers;
}

} // namespace

Commands::Actions Instrument::actions()
{
    Commands::Actions actions;
    actions.start = [this] {
        m_stoppedByHand.reset();
        reconcile();
        judge();
    };
    actions.stop = [this] {
        if (!m_stoppedByHand)
            m_stoppedByHand = m_clock.wall();
        reconcile();
        judge();
    };
    actions.restart = [this] {
        m_stoppedByHand.reset();
        m_moved = true; // as if the interface were another one
        reconcile();
        judge();
    };
    actions.life = [this] { return QString::fromLatin1(lifeName(m_supervisor->life()).data()); };
    actions.supportBundle = [this] { return supportBundle(); };
    actions.selfTestArguments = [this] {
        QStringList arguments{QStringLiteral("--self-test")};
        const auto add = [&](const char* option, const std::string& value) {
            arguments << QString::fromLatin1(option) << QString::fromStdString(value);
        };
        add("--interface", m_link->state().name);
        add("--beacon", m_settings.beacon);
        add("--launcher", m_settings.launcher);
        add("--user", m_settings.user);
        add("--name", m_settings.name);
        add("--runtime-dir", m_settings.runtimeDir.substr(0, m_settings.runtimeDir.rfind('/')));
        constexpr std::size_t kMostPorts = 20; // a drill is short
        std::string techniques, ports;
        for (const std::string& technique : m_settings.techniques)
            techniques += (techniques.empty() ? "" : ",") + technique;
        for (std::size_t i = 0; i < std::min(m_settings.ports.size(), kMostPorts); ++i)
            ports += (ports.empty() ? "" : ",") + std::to_string(m_settings.ports[i]);
        if (!techniques.empty())
            add("--techniques", techniques);
        if (!ports.empty())
            add("--ports", ports);
        if (m_settings.netAdmin)
            arguments << QStringLiteral("--net-admin");
        return arguments;
    };
    return actions;
}

QJsonObject Instrument::supportBundle() const
{
    constexpr int kMostEntries = 2'000;
    QByteArrayList recent;
    if (m_journal)
        for (const QByteArray& entry : m_journal->last(kMostEntries))
            recent.append(entry);
    else
        recent = m_feed.recent(kMostEntries);
    return beacon::supportBundle(m_skeleton.healthJson(), withoutSecrets(m_skeleton.config(), instrumentProgram()),
        recent, toUnixSeconds(m_clock.wall()));
}

QJsonObject Instrument::facts() const
{
    const BeaconOutput::Counters counters = m_output.counters();
    const auto kind = m_output.kind();
    QJsonObject facts{
        {QStringLiteral("interface"), interfaceData(m_link->state())},
        {QStringLiteral("interface_kind"), QString::fromStdString(m_link->state().kind)},
        {QStringLiteral("default_routes"), routesFact(m_link->state())},
        {QStringLiteral("resolvers"), resolversFact()},
        {QStringLiteral("beacon"), QString::fromStdString(m_settings.beacon)},
        {QStringLiteral("life"), QString::fromLatin1(lifeName(m_supervisor->life()).data())},
        {QStringLiteral("pid"), static_cast<qint64>(m_supervisor->pid())},
        {QStringLiteral("containment"), m_containment},
        {QStringLiteral("stdout"), m_terminal ? QStringLiteral("terminal") : QStringLiteral("pipe")},
        {QStringLiteral("liveness"), QString::fromLatin1(stateName(m_liveness.stateAt(m_clock.now())).data())},
        {QStringLiteral("attempts"), static_cast<qint64>(m_attempts)},
        {QStringLiteral("escapes"), static_cast<qint64>(m_escapes)},
        {QStringLiteral("format"),
            kind == BeaconOutput::Kind::Ours          ? QStringLiteral("ours")
                : kind == BeaconOutput::Kind::Foreign ? QStringLiteral("foreign")
                                                      : QStringLiteral("unknown")},
        {QStringLiteral("lines_dropped"), static_cast<qint64>(counters.dropped)},
        {QStringLiteral("lines_truncated"), static_cast<qint64>(counters.truncated)},
        {QStringLiteral("lines_garbage"), static_cast<qint64>(counters.garbage)},
    };
    for (const QJsonObject& more : {m_switchPort.facts(), m_uplink.facts()})
        for (auto fact = more.begin(); fact != more.end(); ++fact)
            facts.insert(fact.key(), *fact);
    if (const auto& hello = m_output.hello()) {
        facts.insert(QStringLiteral("version"), QString::fromStdString(hello->version));
        facts.insert(QStringLiteral("run"), static_cast<qint64>(hello->run));
        facts.insert(QStringLiteral("rate_pps"), hello->ratePps);
    }
    return facts;
}

} // namespace beacon
