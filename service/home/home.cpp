#include "service/home/home.h"

#include "core/base/log.h"
#include "core/escape/technique.h"
#include "core/packet/build.h"

#include <QJsonArray>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace beacon {

namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1s;
constexpr auto kNoiseEvery = 60s;
constexpr std::uint16_t kDnsPort = 53;
constexpr int kOldPerSecond = 10; ///< replays and retired Beacons' tokens that are recorded; the rest is counted
constexpr int kRestored = 1 << 19; ///< tokens that are known again after a restart

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
}

EventSource::Identity homeIdentity(const QString& host)
{
    return {QStringLiteral("home_0@") + host, host, QStringLiteral("home")};
}

std::vector<IpAddress> globalAddresses(const std::string& interface)
{
    std::vector<IpAddress> addresses;
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0)
        return addresses;
    for (const ifaddrs* one = raw; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || interface != one->ifa_name)
            continue;
        std::optional<IpAddress> address;
        if (one->ifa_addr->sa_family == AF_INET)
            address = IpAddress{ByteView{
                reinterpret_cast<const Byte*>(&reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr), 4}};
        else if (one->ifa_addr->sa_family == AF_INET6)
            address = IpAddress{ByteView{
                reinterpret_cast<const Byte*>(&reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr), 16}};
        if (address && !address->isLinkLocal() && (one->ifa_flags & IFF_LOOPBACK) == 0)
            addresses.push_back(*address);
    }
    ::freeifaddrs(raw);
    return addresses;
}

std::string describeLeak(const Finding& finding)
{
    const Technique* const technique = findTechnique(finding.key.technique);
    std::string sentence = "Leak: " + (technique != nullptr ? std::string{technique->name} : "an unknown technique")
        + " over " + (finding.key.family == Family::Ipv4 ? "IPv4" : "IPv6");
    if (!finding.ports.empty())
        sentence += " to port " + std::to_string(finding.ports.front());
    if (finding.ports.size() > 1)
        sentence += " and " + std::to_string(finding.ports.size() - 1) + " more";
    if (!finding.egress.empty())
        sentence += ", arrived from " + finding.egress.front().text();
    return sentence;
}

} // namespace

Home::Home(Setup setup, const Clock& clock, WriteLine write)
    : m_setup(std::move(setup))
    , m_clock(clock)
    , m_write(std::move(write))
    , m_events(homeIdentity(m_setup.host), clock)
    , m_classifier(m_keyring, clock)
    , m_findings(clock)
    , m_health(clock)
    , m_zone(m_setup.zone)
    , m_recorder(m_setup.database)
{
    connect(
        &m_recorder, &Recorder::keysRead, this,
        [this](const std::vector<KeyEntry>& keys) {
            for (const KeyEntry& key : keys)
                m_keyring.put(key);
            log::info("keys of Beacons are known", {{"count", std::to_string(m_keyring.size())}});
        },
        Qt::QueuedConnection);
    connect(
        &m_recorder, &Recorder::failed, this,
        [this](const QString& why) {
            log::error("the database cannot be written; alerts go on, and what is seen is kept in memory",
                {{"database", m_setup.database}, {"error", why.toStdString()}});
            m_health.raise(HomeHealth::Trouble::DatabaseFailed, why);
            sayHealth();
        },
        Qt::QueuedConnection);
    connect(
        &m_recorder, &Recorder::recovered, this,
        [this](quint64 dropped) {
            log::notice("the database is written again", {{"dropped", std::to_string(dropped)}});
            m_health.clear(HomeHealth::Trouble::DatabaseFailed);
            sayHealth();
        },
        Qt::QueuedConnection);
    connect(&m_tick, &QTimer::timeout, this, &Home::tick);
}

Home::~Home() = default;

Result<> Home::start()
{
    auto responder = Responder::open();
    if (!responder)
        return responder.error();
    m_responder.emplace(std::move(*responder));
    auto listener =
        TcpListener::open([this](const TcpListener::Ends& ends, ByteView data) { return answerTcp(ends, data); });
    if (!listener)
        return listener.error();
    m_listener = std::move(*listener);
    restore();
    m_recorder.start();
    m_nextNoise = m_clock.now() + kNoiseEvery;
    m_tick.start(kTick);
    tryInterface();
    return {};
}

void Home::restore()
{
    auto records = Records::open(m_setup.database, false);
    if (!records) {
        log::error(
            "the database cannot be read; Home starts without its memory", {{"error", describe(records.error())}});
        return;
    }
    if (records->setAside())
        log::error("the database was damaged and has been set aside; the keys come from their copy",
            {{"file", records->setAside()->toStdString()}});
    if (auto keys = records->keys()) {
        for (KeyEntry& key : *keys)
            m_keyring.put(std::move(key));
    }
    if (auto findings = records->findings()) {
        for (Finding& finding : *findings)
            m_findings.restore(std::move(finding));
    }
    const auto seen = records->observations(WallTime{}, kRestored);
    if (!seen)
        return;
    for (const Observation& one : *seen)
        m_classifier.restore(
            one.tokenId, one.fields.keyId, one.fields.run, one.fields.counter, m_clock.wall() - one.at);
}

void Home::tryInterface()
{
    auto capture = Capture::open(m_setup.interface);
    const std::vector<IpAddress> addresses =
        m_setup.addresses.empty() ? globalAddresses(m_setup.interface) : m_setup.addresses;
    if (!capture || addresses.empty()) {
        if (!std::exchange(m_saidWaiting, true))
            log::warning("waiting for the interface",
                {{"interface", m_setup.interface},
                    {"error", capture ? "it has no global address" : describe(capture.error())}});
        m_health.raise(HomeHealth::Trouble::InterfaceAbsent, text(m_setup.interface));
        sayHealth();
        return;
    }
    m_saidWaiting = false;
    m_health.clear(HomeHealth::Trouble::InterfaceAbsent);
    m_health.noteWorking();
    m_capture = std::move(*capture);
    m_addresses = {addresses.begin(), addresses.end()};
    m_notifier = std::make_unique<QSocketNotifier>(m_capture->fd(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &Home::onCapture);
    std::string list;
    for (const IpAddress& address : m_addresses)
        list += (list.empty() ? "" : ",") + address.text();
    log::info("Home is listening", {{"interface", m_setup.interface}, {"addresses", list}, {"zone", m_zone.name()}});
    openRules();
    sayHealth();
}

void Home::followAddresses()
{
    if (!m_setup.addresses.empty())
        return;
    const std::vector<IpAddress> present = globalAddresses(m_setup.interface);
    decltype(m_addresses) now{present.begin(), present.end()};
    if (now.empty() || now == m_addresses) // none: they may come back, and what was theirs is harmless meanwhile
        return;
    m_addresses = std::move(now);
    log::notice("Home's addresses have changed", {{"count", std::to_string(m_addresses.size())}});
    openRules();
}

void Home::openRules()
{
    m_rules.reset(); // two tables of one name would not do
    m_rules = std::make_unique<NftTable>(NftTable::Wanted{
        m_setup.interface, {m_addresses.begin(), m_addresses.end()}, m_listener->port4(), m_listener->port6()});
    connect(m_rules.get(), &NftTable::ready, this, [this] {
        log::info("every TCP port of Home's addresses is open");
        m_health.clear(HomeHealth::Trouble::RulesFailed);
        sayHealth();
    });
    connect(m_rules.get(), &NftTable::failed, this, [this](const QString& why) {
        log::error("TCP connections cannot complete until this is mended; other leaks are seen",
            {{"error", why.toStdString()}});
        m_health.raise(HomeHealth::Trouble::RulesFailed, why);
        sayHealth();
    });
    m_rules->start();
}

void Home::onCapture()
{
    const auto drained = m_capture->drain([this](Capture::Batch batch) {
        for (const ByteView packet : batch)
            onPacket(packet);
    });
    if (!drained && drained.error().code == Errc::NotFound)
        tick();
}

void Home::tick()
{
    if (m_capture && m_capture->stale()) {
        log::warning("the interface is gone", {{"interface", m_setup.interface}});
        m_notifier.reset();
        m_capture.reset();
        m_rules.reset();
    }
    if (!m_capture)
        tryInterface();
    else {
        m_kernelDrops += m_capture->takeDrops();
        followAddresses();
    }
    m_oldThisSecond = 0;
    for (const Finding* const finding : m_findings.takeDue())
        alert(EventId::FindingOngoing, *finding);
    if (m_clock.now() >= m_nextNoise)
        sayNoise();
}

bool Home::isOurs(const IpAddress& address) const
{
    return m_addresses.contains(address);
}

void Home::onPacket(ByteView bytes)
{
    const auto packet = viewPacket(bytes);
    if (!packet || !isOurs(packet->ip.destination) || packet->ip.laterFragment)
        return;
    if (packet->udp && packet->udp->destinationPort == kDnsPort) {
        const auto dns = m_zone.answer(packet->udp->payload, packet->ip.source, m_clock.now(), [&](const Token& token) {
            return judge({.token = token,
                .carrier = findCarrier("DnsQuery"),
                .source = packet->ip.source,
                .destination = packet->ip.destination,
                .twoWay = false});
        });
        if (dns) {
            answer(buildUdp({packet->ip.destination, packet->ip.source}, kDnsPort, packet->udp->sourcePort, *dns));
            return;
        }
    }
    for (const Carrier* const carrier : carriers()) {
        const auto token = carrier->recognise(*packet, m_zone.name());
        if (!token || m_keyring.verify(*token) == nullptr) // what looks like one may be another carrier's
            continue;
        const auto reply = judge({.token = *token,
            .carrier = carrier,
            .source = packet->ip.source,
            .destination = packet->ip.destination,
            .twoWay = false});
        const IpEnds back{packet->ip.destination, packet->ip.source};
        if (reply && packet->udp)
            answer(buildUdp(back, packet->udp->destinationPort, packet->udp->sourcePort, *reply));
        else if (reply && packet->icmp)
            answer(buildEcho(back, true, static_cast<std::uint16_t>(packet->icmp->rest >> 16),
                static_cast<std::uint16_t>(packet->icmp->rest), *reply));
        return;
    }
    const bool carriesData = packet->udp || packet->icmp || (packet->tcp && !packet->tcp->payload.empty());
    if (carriesData)
        m_noise.count(TokenClass::Noise, packet->ip.source);
}

std::optional<ByteBuffer> Home::answerTcp(const TcpListener::Ends& ends, ByteView data)
{
    const auto sighting = [&](const Token& token, const char* carrier) {
        return Sighting{.token = token,
            .carrier = findCarrier(carrier),
            .source = ends.peer,
            .destination = ends.target,
            .twoWay = true};
    };
    const bool dns = ends.port == kDnsPort && !data.empty() && data[0] != kTokenVersion;
    if (dns) { // RFC 1035 section 4.2.2: a length of two bytes goes before each message
        const std::size_t wanted =
            data.size() < 2 ? TcpListener::kMaxBytes : static_cast<std::size_t>(data[0] << 8 | data[1]) + 2;
        if (data.size() < wanted)
            return std::nullopt;
        const auto message = m_zone.answer(data.subspan(2, wanted - 2), ends.peer, m_clock.now(),
            [&](const Token& token) { return judge(sighting(token, "DnsQuery")); });
        ByteBuffer framed;
        if (message) {
            framed = {static_cast<Byte>(message->size() >> 8), static_cast<Byte>(message->size())};
            framed.insert(framed.end(), message->begin(), message->end());
        }
        return framed;
    }
    if (data.size() < kTokenBytes)
        return std::nullopt;
    const auto token = tokenAtFront(data);
    const auto reply = token ? judge(sighting(*token, "TcpData")) : std::nullopt;
    return reply ? ByteBuffer{reply->begin(), reply->end()} : ByteBuffer{};
}

std::optional<Token> Home::judge(const Sighting& sighting)
{
    const Verdict verdict = m_classifier.classify(sighting);
    // A connection brings its token twice, by the capture and by the listener: one of them is the other's proof.
    const bool again = sighting.twoWay && verdict.tokenClass == TokenClass::Duplicate;
    if (!again)
        m_noise.count(verdict.tokenClass, sighting.source);
    if (verdict.key == nullptr)
        return std::nullopt;
    const Findings::Taken taken = m_findings.take(verdict, sighting);
    if (taken.opened)
        alert(EventId::FindingNew, *taken.finding);
    const bool old = verdict.tokenClass == TokenClass::Replay || verdict.tokenClass == TokenClass::Retired;
    const bool tells = verdict.tokenClass == TokenClass::Fresh || taken.newEvidence
        || (old && m_oldThisSecond++ < kOldPerSecond); // copies must not push out what was seen once
    if (!again && tells)
        record(verdict, sighting);
    if (taken.finding != nullptr)
        m_recorder.add(*taken.finding);
    const bool due =
        !verdict.confirm && (verdict.tokenClass == TokenClass::Fresh || verdict.tokenClass == TokenClass::Duplicate);
    return due && (verdict.fields.flags & token_flag::kReply) == 0
        ? std::optional{verdict.key->key.reply(sighting.token)}
        : std::nullopt;
}

void Home::record(const Verdict& verdict, const Sighting& sighting)
{
    m_recorder.add(Observation{.at = m_clock.wall(),
        .tokenId = verdict.tokenId,
        .fields = verdict.fields,
        .tokenClass = verdict.tokenClass,
        .carrier = sighting.carrier,
        .destination = sighting.destination,
        .egress = sighting.source,
        .labels = verdict.labels,
        .confirm = verdict.confirm});
}

void Home::alert(EventId id, const Finding& finding)
{
    m_write(toLine(m_events.make(id, text(describeLeak(finding)), toJson(finding))));
    m_recorder.add(finding);
}

void Home::stop()
{
    m_tick.stop();
    m_notifier.reset();
    m_capture.reset();
    m_health.raise(HomeHealth::Trouble::Stopped);
    sayHealth();
}

void Home::sayHealth()
{
    const auto data = m_health.takeChange();
    if (!data)
        return;
    EventSource::Options options;
    options.severity = m_health.status() == QStringLiteral("ERROR") ? Severity::High
        : m_health.status() == QStringLiteral("WARNING")            ? Severity::Medium
                                                                    : Severity::Informational;
    const QString worst = m_health.worstText();
    const QString message = QStringLiteral("Home's health is ") + m_health.status()
        + (worst.isEmpty() ? QString{} : QStringLiteral(": ") + worst);
    m_write(toLine(m_events.make(EventId::Health, message, *data, options)));
}

void Home::sayNoise()
{
    m_nextNoise = m_clock.now() + kNoiseEvery;
    const NoiseMeter::RollUp rollUp = m_noise.take();
    QJsonObject counts;
    for (std::size_t i = 0; i < rollUp.byClass.size(); ++i)
        counts.insert(text(className(static_cast<TokenClass>(i))), static_cast<qint64>(rollUp.byClass[i]));
    counts.insert(QStringLiteral("kernel_drops"), static_cast<qint64>(std::exchange(m_kernelDrops, 0)));
    QJsonArray sources;
    for (const auto& [source, count] : rollUp.topSources)
        sources.append(QJsonObject{
            {QStringLiteral("source"), text(source.text())}, {QStringLiteral("count"), static_cast<qint64>(count)}});
    const QJsonObject data{{QStringLiteral("counts"), counts}, {QStringLiteral("top_sources"), sources}};
    const QString message = QStringLiteral("%1 packets were no Beacon's in the last minute").arg(rollUp.byClass[0]);
    m_write(toLine(m_events.make(EventId::HomeNoise, message, data)));
}

void Home::answer(ByteView packet)
{
    if (m_responder)
        static_cast<void>(m_responder->send(packet)); // what cannot be answered has been recorded all the same
}

} // namespace beacon
