#include "service/listener/listener.h"

#include "core/base/log.h"
#include "core/packet/parse.h"
#include "service/listener/options.h"

#include <QJsonArray>

namespace beacon {

namespace {

constexpr std::chrono::seconds kFlushEvery{5};

/// The sender's address, as ARP, IPv4 or IPv6 tell it; "any" and the like are none.
std::optional<IpAddress> senderOf(const EthernetView& frame)
{
    std::optional<IpAddress> sender;
    if (frame.etherType == ether_type::kArp) {
        if (const auto arp = parseArp(frame.payload))
            sender = arp->senderIp;
    } else if (frame.etherType == ether_type::kIpv4 || frame.etherType == ether_type::kIpv6) {
        if (const auto ip = parseIp(frame.payload))
            sender = ip->source;
    }
    return sender && !sender->isAny() ? sender : std::nullopt;
}

QJsonObject toJson(const Host& host)
{
    return {{QStringLiteral("mac"), host.mac},
        {QStringLiteral("addresses"), QJsonArray::fromStringList(host.addresses)},
        {QStringLiteral("frames"), host.frames}, {QStringLiteral("first_seen"), toUnixSeconds(host.firstSeen)},
        {QStringLiteral("last_seen"), toUnixSeconds(host.lastSeen)}};
}

} // namespace

Listener::Listener(std::unique_ptr<platform::PlatformLink> link, Place place, MakeLinkMonitor makeLinkMonitor,
    const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_place(std::move(place))
    , m_makeLinkMonitor(std::move(makeLinkMonitor))
    , m_clock(clock)
{
    Skeleton::Options options;
    options.version = QStringLiteral(BEACON_VERSION);
    const bool onPlatform = link != nullptr;
    m_skeleton =
        std::make_unique<Skeleton>(listenerManifest(onPlatform), handlers(), std::move(link), m_clock, options);
    m_skeleton->subscribe(QStringLiteral("instruments.beacon.escape.succeeded"));
    connect(m_skeleton.get(), &Skeleton::placeChanged, this, [this] { choose(m_skeleton->config()); });
    connect(&m_flush, &QTimer::timeout, this, &Listener::flush);
    m_flush.start(kFlushEvery);
}

Listener::~Listener()
{
    flush();
}

Handlers Listener::handlers()
{
    Handlers handlers;
    handlers.configure = [this](const QJsonObject& config, const QStringList& changed) { configure(config, changed); };
    handlers.onEvent = [this](const Event& event) { onLeak(event); };
    handlers.retain = [this](const platform::RetentionRequest& request, const std::stop_token& stop) {
        return HostStore{storePath()}.deleteBefore(request.olderThan, stop);
    };
    handlers.facts = [this] {
        return QJsonObject{{QStringLiteral("interface"), QString::fromStdString(m_interface)},
            {QStringLiteral("frames"), static_cast<qint64>(m_frames)},
            {QStringLiteral("hosts_left_out"), static_cast<qint64>(m_overflow)}};
    };
    handlers.stop = [this](const std::function<void()>& done) {
        flush();
        done();
    };
    return handlers;
}

QString Listener::storePath() const
{
    const auto& welcome = m_skeleton->welcome();
    QString directory = m_place.stateDir;
    if (welcome && !welcome->persistentStorage.isEmpty())
        directory = welcome->persistentStorage;
    else if (welcome && !welcome->transientStorage.isEmpty())
        directory = welcome->transientStorage;
    return directory + QStringLiteral("/hosts.db");
}

void Listener::configure(const QJsonObject& config, const QStringList& changed)
{
    m_activeWithin = std::chrono::seconds{config.value(QStringLiteral("active_within")).toInt(300)};
    m_reportHosts = config.value(QStringLiteral("report_hosts")).toInt(100);
    if (!m_store)
        m_store = std::make_unique<HostStore>(storePath());
    if (m_interface.empty() || changed.contains(QStringLiteral("interface")))
        choose(config);
}

void Listener::choose(const QJsonObject& config)
{
    if (!m_store)
        return; // there is no configuration yet
    std::string interface = config.value(QStringLiteral("interface")).toString().toStdString();
    if (interface.empty() && m_skeleton->welcome() && !m_skeleton->welcome()->interfaces.empty())
        interface = m_skeleton->welcome()->interfaces.front().name.toStdString();
    if (interface.empty())
        interface = m_place.interface;
    if (interface.empty())
        followNone();
    else if (interface != m_interface)
        follow(interface);
}

void Listener::followNone()
{
    m_skeleton->raise(Reason::InterfaceNotGiven, "none is configured, and the platform gives none");
    m_skeleton->clear(Reason::InterfaceAbsent);
    m_skeleton->clear(Reason::InterfaceDown);
    m_notifier.reset();
    m_tap.reset();
    m_link.reset();
    m_interface.clear();
}

void Listener::follow(const std::string& interface)
{
    m_skeleton->clear(Reason::InterfaceNotGiven);
    m_interface = interface;
    m_link = m_makeLinkMonitor();
    connect(m_link.get(), &LinkMonitor::changed, this, &Listener::onLink);
    if (const auto started = m_link->start(interface); !started)
        log::error("interface monitor", {{"error", describe(started.error())}});
    onLink();
}

void Listener::onLink()
{
    const LinkState& link = m_link->state();
    if (m_tap && (!link.present || link.index != m_tapIndex)) {
        m_notifier.reset();
        m_tap.reset();
    }
    if (!link.present) {
        m_skeleton->raise(Reason::InterfaceAbsent, m_interface);
        return;
    }
    m_skeleton->clear(Reason::InterfaceAbsent);
    if (!link.usable())
        m_skeleton->raise(Reason::InterfaceDown, link.name + (link.up ? " has no carrier" : " is switched off"));
    else
        m_skeleton->clear(Reason::InterfaceDown);
    if (m_tap)
        return;
    auto tap = FrameTap::open(link.name);
    if (!tap) {
        m_skeleton->raise(Reason::ListenFailed, describe(tap.error()));
        return;
    }
    m_skeleton->clear(Reason::ListenFailed);
    m_tap.emplace(*std::move(tap));
    m_tapIndex = link.index;
    m_notifier = std::make_unique<QSocketNotifier>(m_tap->fd(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        if (const auto drained = m_tap->drain([this](ByteView frame) { onFrame(frame); }); !drained)
            log::warning("listening", {{"error", describe(drained.error())}}); // the link monitor tells what follows
    });
    m_skeleton->noteWorking();
}

void Listener::onFrame(ByteView bytes)
{
    const auto frame = parseEthernet(bytes);
    if (!frame || frame->source.isGroup())
        return;
    ++m_frames;
    const WallTime now = m_clock.wall();
    if (m_unwritten.size() >= kMostUnwritten && !m_unwritten.contains(frame->source)) {
        ++m_overflow;
        return;
    }
    Host& host = m_unwritten[frame->source];
    if (host.frames++ == 0) {
        host.mac = QString::fromStdString(frame->source.text());
        host.firstSeen = now;
    }
    host.lastSeen = now;
    if (const auto sender = senderOf(*frame); sender && host.addresses.size() < HostStore::kMostAddresses) {
        const QString address = QString::fromStdString(sender->text());
        if (!host.addresses.contains(address))
            host.addresses.append(address);
    }
}

void Listener::flush()
{
    if (!m_store || m_unwritten.empty())
        return;
    std::vector<Host> hosts;
    for (const auto& [mac, host] : m_unwritten)
        hosts.push_back(host);
    if (const auto added = m_store->add(hosts); !added) {
        m_skeleton->raise(Reason::StorageFailed, describe(added.error()));
        return; // kept, and tried again
    }
    m_skeleton->clear(Reason::StorageFailed);
    m_unwritten.clear();
}

void Listener::onLeak(const Event& leak)
{
    flush();
    if (!m_store)
        return;
    const WallTime since = leak.timestamp - m_activeWithin;
    const auto hosts = m_store->activeSince(since, m_reportHosts);
    const auto count = m_store->countSince(since);
    if (!hosts || !count) {
        m_skeleton->raise(Reason::StorageFailed, describe(hosts ? count.error() : hosts.error()));
        return;
    }
    QJsonArray list;
    for (const Host& host : *hosts)
        list.append(toJson(host));
    EventSource& events = m_skeleton->events();
    m_skeleton->publish(events.follow(leak, EventId::HostsActive,
        QStringLiteral("%1 hosts were active when something leaked").arg(*count),
        {{QStringLiteral("interface"), QString::fromStdString(m_interface)},
            {QStringLiteral("within_s"), static_cast<qint64>(m_activeWithin.count())}, {QStringLiteral("hosts"), list},
            {QStringLiteral("left_out"), *count - list.size()}}));
}

} // namespace beacon
