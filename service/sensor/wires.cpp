#include "service/sensor/wires.h"

#include "core/base/log.h"
#include "service/sensor/resolv_conf.h"
#include "service/sensor/room_command.h"

#include <algorithm>

namespace beacon {

namespace {

std::vector<std::string> toStd(const QStringList& strings)
{
    std::vector<std::string> list;
    list.reserve(static_cast<std::size_t>(strings.size()));
    for (const QString& string : strings)
        list.push_back(string.toStdString());
    return list;
}

Addressing::How howOf(AttachmentSpec::How how)
{
    switch (how) {
    case AttachmentSpec::How::None:
        break;
    case AttachmentSpec::How::Static:
        return Addressing::How::Static;
    case AttachmentSpec::How::Dhcp:
        return Addressing::How::Dhcp;
    case AttachmentSpec::How::Slaac:
        return Addressing::How::Slaac;
    }
    return Addressing::How::None;
}

} // namespace

SegmentSpec segmentOf(const SensorInterface& interface)
{
    SegmentSpec segment;
    segment.name = interface.name.toStdString();
    segment.device = interface.device.toStdString();
    switch (interface.type) {
    case SensorInterface::Type::Phy:
        segment.type = SegmentSpec::Type::Phy;
        break;
    case SensorInterface::Type::Bridge:
        segment.type = SegmentSpec::Type::Bridge;
        break;
    case SensorInterface::Type::Mirror:
        segment.type = SegmentSpec::Type::Mirror;
        break;
    }
    return segment;
}

PlugSpec plugOf(const AttachmentSpec& attachment, const QString& instrument)
{
    return {.instrument = instrument.toStdString(),
        .name = attachment.name.toStdString(),
        .send = attachment.canSend(),
        .mac = {}};
}

Addressing addressingOf(const AttachmentSpec& attachment)
{
    return {.how = howOf(attachment.addressing),
        .addresses = toStd(attachment.addresses),
        .gateways = toStd(attachment.gateways),
        .resolvers = toStd(attachment.resolvers)};
}

Wires::Wires(const Parts& parts, InstrumentPaths paths, QString instrument)
    : m_parts(parts)
    , m_paths(std::move(paths))
    , m_instrument(std::move(instrument))
{
}

Wires::~Wires() = default;

Wires::State* Wires::find(const std::string& name)
{
    const auto at = std::find_if(
        m_states.begin(), m_states.end(), [&](const State& state) { return state.wanted.name.toStdString() == name; });
    return at == m_states.end() ? nullptr : &*at;
}

void Wires::want(const std::vector<AttachmentSpec>& attachments, const std::vector<SensorInterface>& interfaces)
{
    std::vector<State> wanted;
    for (const AttachmentSpec& attachment : attachments) {
        const auto interface = std::find_if(interfaces.begin(), interfaces.end(),
            [&](const SensorInterface& candidate) { return candidate.name == attachment.interface; });
        if (interface == interfaces.end())
            continue; // the document does not allow it
        State state;
        state.wanted = attachment;
        state.segment = segmentOf(*interface);
        const State* before = find(attachment.name.toStdString());
        if (before != nullptr && before->wanted == attachment && before->segment == state.segment)
            state = *before;
        wanted.push_back(std::move(state));
    }
    for (const State& before : m_states) {
        const bool stays = std::any_of(wanted.begin(), wanted.end(),
            [&](const State& state) { return state.wanted == before.wanted && state.segment == before.segment; });
        if (stays)
            continue;
        m_clients.erase(before.wanted.name.toStdString());
        unplug(before.segment, before.wanted);
    }
    m_states = std::move(wanted);
}

void Wires::unplug(const SegmentSpec& segment, const AttachmentSpec& wanted)
{
    m_parts.work.ask<Result<>>( // also where it is about to be plugged: the job before does it
        this,
        [this, segment, plug = plugOf(wanted, m_instrument), network = m_paths.networkNamespace.toStdString()] {
            return m_parts.wiring.unplug(segment, plug, network);
        },
        [](const Result<>& unplugged) {
            if (!unplugged)
                log::warning("an interface was not given back", {{"error", describe(unplugged.error())}});
        });
}

void Wires::makeRoom(std::function<void(const Result<>&)> done)
{
    m_parts.work.ask<Result<>>(
        this,
        [settings = m_parts.settings, paths = m_paths]() -> Result<> {
            if (auto made = beacon::makeRoom(settings, paths); !made)
                return made;
            return writeResolvers(paths.resolvers.toStdString(), {});
        },
        std::move(done));
}

void Wires::lay(std::function<void()> done)
{
    if (m_laying && !done)
        return; // the look that is under way will do
    m_laying = true;
    std::vector<std::pair<SegmentSpec, AttachmentSpec>> wanted;
    wanted.reserve(m_states.size());
    for (const State& state : m_states)
        wanted.emplace_back(state.segment, state.wanted);
    m_parts.work.ask<std::vector<Laid>>(
        this,
        [this, wanted = std::move(wanted), network = m_paths.networkNamespace.toStdString()] {
            std::vector<Laid> all;
            for (const auto& [segment, attachment] : wanted)
                all.push_back(layOne(m_parts.wiring, segment, attachment, m_instrument, network));
            return all;
        },
        [this, done = std::move(done)](const std::vector<Laid>& laid) {
            m_laying = false;
            take(laid);
            if (done)
                done();
        });
}

/// In the WorkQueue's thread.
Wires::Laid Wires::layOne(Wiring& wiring, const SegmentSpec& segment, const AttachmentSpec& wanted,
    const QString& instrument, const std::string& network)
{
    Laid laid;
    laid.name = wanted.name.toStdString();
    laid.segment = segment;
    laid.wanted = wanted;
    const PlugSpec plug = plugOf(wanted, instrument);
    const auto failed = [&](const Error& error) {
        laid.problem = describe(error);
        return laid;
    };
    const auto there = wiring.isPlugged(segment, plug, network);
    if (!there || !*there) {
        laid.fresh = true;
        if (auto opened = wiring.openSegment(segment); !opened)
            return failed(opened.error());
        if (auto plugged = wiring.plug(segment, plug, network); !plugged)
            return failed(plugged.error());
    }
    laid.plugged = true;
    if (auto configured = configureAddresses(network, laid.name, addressingOf(wanted)); !configured)
        return failed(configured.error());
    const auto facts = lookAddresses(network, laid.name);
    if (!facts)
        return failed(facts.error());
    laid.facts = *facts;
    return laid;
}

void Wires::take(const std::vector<Laid>& laid)
{
    bool news = false;
    for (const Laid& now : laid) {
        State* state = find(now.name);
        if (state == nullptr || !(state->segment == now.segment) || !(state->wanted == now.wanted)) {
            unplug(now.segment, now.wanted); // no longer wanted
            continue;
        }
        if (now.plugged && now.fresh && state->plugged)
            Q_EMIT drifted(QStringLiteral("interface %1 had been changed by hand; it has been laid anew")
                               .arg(QString::fromStdString(now.name)));
        if (!now.problem.empty() && now.problem != state->problem)
            log::warning("an Instrument's interface",
                {{"instrument", m_instrument.toStdString()}, {"interface", now.name}, {"error", now.problem}});
        news = news || now.problem != state->problem || now.plugged != state->plugged || now.facts != state->facts;
        if (now.fresh && now.plugged && m_clients.erase(now.name) > 0) { // its addresses are gone with what it was
            state->lease.reset();
            state->leaseProblem.clear();
        }
        state->plugged = now.plugged;
        state->problem = now.problem;
        state->facts = now.facts;
    }
    runClients();
    tellResolvers();
    if (news)
        Q_EMIT changed();
}

void Wires::runClients()
{
    for (const State& state : m_states) {
        const std::string name = state.wanted.name.toStdString();
        if (!state.plugged || state.wanted.addressing != AttachmentSpec::How::Dhcp || m_clients.contains(name))
            continue;
        auto client = std::make_unique<DhcpClient>(name,
            DhcpClient::Place{.client = m_parts.settings.dhcpClient.toStdString(),
                .event = m_parts.settings.leaseEvent().toStdString(),
                .launcher = m_parts.settings.room.toStdString(),
                .launcherOptions = roomForGuest(m_parts.settings, m_paths, m_parts.settings.leaseEvent())},
            m_parts.clock);
        connect(client.get(), &DhcpClient::leased, this, [this, name](const Lease& lease) { onLeased(name, lease); });
        connect(client.get(), &DhcpClient::lost, this, [this, name](const QString& why) { onLost(name, why); });
        connect(client.get(), &DhcpClient::problemChanged, this, [this, name](const QString& problem) {
            if (State* const its = find(name); its != nullptr)
                its->leaseProblem = problem;
            Q_EMIT changed();
        });
        client->start();
        m_clients.emplace(name, std::move(client));
    }
}

void Wires::onLeased(const std::string& name, const Lease& lease)
{
    State* state = find(name);
    if (state == nullptr)
        return;
    state->lease = lease;
    m_parts.work.ask<Result<>>(
        this,
        [lease, name, network = m_paths.networkNamespace.toStdString()] { return applyLease(network, name, lease); },
        [this](const Result<>& applied) {
            if (!applied)
                log::warning("a lease could not be applied",
                    {{"instrument", m_instrument.toStdString()}, {"error", describe(applied.error())}});
            tellResolvers();
            lay();
        });
}

void Wires::onLost(const std::string& name, const QString& why)
{
    State* state = find(name);
    if (state == nullptr)
        return;
    log::warning(
        "no lease", {{"instrument", m_instrument.toStdString()}, {"interface", name}, {"reason", why.toStdString()}});
    state->lease.reset();
    m_parts.work.ask<Result<>>(
        this, [name, network = m_paths.networkNamespace.toStdString()] { return dropLease(network, name); },
        [this](const Result<>&) {
            tellResolvers();
            lay();
        });
}

std::vector<std::string> Wires::State::resolvers() const
{
    if (!wanted.resolvers.isEmpty() || !lease)
        return toStd(wanted.resolvers);
    std::vector<std::string> given;
    for (const IpAddress& resolver : lease->resolvers)
        given.push_back(resolver.text());
    return given;
}

void Wires::tellResolvers()
{
    std::vector<std::string> resolvers;
    const auto add = [&](const std::vector<std::string>& more) {
        for (const std::string& resolver : more)
            if (std::find(resolvers.begin(), resolvers.end(), resolver) == resolvers.end())
                resolvers.push_back(resolver);
    };
    for (const State& state : m_states)
        add(state.resolvers());
    if (const auto written = writeResolvers(m_paths.resolvers.toStdString(), resolvers); !written)
        log::warning("resolvers", {{"instrument", m_instrument.toStdString()}, {"error", describe(written.error())}});
}

void Wires::takeAway(std::function<void()> done)
{
    m_clients.clear();
    for (State& state : m_states) {
        unplug(state.segment, state.wanted);
        state.plugged = false;
        state.lease.reset();
        state.problem.clear();
        state.leaseProblem.clear();
        state.facts = {};
    }
    m_parts.work.ask<Result<>>(
        this, [settings = m_parts.settings, paths = m_paths] { return dropRoom(settings, paths); },
        [done = std::move(done)](const Result<>& dropped) {
            if (!dropped)
                log::warning("namespaces stay", {{"error", describe(dropped.error())}});
            if (done)
                done();
        });
}

} // namespace beacon
