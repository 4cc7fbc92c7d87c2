#include "service/sensor/wiring.h"
#include "service/sensor/wiring_names.h"
#include "tests/service/sensor/wiring_bench.h"

#include <QProcess>

#include <map>

// The Sensor never forwards between its own interfaces. One host has two segments of the Sensor's and two bridges of
// its own that are given, routes between all that it can route, and forwarding switched on; whoever stands anywhere
// sends to everybody else in every way that there is.

using namespace beacon;
using namespace beacon::test;

namespace {

const SegmentSpec kOwn1{"own-1", SegmentSpec::Type::Bridge, "eth1"};
const SegmentSpec kOwn2{"own-2", SegmentSpec::Type::Bridge, "eth2"};
const SegmentSpec kHost1{"host-1", SegmentSpec::Type::Bridge, "br-a"};
const SegmentSpec kHost2{"host-2", SegmentSpec::Type::Bridge, "br-b"};
constexpr int kSoonMs = 30; ///< after the control frame has been seen: a path through this machine takes microseconds
const MacAddress kGroup{{0x01, 0x00, 0x5e, 0x00, 0x00, 0x09}};

/// Where somebody stands: outside, or inside an Instrument.
struct Point {
    Island* island = nullptr;
    QString interface;
    int segment = 0; ///< third part of its addresses
    std::string ip4, ip6;
    MacAddress mac;
    std::unique_ptr<RawPort> port;
    QString neighbour; ///< who may reach it, for the control
};

/// Every way to address a frame that is to end where it must not.
enum class Way { RoutedIpv4, RoutedIpv6, Unicast, Broadcast, Multicast, ToTheBridge, Tagged };
struct Kind {
    Way way;
    const char* words;
};
constexpr Kind kKinds[] = {{Way::RoutedIpv4, "as IPv4 to be routed"}, {Way::RoutedIpv6, "as IPv6 to be routed"},
    {Way::Unicast, "to its own address"}, {Way::Broadcast, "to everybody"}, {Way::Multicast, "to a group"},
    {Way::ToTheBridge, "to the bridge's own address"}, {Way::Tagged, "with a VLAN tag"}};

} // namespace

class TstNeverForwards : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase()
    {
        m_bench = std::make_unique<WiringBench>();
        m_nics.push_back(m_bench->nic(QStringLiteral("eth1")));
        m_nics.push_back(m_bench->nic(QStringLiteral("eth2")));
        m_nics.push_back(m_bench->bridge(QStringLiteral("br-a"), QStringLiteral("eth3")));
        m_nics.push_back(m_bench->bridge(QStringLiteral("br-b"), QStringLiteral("eth4")));
        for (int i = 0; i < 6; ++i)
            m_instruments.push_back(m_bench->instrument());
        for (const SegmentSpec& each : {kOwn1, kOwn2, kHost1, kHost2})
            VERIFY_DONE(m_bench->wiring().openSegment(each));
        setUpHost();
        addPoint(QStringLiteral("outside own-1"), m_nics[0].outside, QStringLiteral("cable"), 1);
        addPoint(QStringLiteral("outside own-2"), m_nics[1].outside, QStringLiteral("cable"), 2);
        addPoint(QStringLiteral("outside host-1"), m_nics[2].outside, QStringLiteral("cable"), 3);
        addPoint(QStringLiteral("outside host-2"), m_nics[3].outside, QStringLiteral("cable"), 4);
        plug(kOwn1, {"a_0", "eth0", true, {}}, 0, 1);
        plug(kOwn1, {"a_1", "eth0", true, {}}, 1, 1);
        plug(kOwn2, {"a_2", "eth0", true, {}}, 2, 2);
        plug(kHost1, {"a_3", "eth0", true, {}}, 3, 3);
        plug(kHost1, {"a_4", "eth0", true, {}}, 4, 3);
        plug(kHost2, {"a_5", "eth0", true, {}}, 5, 4);
        plug(kOwn2, {"a_0", "eth1", true, {}}, 0, 2); // it stands on both
        plug(kHost1, {"a_2", "eth1", true, {}}, 2, 3);
        for (auto& [name, point] : m_points)
            QVERIFY2(point.port->good(), qPrintable(name));
    }
    void cleanupTestCase()
    {
        m_points.clear();
        m_bench.reset(); // before the devices that it gives back
    }

    void nothingPasses_data()
    {
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<int>("way");
        QTest::addColumn<bool>("brNetfilter");
        const std::pair<const char*, const char*> pairs[] = {
            {"outside own-1", "outside own-2"}, // two segments of the Sensor's
            {"outside own-1", "a_2 eth0"}, {"a_1 eth0", "outside own-2"}, {"a_1 eth0", "a_2 eth0"},
            {"outside host-1", "outside host-2"}, // two bridges of the host's
            {"outside host-1", "a_5 eth0"}, {"a_3 eth0", "outside host-2"}, {"a_3 eth0", "a_5 eth0"},
            {"outside own-1", "outside host-1"}, {"outside host-1", "outside own-1"}, // one of each
            {"a_1 eth0", "a_3 eth0"}, {"a_3 eth0", "a_1 eth0"}, {"a_3 eth0", "outside own-1"},
            {"outside own-2", "outside own-1"}, // by way of an Instrument that stands on both
            {"outside host-1", "outside own-2"}, {"a_4 eth0", "outside own-2"}, {"a_0 eth0", "a_1 eth0"},
            {"a_3 eth0", "a_4 eth0"}, {"a_2 eth1", "a_3 eth0"}}; // two on one segment
        for (const bool brNetfilter : {false, true}) {
            for (const auto& [from, to] : pairs) {
                for (const Kind& kind : kKinds)
                    QTest::addRow("from %s to %s %s, br_netfilter %s", from, to, kind.words, brNetfilter ? "on" : "off")
                        << QString::fromLatin1(from) << QString::fromLatin1(to) << static_cast<int>(kind.way)
                        << brNetfilter;
            }
        }
    }
    void nothingPasses()
    {
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(int, way);
        QFETCH(bool, brNetfilter);
        setBrNetfilter(brNetfilter);
        QVERIFY(!passes(from, to, static_cast<Way>(way), kSoonMs));
    }

    /// Where the Sensor's work is undone, the same frames are seen: this test can fail.
    void withoutTheSensorItWouldPass_data()
    {
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<int>("way");
        QTest::addColumn<QString>("undo");
        const auto row = [](const char* name, const char* from, const char* to, Way way, const char* undo) {
            QTest::newRow(name) << QString::fromLatin1(from) << QString::fromLatin1(to) << static_cast<int>(way)
                                << QString::fromLatin1(undo);
        };
        row("the host routes IPv4", "outside host-1", "outside host-2", Way::RoutedIpv4, "host");
        row("the host routes IPv6", "outside host-1", "outside host-2", Way::RoutedIpv6, "host");
        row("the host routes an Instrument's", "a_3 eth0", "outside host-2", Way::RoutedIpv4, "host");
        row("the host routes back to where it came from", "a_3 eth0", "a_4 eth0", Way::RoutedIpv4, "host");
        row("the host routes IPv6 back to where it came from", "a_3 eth0", "a_4 eth0", Way::RoutedIpv6, "host");
        row("a bridge reaches every port", "a_0 eth0", "a_1 eth0", Way::Broadcast, "isolation");
        row("a bridge reaches one port", "a_0 eth0", "a_1 eth0", Way::Unicast, "isolation");
        row("a bridge reaches those with a VLAN tag", "a_0 eth0", "a_1 eth0", Way::Tagged, "isolation");
        row("an Instrument routes", "outside own-2", "outside own-1", Way::RoutedIpv4, "instrument");
        row("an Instrument routes IPv6", "outside own-2", "outside own-1", Way::RoutedIpv6, "instrument");
    }
    void withoutTheSensorItWouldPass()
    {
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(int, way);
        QFETCH(QString, undo);
        setBrNetfilter(false);
        if (undo == QLatin1StringView{"host"}) {
            QVERIFY(nft(m_bench->host(), QStringLiteral("delete table inet sensor; delete table bridge sensor")));
        } else if (undo == QLatin1StringView{"isolation"}) {
            const auto inside = m_bench->inside(kOwn1);
            for (const char* each : {"a_0", "a_1"})
                QVERIFY(ipIn(inside,
                    QStringLiteral("link set %1 type bridge_slave isolated off")
                        .arg(QString::fromStdString(portName({each, "eth0", true, {}})))));
        } else {
            setForwarding(m_instruments[0].network(), true);
        }
        const bool passed = passes(from, to, static_cast<Way>(way), 1'000);
        for (const SegmentSpec& each : {kHost1, kHost2})
            VERIFY_DONE(m_bench->wiring().openSegment(each));
        VERIFY_DONE(m_bench->wiring().plug(kOwn1, {"a_0", "eth0", true, {}}, m_instruments[0].pin()));
        VERIFY_DONE(m_bench->wiring().plug(kOwn1, {"a_1", "eth0", true, {}}, m_instruments[1].pin()));
        QVERIFY(m_bench->switchOn(kOwn1, {"a_0", "eth0", true, {}}, m_instruments[0]));
        QVERIFY(m_bench->switchOn(kOwn1, {"a_1", "eth0", true, {}}, m_instruments[1]));
        QVERIFY(passed);
        QVERIFY(!passes(from, to, static_cast<Way>(way), kSoonMs));
    }

    void whatTheHostForwardsOtherwiseStays()
    {
        // A third bridge of the host's, which is not given.
        const Nic third = m_bench->bridge(QStringLiteral("br-c"), QStringLiteral("eth5"));
        QVERIFY(m_bench->ip(QStringLiteral("address add 10.0.5.1/24 dev br-c")));
        QVERIFY(third.outside.ip(QStringLiteral("address add 10.0.5.9/24 dev cable")));
        QVERIFY(third.outside.ip(QStringLiteral("route add default via 10.0.5.1")));
        QVERIFY(m_bench->host().run([]() -> Result<> { return {}; }));
        const auto reply = saidIn(m_instruments[3].network(), QStringLiteral("ping"),
            {QStringLiteral("-c3"), QStringLiteral("-i0.2"), QStringLiteral("-W2"), QStringLiteral("10.0.5.9")});
        QVERIFY2(reply.contains("bytes from 10.0.5.9"), reply.constData());
        QVERIFY(m_bench->ip(QStringLiteral("link del br-c")));
    }

    void anOwnedSegmentsFramesPassWhateverTheHostsFirewallSays()
    {
        QVERIFY(nft(m_bench->host(),
            QStringLiteral("add table inet strict; add chain inet strict forward { type filter hook forward priority "
                           "0; policy drop; }")));
        setBrNetfilter(true);
        const bool out = passes(QStringLiteral("a_1 eth0"), QStringLiteral("outside own-1"), Way::Broadcast, 1'000);
        const bool in = passes(QStringLiteral("outside own-1"), QStringLiteral("a_1 eth0"), Way::Unicast, 1'000);
        QVERIFY(nft(m_bench->host(), QStringLiteral("delete table inet strict")));
        QVERIFY(out && in);
    }
    void framesOfOneBridgeOfTheHostsPassUnderBrNetfilter()
    {
        setBrNetfilter(true);
        QVERIFY(passes(QStringLiteral("a_3 eth0"), QStringLiteral("outside host-1"), Way::Broadcast, 1'000));
        QVERIFY(passes(QStringLiteral("outside host-1"), QStringLiteral("a_3 eth0"), Way::Unicast, 1'000));
    }

private:
    static bool nft(const NetworkNamespace& where, const QString& command)
    {
        QProcess process;
        process.setProcessChannelMode(QProcess::ForwardedChannels);
        process.start(QStringLiteral("nsenter"),
            {QStringLiteral("--net=/proc/%1/fd/%2").arg(::getpid()).arg(where.descriptor()), QStringLiteral("nft"),
                command});
        return process.waitForFinished() && process.exitCode() == 0;
    }
    static void setForwarding(const NetworkNamespace& where, bool on)
    {
        VERIFY_DONE(where.run([on]() -> Result<> {
            for (const char* setting : {"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"}) {
                if (auto set = setSysctl(setting, on ? "1" : "0"); !set)
                    return set;
            }
            return {};
        }));
    }
    void setBrNetfilter(bool on) const
    {
        for (const SegmentSpec& each : {kOwn1, kOwn2, kHost1}) { // whoever switches it on in there gains nothing
            const std::string pin = m_bench->wiring().segmentNamespace(each);
            const auto where = pin.empty() ? NetworkNamespace::ofThisThread() : NetworkNamespace::open(pin);
            QVERIFY(where);
            VERIFY_DONE(where->run([on]() -> Result<> {
                for (const char* setting :
                    {"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"}) {
                    if (auto set = setSysctl(setting, on ? "1" : "0"); !set)
                        return set;
                }
                return {};
            }));
        }
    }
    void setUpHost() const
    {
        setForwarding(m_bench->host(), true);
        QVERIFY(m_bench->ip(QStringLiteral("link set lo up")));
        const std::pair<const char*, int> bridges[] = {{"br-a", 3}, {"br-b", 4}};
        for (const auto& [bridge, segment] : bridges) {
            const QLatin1StringView device{bridge};
            QVERIFY(m_bench->ip(QStringLiteral("address add 10.0.%1.1/24 dev %2").arg(segment).arg(device)));
            QVERIFY(m_bench->ip(QStringLiteral("address add 2001:db8:%1::1/64 dev %2 nodad").arg(segment).arg(device)));
        }
        for (const char* setting :
            {"net/ipv4/conf/all/rp_filter", "net/ipv4/conf/br-a/rp_filter", "net/ipv4/conf/br-b/rp_filter"})
            VERIFY_DONE(setSysctl(setting, "0"));
    }
    void addPoint(const QString& name, Island& island, const QString& interface, int segment)
    {
        const int host = 10 + static_cast<int>(m_points.size());
        Point point;
        point.island = &island;
        point.interface = interface;
        point.segment = segment;
        point.ip4 = "10.0." + std::to_string(segment) + '.' + std::to_string(host);
        point.ip6 = "2001:db8:" + std::to_string(segment) + "::" + std::to_string(host);
        point.mac = macOf(island.network(), interface);
        QVERIFY(
            island.ip(QStringLiteral("address add %1/24 dev %2").arg(QString::fromStdString(point.ip4), interface)));
        QVERIFY(island.ip(
            QStringLiteral("address add %1/64 dev %2 nodad").arg(QString::fromStdString(point.ip6), interface)));
        if (segment >= 3) {
            QVERIFY(island.ip(QStringLiteral("route replace default via 10.0.%1.1").arg(segment)));
            const QLatin1StringView bridge{segment == 3 ? "br-a" : "br-b"};
            for (const std::string& address : {point.ip4, point.ip6}) // the host need not ask who is there
                QVERIFY(m_bench->ip(
                    QStringLiteral("neighbour replace %1 lladdr %2 dev %3 nud permanent")
                        .arg(QString::fromStdString(address), QString::fromStdString(point.mac.text()), bridge)));
        } else { // nor does an Instrument that stands on both
            for (const Island& each : m_instruments) {
                for (const char* own : {"eth0", "eth1"}) {
                    const QString device = QString::fromLatin1(own);
                    if (&each == &island || !each.link(device)
                        || !saidIn(each.network(), QStringLiteral("ip"),
                            {QStringLiteral("address"), QStringLiteral("show"), device})
                                .contains("10.0." + QByteArray::number(segment) + '.'))
                        continue;
                    for (const std::string& address : {point.ip4, point.ip6})
                        QVERIFY(each.ip(QStringLiteral("neighbour replace %1 lladdr %2 dev %3 nud permanent")
                                            .arg(QString::fromStdString(address),
                                                QString::fromStdString(point.mac.text()), device)));
                }
            }
        }
        point.port = std::make_unique<RawPort>(island.network(), interface);
        m_points.emplace(name, std::move(point));
    }
    void plug(const SegmentSpec& segment, const PlugSpec& plug, std::size_t instrument, int number)
    {
        Island& island = m_instruments[instrument];
        VERIFY_DONE(m_bench->wiring().plug(segment, plug, island.pin()));
        QVERIFY(m_bench->switchOn(segment, plug, island));
        const QString interface = QString::fromStdString(plug.name);
        addPoint(QString::fromStdString(plug.instrument + ' ' + plug.name), island, interface, number);
        for (const auto& [name, point] : m_points) { // whom it may have to route to
            if (point.segment == number && point.island != &island) {
                for (const std::string& address : {point.ip4, point.ip6})
                    QVERIFY(island.ip(QStringLiteral("neighbour replace %1 lladdr %2 dev %3 nud permanent")
                                          .arg(QString::fromStdString(address),
                                              QString::fromStdString(point.mac.text()), interface)));
            }
        }
    }
    /// Everything on a segment that might take a frame for its own: bridges, ports, uplinks and Instruments.
    std::vector<MacAddress> stationsOn(int segment) const
    {
        std::vector<MacAddress> found;
        const SegmentSpec& spec = segment == 1 ? kOwn1 : segment == 2 ? kOwn2 : segment == 3 ? kHost1 : kHost2;
        const std::string pin = m_bench->wiring().segmentNamespace(spec);
        const auto where = pin.empty() ? NetworkNamespace::ofThisThread() : NetworkNamespace::open(pin);
        auto links = where ? Links::in(*where) : Result<Links>{where.error()};
        const auto all = links ? links->all() : Result<std::vector<Link>>{links.error()};
        if (!all)
            return found;
        for (const Link& each : *all) {
            if (each.ethernet)
                found.push_back(each.mac);
        }
        for (const auto& [name, point] : m_points) {
            if (point.segment == segment)
                found.push_back(point.mac);
        }
        return found;
    }
    std::vector<QByteArray> frames(const Point& from, const Point& to, Way way, const QByteArray& marker) const
    {
        const auto ip4 = [&](const MacAddress& mac) {
            return udpFrame(mac, from.mac, to.ip4.c_str(), from.ip4.c_str(), marker);
        };
        const auto ip6 = [&](const MacAddress& mac) {
            return udpFrame(mac, from.mac, to.ip6.c_str(), from.ip6.c_str(), marker);
        };
        const auto bare = [&](const MacAddress& mac) { return etherFrame(mac, from.mac, 0x88b5, marker); };
        const auto all = [&](const MacAddress& mac) { return std::vector{ip4(mac), ip6(mac), bare(mac)}; };
        std::vector<QByteArray> made;
        switch (way) {
        case Way::RoutedIpv4:
        case Way::RoutedIpv6:
            for (const MacAddress& mac : stationsOn(from.segment))
                made.push_back(way == Way::RoutedIpv4 ? ip4(mac) : ip6(mac));
            return made;
        case Way::Unicast:
            return all(to.mac);
        case Way::Broadcast:
            return all(kEverybody);
        case Way::Multicast:
            return all(kGroup);
        case Way::ToTheBridge:
            for (const MacAddress& mac : stationsOn(from.segment))
                made.push_back(bare(mac));
            return made;
        case Way::Tagged:
            made = all(to.mac);
            made.push_back(bare(kEverybody));
            for (QByteArray& each : made)
                each.insert(12, QByteArray::fromHex("8100000a"));
            return made;
        }
        return made;
    }
    /// Whether what `from` sends is seen at `to`, which a frame of a neighbour's proves to be watching.
    bool passes(const QString& from, const QString& to, Way way, int withinMs)
    {
        Point& sender = m_points.at(from);
        Point& receiver = m_points.at(to);
        const QByteArray number = QByteArray::number(++m_count);
        const QByteArray marker = "must-not-pass-" + number + '.';
        static_cast<void>(receiver.port->seen());
        for (const QByteArray& each : frames(sender, receiver, way, marker)) {
            if (!sender.port->send(each))
                qFatal("a frame of the test was not sent");
        }
        const bool passed = !receiver.port->await(marker, withinMs).isEmpty();
        const QByteArray control = "control-" + number + '.';
        const QString outside = QStringLiteral("outside ")
            + (receiver.segment < 3 ? QStringLiteral("own-") : QStringLiteral("host-"))
            + QString::number(receiver.segment < 3 ? receiver.segment : receiver.segment - 2);
        const auto neighbour = std::find_if(m_points.begin(), m_points.end(), [&](const auto& each) {
            return each.second.segment == receiver.segment && (to == outside) == (each.first != outside);
        });
        if (!neighbour->second.port->send(etherFrame(kEverybody, neighbour->second.mac, 0x88b5, control))
            || receiver.port->await(control).isEmpty())
            qFatal("%s would not have seen a frame", qPrintable(to));
        return passed;
    }

    std::unique_ptr<WiringBench> m_bench;
    std::vector<Nic> m_nics;
    std::vector<Island> m_instruments;
    std::map<QString, Point> m_points;
    int m_count = 0;
};

BEACON_WIRED_MAIN(TstNeverForwards)
#include "tst_never_forwards.moc"
