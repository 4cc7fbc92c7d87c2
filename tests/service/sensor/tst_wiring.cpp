#include "service/sensor/wiring.h"
#include "tests/service/sensor/wiring_bench.h"

using namespace beacon;
using namespace beacon::test;

namespace {

const SegmentSpec kPlant{"plant-a", SegmentSpec::Type::Bridge, "eth1"};
const SegmentSpec kSpan{"span", SegmentSpec::Type::Mirror, "eth1"};
const SegmentSpec kWhole{"ot", SegmentSpec::Type::Phy, "eth1"};
const PlugSpec kFirst{"beacon_0", "eth0", true, {}};
const PlugSpec kSecond{"beacon_1", "eth0", true, {}};
const MacAddress kStation{{0x02, 0x5e, 0x10, 0, 0, 0x07}};
constexpr int kSoonMs = 60; ///< far longer than a frame takes, where none is to come

QByteArray tagged(QByteArray frame)
{
    return frame.insert(12, QByteArray::fromHex("8100a00a")); // priority 5, VLAN 10
}

} // namespace

class TstWiring : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void framesPassUnaltered_data()
    {
        QTest::addColumn<QByteArray>("frame");
        const MacAddress from{{0x02, 0xaa, 0, 0, 0, 1}};
        QTest::newRow("unicast") << udpFrame(kStation, from, "192.0.2.1", "192.0.2.2", "as it is");
        QTest::newRow("broadcast") << udpFrame(kEverybody, from, "192.0.2.1", "192.0.2.2", "as it is");
        QTest::newRow("IPv6 to a group") << udpFrame(
            {{0x33, 0x33, 0, 0, 0, 0x16}}, from, "ff02::16", "fe80::1", "as it is");
        QTest::newRow("with a VLAN tag") << tagged(udpFrame(kStation, from, "192.0.2.1", "192.0.2.2", "as it is"));
        QTest::newRow("to a group that nobody has joined")
            << udpFrame({{0x01, 0x00, 0x5e, 0x7f, 0, 9}}, from, "239.255.0.9", "192.0.2.2", "as it is");
        QTest::newRow("LLDP") << etherFrame({{0x01, 0x80, 0xc2, 0, 0, 0x0e}}, from, 0x88cc, "as it is");
        QTest::newRow("802.1X") << etherFrame({{0x01, 0x80, 0xc2, 0, 0, 0x03}}, from, 0x888e, "as it is");
        QTest::newRow("a bridge's hello") << etherFrame({{0x01, 0x80, 0xc2, 0, 0, 0}}, from, 0x0026, "as it is");
        QTest::newRow("an IP packet with a wrong checksum") << etherFrame(
            kStation, from, 0x0800, QByteArray::fromHex("4500002000000000401112340a0000010a000002") + "as it is");
        QTest::newRow("an unknown protocol") << etherFrame(kStation, from, 0x88b5, "as it is");
        QTest::newRow("as long as they may be, with a VLAN tag")
            << tagged(etherFrame(kStation, from, 0x88b5, "as it is" + QByteArray(1492, 'x')));
        QTest::newRow("as long as they may be")
            << etherFrame(kStation, from, 0x88b5, "as it is" + QByteArray(1492, 'x'));
    }
    void framesPassUnaltered()
    {
        QFETCH(QByteArray, frame);
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, instrument.pin()));
        QVERIFY(bench.switchOn(kPlant, kFirst, instrument));
        RawPort inside{instrument.network(), QStringLiteral("eth0")};
        RawPort outside = nic.port();
        QVERIFY(inside.good() && outside.good());
        QVERIFY(inside.send(frame));
        QCOMPARE(outside.await("as it is"), QList{frame});
        QVERIFY(outside.send(frame.replace("as it is", "and back")));
        QCOMPARE(inside.await("and back"), QList{frame});
    }
    void nothingIsSaidByTheSegmentItself()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        RawPort outside = nic.port();
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        static_cast<void>(outside.seen()); // what the host said while the device was its own
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, instrument.pin()));
        const auto inside = bench.inside(kPlant);
        QVERIFY(outside.send(udpFrame(kEverybody, kStation, "192.0.2.255", "192.0.2.9", "anybody?")));
        QVERIFY(
            outside.send(udpFrame(macOf(inside, QStringLiteral("br0")), kStation, "192.0.2.255", "192.0.2.9", "you?")));
        QCOMPARE(outside.await("", 1'500), QList<QByteArray>{}); // router solicitations come within a second
        QCOMPARE(
            saidIn(inside, QStringLiteral("ip"), {QStringLiteral("address"), QStringLiteral("show")}).count("inet"), 0);
    }
    void instrumentsOnOneSegmentReachTheUplinkOnly_data()
    {
        QTest::addColumn<bool>("isForeign");
        QTest::newRow("on a bridge of the Sensor's") << false;
        QTest::newRow("on a bridge of the host's") << true;
    }
    void instrumentsOnOneSegmentReachTheUplinkOnly()
    {
        QFETCH(bool, isForeign);
        WiringBench bench;
        const Nic nic = isForeign ? bench.bridge(QStringLiteral("eth1"), QStringLiteral("eth2"))
                                  : bench.nic(QStringLiteral("eth1"));
        const Island first = bench.instrument();
        const Island second = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, first.pin()));
        VERIFY_DONE(bench.wiring().plug(kPlant, kSecond, second.pin()));
        QVERIFY(bench.switchOn(kPlant, kFirst, first) && bench.switchOn(kPlant, kSecond, second));
        RawPort one{first.network(), QStringLiteral("eth0")};
        RawPort other{second.network(), QStringLiteral("eth0")};
        RawPort outside = nic.port();
        const MacAddress from = macOf(first.network(), QStringLiteral("eth0"));
        QVERIFY(one.send(udpFrame(kEverybody, from, "192.0.2.1", "192.0.2.2", "psst")));
        QVERIFY(!outside.await("psst").isEmpty());
        QVERIFY(one.send(
            udpFrame(macOf(second.network(), QStringLiteral("eth0")), from, "192.0.2.1", "192.0.2.2", "psst")));
        QCOMPARE(other.await("psst", kSoonMs), QList<QByteArray>{});
        QVERIFY(outside.send(udpFrame(kEverybody, kStation, "192.0.2.1", "192.0.2.2", "all of you")));
        QVERIFY(!one.await("all of you").isEmpty());
        QVERIFY(!other.await("all of you").isEmpty());
    }
    void addressesAreStable()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island first = bench.instrument();
        const Island second = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, first.pin()));
        VERIFY_DONE(bench.wiring().plug(kPlant, {"beacon_0", "eth1", true, {}}, first.pin()));
        VERIFY_DONE(bench.wiring().plug(kPlant, {"beacon_1", "eth0", true, "02:00:5e:00:00:42"}, second.pin()));
        const MacAddress mac = macOf(first.network(), QStringLiteral("eth0"));
        QCOMPARE(mac.bytes[0], Byte{0x02});
        QVERIFY(mac != macOf(first.network(), QStringLiteral("eth1")));
        QCOMPARE(macOf(second.network(), QStringLiteral("eth0")).text(), std::string{"02:00:5e:00:00:42"});
        VERIFY_DONE(bench.wiring().unplug(kPlant, kFirst, first.pin()));
        QVERIFY(!first.link(QStringLiteral("eth0")));
        bench.restart();
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, first.pin()));
        QCOMPARE(macOf(first.network(), QStringLiteral("eth0")).text(), mac.text());
    }
    void aBridgeOfTheHostStaysAsItIs()
    {
        WiringBench bench;
        const Nic nic = bench.bridge(QStringLiteral("eth1"), QStringLiteral("eth2"));
        QVERIFY(bench.ip(QStringLiteral("address add 192.0.2.1/24 dev eth1")));
        const Island instrument = bench.instrument();
        const auto before = bench.hostLink(QStringLiteral("eth1"));
        QVERIFY(bench.wiring().segmentNamespace(kPlant).empty());
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, instrument.pin()));
        QVERIFY(bench.wiring().segmentNamespace(kPlant).empty());
        const auto after = bench.hostLink(QStringLiteral("eth1"));
        QVERIFY(after);
        QCOMPARE(after->mac.text(), before->mac.text());
        QCOMPARE(after->mtu, before->mtu);
        const auto facts = bench.wiring().look(kPlant);
        QVERIFY(facts);
        QCOMPARE(facts->problem, std::string{});
        QVERIFY(facts->present && facts->carrier && !facts->owned);
        QVERIFY(instrument.ip(QStringLiteral("address add 192.0.2.2/24 dev eth0"))
            && bench.switchOn(kPlant, kFirst, instrument));
        QVERIFY(!saidIn(instrument.network(), QStringLiteral("ping"),
            {QStringLiteral("-c1"), QStringLiteral("-W5"), QStringLiteral("192.0.2.1")})
                     .contains(" 0 received"));
        VERIFY_DONE(bench.wiring().closeSegment(kPlant));
        QVERIFY(!instrument.link(QStringLiteral("eth0")));
        QCOMPARE(saidIn(bench.host(), QStringLiteral("nft"), {QStringLiteral("list"), QStringLiteral("ruleset")}),
            QByteArray{});
        QVERIFY(bench.hostLink(QStringLiteral("eth1")));
    }
    void aMirrorShowsAllToEveryReader()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island first = bench.instrument();
        const Island second = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(kSpan));
        VERIFY_DONE(bench.wiring().plug(kSpan, kFirst, first.pin()));
        VERIFY_DONE(bench.wiring().plug(kSpan, kSecond, second.pin()));
        QVERIFY(bench.switchOn(kSpan, kFirst, first) && bench.switchOn(kSpan, kSecond, second));
        RawPort one{first.network(), QStringLiteral("eth0")};
        RawPort other{second.network(), QStringLiteral("eth0")};
        const RawPort outside = nic.port();
        const MacAddress elsewhere{{0x02, 0x77, 0, 0, 0, 1}};
        const QByteArray frame = udpFrame(elsewhere, kStation, "192.0.2.1", "192.0.2.2", "mirrored");
        for (const QByteArray& each :
            {frame, tagged(frame), etherFrame({{0x01, 0x80, 0xc2, 0, 0, 0x0e}}, kStation, 0x88cc, "mirrored")}) {
            QVERIFY(outside.send(each));
            QCOMPARE(one.await("mirrored"), QList{each});
            QCOMPARE(other.await("mirrored"), QList{each});
        }
        VERIFY_DONE(bench.wiring().unplug(kSpan, kFirst, first.pin()));
        QVERIFY(outside.send(frame));
        QCOMPARE(other.await("mirrored"), QList{frame});
    }
    void whatMayNotSendReceives()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        const PlugSpec quiet{"beacon_0", "eth0", false, {}};
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, quiet, instrument.pin()));
        QVERIFY(bench.switchOn(kPlant, kFirst, instrument));
        RawPort inside{instrument.network(), QStringLiteral("eth0"), RawPort::Way::Bypass};
        RawPort outside = nic.port();
        const QByteArray frame = udpFrame(kStation, {{0x02, 0, 0, 0, 0, 1}}, "192.0.2.1", "192.0.2.2", "one way");
        const auto trySending = [&] {
            static_cast<void>(inside.send(frame)); // a kernel may tell, and need not
            QCOMPARE(outside.await("one way", kSoonMs), QList<QByteArray>{});
            static_cast<void>(saidIn(
                instrument.network(), QStringLiteral("nft"), {QStringLiteral("flush"), QStringLiteral("ruleset")}));
            QVERIFY(inside.send(frame));
            QCOMPARE(outside.await("one way", kSoonMs), QList<QByteArray>{});
        };
        trySending();
        QVERIFY(outside.send(frame));
        QCOMPARE(inside.await("one way"), QList{frame});
        // What it may is changed while it runs.
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, instrument.pin()));
        QVERIFY(inside.send(frame));
        QCOMPARE(outside.await("one way"), QList{frame});
        const auto still = bench.wiring().isPlugged(kPlant, quiet, instrument.pin());
        QVERIFY(still && !*still);
        VERIFY_DONE(bench.wiring().plug(kPlant, quiet, instrument.pin()));
        trySending();
    }
    void aWholeDeviceMovesInAndBack()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        const Island another = bench.instrument();
        const MacAddress mac = macOf(bench.host(), QStringLiteral("eth1"));
        VERIFY_DONE(bench.wiring().openSegment(kWhole));
        QVERIFY(bench.wiring().segmentNamespace(kWhole).empty());
        VERIFY_DONE(bench.wiring().plug(kWhole, kFirst, instrument.pin()));
        QVERIFY(!bench.hostLink(QStringLiteral("eth1")));
        QCOMPARE(macOf(instrument.network(), QStringLiteral("eth0")).text(), mac.text());
        const auto twice = bench.wiring().plug(kWhole, kSecond, another.pin());
        QVERIFY(!twice);
        QCOMPARE(twice.error().context, std::string{"eth1 is given to beacon_0 already"});
        const auto silent = bench.wiring().plug(kWhole, {"beacon_0", "eth0", false, {}}, instrument.pin());
        QVERIFY(!silent && silent.error().code == Errc::BadInput);
        QVERIFY(silent.error().context.find("use type mirror to receive only") != std::string::npos);
        // Inside, it may be renamed and get another address.
        QVERIFY(instrument.ip(QStringLiteral("link set eth0 name mine"))
            && instrument.ip(QStringLiteral("link set mine address 02:00:00:00:00:99")));
        auto plugged = bench.wiring().isPlugged(kWhole, kFirst, instrument.pin());
        QVERIFY(plugged && !*plugged);
        bench.restart();
        VERIFY_DONE(bench.wiring().unplug(kWhole, kFirst, instrument.pin()));
        const auto back = bench.hostLink(QStringLiteral("eth1"));
        QVERIFY(back && back->up);
        QCOMPARE(back->mac.text(), mac.text());
        VERIFY_DONE(bench.wiring().unplug(kWhole, kFirst, instrument.pin()));
        VERIFY_DONE(bench.wiring().plug(kWhole, kSecond, another.pin()));
        VERIFY_DONE(bench.wiring().closeSegment(kWhole));
        QVERIFY(bench.hostLink(QStringLiteral("eth1")));
        QVERIFY(bench.wiring().recorded().empty());
    }
    void aDeviceGoesBackAsItCame_data()
    {
        QTest::addColumn<SegmentSpec::Type>("type");
        QTest::addColumn<bool>("up");
        QTest::addColumn<bool>("promiscuous");
        QTest::newRow("a bridge's, that was up") << SegmentSpec::Type::Bridge << true << false;
        QTest::newRow("a bridge's, that was off") << SegmentSpec::Type::Bridge << false << true;
        QTest::newRow("a mirror's, that was off") << SegmentSpec::Type::Mirror << false << false;
        QTest::newRow("a mirror's, that was up and promiscuous") << SegmentSpec::Type::Mirror << true << true;
    }
    void aDeviceGoesBackAsItCame()
    {
        QFETCH(SegmentSpec::Type, type);
        QFETCH(bool, up);
        QFETCH(bool, promiscuous);
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        const auto on = [](bool is) { return is ? QStringLiteral("on") : QStringLiteral("off"); };
        QVERIFY(bench.ip(QStringLiteral("link set eth1 promisc ") + on(promiscuous)));
        QVERIFY(bench.ip(QStringLiteral("link set eth1 ") + (up ? QStringLiteral("up") : QStringLiteral("down"))));
        const auto features = [&bench] {
            return saidIn(bench.host(), QStringLiteral("ethtool"), {QStringLiteral("-k"), QStringLiteral("eth1")});
        };
        const QByteArray before = features();
        const SegmentSpec segment{"plant-a", type, "eth1"};
        VERIFY_DONE(bench.wiring().openSegment(segment));
        VERIFY_DONE(bench.wiring().plug(segment, kFirst, instrument.pin()));
        const auto inside = bench.inside(segment);
        for (const auto& [where, name] : {std::pair{&inside, "eth1"}, std::pair{&instrument.network(), "eth0"}}) {
            const QByteArray now =
                saidIn(*where, QStringLiteral("ethtool"), {QStringLiteral("-k"), QLatin1StringView{name}});
            for (const char* each : {"rx-checksumming", "tx-checksumming", "scatter-gather", "tcp-segmentation-offload",
                     "generic-segmentation-offload", "generic-receive-offload", "large-receive-offload",
                     "tx-udp-segmentation", "tx-gso-list"})
                QVERIFY2(now.contains(QByteArray{each} + ": off"), each);
        }
        bench.restart();
        VERIFY_DONE(bench.wiring().closeSegment(segment));
        const auto back = bench.hostLink(QStringLiteral("eth1"));
        QVERIFY(back);
        QCOMPARE(back->up, up);
        QCOMPARE(back->promiscuous, promiscuous);
        QCOMPARE(features(), before);
        QVERIFY(!instrument.link(QStringLiteral("eth0")));
        QVERIFY(!NetworkNamespace::open(bench.runtimeDir() + "/net/segment-plant-a.net"));
        VERIFY_DONE(bench.wiring().closeSegment(segment));
    }
    void theHostsRoutesAndAddressesStay()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Nic own = bench.nic(QStringLiteral("eth9"));
        QVERIFY(bench.ip(QStringLiteral("address add 198.51.100.2/24 dev eth9"))
            && bench.ip(QStringLiteral("route add default via 198.51.100.1")));
        QVERIFY(bench.ip(QStringLiteral("address add 2001:db8::2/64 dev eth9 nodad"))
            && bench.ip(QStringLiteral("route add default via 2001:db8::1")));
        const auto state = [&bench] {
            QByteArray all;
            for (const char* family : {"-4", "-6"}) {
                for (const char* object : {"route", "address"})
                    all += saidIn(bench.host(), QStringLiteral("ip"),
                        {QLatin1StringView{family}, QStringLiteral("-j"), QLatin1StringView{object},
                            QStringLiteral("show"), QStringLiteral("dev"), QStringLiteral("eth9")});
            }
            return all;
        };
        QTest::qWait(kSoonMs);
        const QByteArray before = state();
        QVERIFY(before.contains("198.51.100.1") && before.contains("2001:db8::1"));
        const Island instrument = bench.instrument();
        for (const SegmentSpec& segment : {kPlant, kSpan, kWhole}) {
            VERIFY_DONE(bench.wiring().openSegment(segment));
            VERIFY_DONE(bench.wiring().plug(segment, kFirst, instrument.pin()));
            QCOMPARE(state(), before);
            VERIFY_DONE(bench.wiring().closeSegment(segment));
            QCOMPARE(state(), before);
        }
    }
    void devicesTellWhyTheyMayNotBeGiven()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Nic own = bench.nic(QStringLiteral("eth9"));
        const Nic free = bench.nic(QStringLiteral("eth3"));
        const Nic bridge = bench.bridge(QStringLiteral("br7"), QStringLiteral("eth7"));
        const Island instrument = bench.instrument();
        QVERIFY(bench.ip(QStringLiteral("address add 198.51.100.2/24 dev eth9")));
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kFirst, instrument.pin()));
        const auto devices = bench.wiring().devices();
        QVERIFY(devices);
        std::map<std::string, std::string> found;
        for (const HostDevice& each : *devices)
            found[each.name] = each.whyNot;
        const std::map<std::string, std::string> expected{
            {"lo", "lo is the loopback device, by which nothing leaves this host"},
            {"eth1", "eth1 is given already, as plant-a"}, {"eth3", ""}, {"eth7", "eth7 is a port of br7 already"},
            {"eth9", "eth9 carries an address of this host"}, {"br7", ""}};
        for (const auto& [name, why] : expected)
            QCOMPARE(found[name], why);
    }
    void fiftyAreQuicklyPlugged()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        VERIFY_DONE(bench.wiring().openSegment(kSpan));
        QElapsedTimer clock;
        clock.start();
        for (int i = 0; i < 50; ++i)
            VERIFY_DONE(bench.wiring().plug(
                kSpan, {"listener_" + std::to_string(i), "eth" + std::to_string(i), false, {}}, instrument.pin()));
        qInfo("a plug takes %lld ms", static_cast<long long>(clock.restart() / 50));
        const auto plugged = bench.wiring().isPlugged(kSpan, {"listener_49", "eth49", false, {}}, instrument.pin());
        QVERIFY(plugged && *plugged);
        for (int i = 0; i < 50; ++i)
            static_cast<void>(bench.wiring().isPlugged(kSpan, {"listener_49", "eth49", false, {}}, instrument.pin()));
        qInfo("isPlugged takes %lld us", static_cast<long long>(clock.restart() * 20));
        for (int i = 0; i < 50; ++i)
            static_cast<void>(bench.wiring().look(kSpan));
        qInfo("look takes %lld us", static_cast<long long>(clock.restart() * 20));
        for (int i = 0; i < 50; ++i)
            static_cast<void>(bench.wiring().devices());
        qInfo("devices takes %lld us", static_cast<long long>(clock.restart() * 20));
        VERIFY_DONE(bench.wiring().closeSegment(kSpan));
        qInfo("close takes %lld ms", static_cast<long long>(clock.restart()));
    }
};

BEACON_WIRED_MAIN(TstWiring)
#include "tst_wiring.moc"
