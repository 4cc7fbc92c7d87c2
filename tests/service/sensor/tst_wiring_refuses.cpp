#include "service/sensor/wiring.h"
#include "service/sensor/wiring_names.h"
#include "service/sensor/wiring_record.h"
#include "tests/service/sensor/wiring_bench.h"

#include <QDir>
#include <QProcess>
#include <QRegularExpression>

#include <functional>

// What may not be given is refused with a sentence, and what fails half-way leaves nothing behind.

using namespace beacon;
using namespace beacon::test;

namespace {

using Type = SegmentSpec::Type;
const SegmentSpec kPlant{"plant-a", Type::Bridge, "eth1"};
const PlugSpec kPlug{"beacon_0", "eth0", true, {}};

struct Refused {
    const char* words;
    SegmentSpec segment;
    std::function<bool(WiringBench&)> before;
    Errc code;
    std::string sentence;
};

bool nothing(WiringBench&)
{
    return true;
}

std::function<bool(WiringBench&)> byIp(QStringList lines)
{
    return [lines = std::move(lines)](WiringBench& bench) {
        return std::all_of(lines.begin(), lines.end(), [&bench](const QString& each) { return bench.ip(each); });
    };
}

const std::vector<Refused>& refusals()
{
    static const std::vector<Refused> all{
        {"an absent device", {"a", Type::Bridge, "eth77"}, nothing, Errc::NotFound,
            "there is no device eth77 on this host"},
        {"the loopback device", {"a", Type::Bridge, "lo"}, nothing, Errc::BadInput,
            "lo is the loopback device, by which nothing leaves this host"},
        {"a device that is not Ethernet", {"a", Type::Mirror, "tun7"},
            byIp({QStringLiteral("tuntap add tun7 mode tun")}), Errc::BadInput, "tun7 is no Ethernet device"},
        {"a device with an IPv4 address", {"a", Type::Bridge, "eth1"},
            byIp({QStringLiteral("address add 198.51.100.2/24 dev eth1")}), Errc::Busy,
            "eth1 carries an address of this host"},
        {"a device with an IPv6 address", {"a", Type::Phy, "eth1"},
            byIp({QStringLiteral("address add 2001:db8::2/64 dev eth1 nodad")}), Errc::Busy,
            "eth1 carries an address of this host"},
        {"a device with a default route and no address", {"a", Type::Mirror, "eth1"},
            byIp({QStringLiteral("route add default dev eth1")}), Errc::Busy,
            "eth1 carries a default route of this host"},
        {"a device with an IPv6 default route", {"a", Type::Bridge, "eth1"},
            byIp({QStringLiteral("-6 route add default dev eth1")}), Errc::Busy,
            "eth1 carries a default route of this host"},
        {"a port of a bridge", {"a", Type::Bridge, "eth1"},
            byIp({QStringLiteral("link add br7 type bridge"), QStringLiteral("link set eth1 master br7")}), Errc::Busy,
            "eth1 is a port of br7 already"},
        {"a device that another one stands on", {"a", Type::Bridge, "eth1"},
            byIp({QStringLiteral("link add link eth1 name mac7 type macvlan")}), Errc::Busy,
            "eth1 carries mac7, a device of this host"},
        {"a bridge as a mirror", {"a", Type::Mirror, "br7"}, byIp({QStringLiteral("link add br7 type bridge")}),
            Errc::BadInput, "br7 is a bridge, which can only be given as type bridge"},
        {"a bridge as a whole device", {"a", Type::Phy, "br7"}, byIp({QStringLiteral("link add br7 type bridge")}),
            Errc::BadInput, "br7 is a bridge, which can only be given as type bridge"},
        {"a device that is given already", {"b", Type::Mirror, "eth1"},
            [](WiringBench& bench) { return bool(bench.wiring().openSegment(kPlant)); }, Errc::Busy,
            "eth1 is given already, as plant-a"},
        {"a bridge that is given already", {"b", Type::Bridge, "br7"},
            [](WiringBench& bench) {
                return bench.ip(QStringLiteral("link add br7 type bridge"))
                    && bool(bench.wiring().openSegment({"plant-a", Type::Bridge, "br7"}));
            },
            Errc::Busy, "br7 is given already, as plant-a"},
        {"a whole device that is given already", {"b", Type::Bridge, "eth1"},
            [](WiringBench& bench) {
                return bool(bench.wiring().openSegment({"plant-a", Type::Phy, "eth1"}));
            },
            Errc::Busy, "eth1 is given already, as plant-a"},
        {"the host end of an Instrument's", {"a", Type::Bridge, "sns-0123456789a"}, nothing, Errc::BadInput,
            "'sns-0123456789a' is no name of a device that may be given"},
        {"a name that nft would read as more", {"a", Type::Bridge, "e\"; drop"}, nothing, Errc::BadInput,
            "'e\"; drop' is no name of a device that may be given"},
        {"a name that matches many", {"a", Type::Bridge, "eth*"}, nothing, Errc::BadInput,
            "'eth*' is no name of a device that may be given"},
        {"a name that leaves the directory", {"../../a", Type::Bridge, "eth1"}, nothing, Errc::BadInput,
            "'../../a' is no name of an interface of the Sensor"},
        {"a device without a name", {"a", Type::Bridge, ""}, nothing, Errc::BadInput,
            "'' is no name of a device that may be given"},
        {"a device with too long a name", {"a", Type::Bridge, "sixteen-letters-"}, nothing, Errc::BadInput,
            "'sixteen-letters-' is no name of a device that may be given"},
    };
    return all;
}

} // namespace

class TstWiringRefuses : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void devices_data()
    {
        QTest::addColumn<int>("which");
        for (int i = 0; i < static_cast<int>(refusals().size()); ++i)
            QTest::newRow(refusals()[static_cast<std::size_t>(i)].words) << i;
    }
    void devices()
    {
        QFETCH(int, which);
        const Refused& refused = refusals()[static_cast<std::size_t>(which)];
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        for (const char* each : {"br7", "tun7", "mac7"})
            bench.keep(QString::fromLatin1(each));
        QVERIFY(refused.before(bench));
        const QByteArray before = state(bench);
        const auto records = bench.wiring().recorded();
        const auto opened = bench.wiring().openSegment(refused.segment);
        QVERIFY(!opened);
        QCOMPARE(opened.error().context, refused.sentence);
        QCOMPARE(opened.error().code, refused.code);
        QCOMPARE(state(bench), before);
        QVERIFY(bench.wiring().recorded() == records);
        // Nor does a look make anything, or a second try.
        if (refused.code != Errc::BadInput)
            QVERIFY(bench.wiring().look(refused.segment)->problem == refused.sentence);
        QVERIFY(!bench.wiring().openSegment(refused.segment));
        QVERIFY(!bench.wiring().plug(refused.segment, kPlug, "/proc/self/ns/net"));
        QCOMPARE(state(bench), before);
    }
    void plugs_data()
    {
        QTest::addColumn<PlugSpec>("plug");
        QTest::addColumn<Type>("type");
        QTest::addColumn<QByteArray>("sentence");
        QTest::newRow("a name inside that is taken") << PlugSpec{"beacon_0", "own", true, {}} << Type::Bridge
                                                     << QByteArray{"beacon_0 has another interface own already"};
        QTest::newRow("a name inside that is taken, by a mirror") << PlugSpec{
            "beacon_0", "own", true, {}} << Type::Mirror << QByteArray{"beacon_0 has another interface own already"};
        QTest::newRow("a name inside that is taken, by a whole device") << PlugSpec{
            "beacon_0", "own", true, {}} << Type::Phy << QByteArray{"beacon_0 has another interface own already"};
        QTest::newRow("the loopback's name") << PlugSpec{"beacon_0", "lo", true, {}} << Type::Bridge
                                             << QByteArray{"'lo' is no name of an Instrument's interface"};
        QTest::newRow("an address of many") << PlugSpec{"beacon_0", "eth0", true, "01:00:5e:00:00:01"} << Type::Bridge
                                            << QByteArray{"'01:00:5e:00:00:01' is no address of one station"};
        QTest::newRow("an address that is none") << PlugSpec{"beacon_0", "eth0", true, "02:00"} << Type::Mirror
                                                 << QByteArray{"'02:00' is no address of one station"};
        QTest::newRow("a name with a blank") << PlugSpec{"beacon_0", "eth 0", true, {}} << Type::Bridge
                                             << QByteArray{"'eth 0' is no name of an Instrument's interface"};
    }
    void plugs()
    {
        QFETCH(PlugSpec, plug);
        QFETCH(Type, type);
        QFETCH(QByteArray, sentence);
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const Island instrument = bench.instrument();
        const SegmentSpec segment{"plant-a", type, "eth1"};
        QVERIFY(instrument.ip(QStringLiteral("link add own type bridge")));
        VERIFY_DONE(bench.wiring().openSegment(segment));
        const auto inside = links(instrument.network());
        const auto around = linksAround(bench, segment);
        const auto plugged = bench.wiring().plug(segment, plug, instrument.pin());
        QVERIFY(!plugged);
        QCOMPARE(QByteArray::fromStdString(plugged.error().context), sentence);
        QCOMPARE(links(instrument.network()), inside);
        QCOMPARE(linksAround(bench, segment), around);
        const auto is = bench.wiring().isPlugged(segment, plug, instrument.pin());
        QVERIFY(!is || !*is);
        if (type == Type::Phy)
            QVERIFY(bench.hostLink(QStringLiteral("eth1"))->up);
    }
    void withoutSensorRoomNothingIsMade()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        const QByteArray before = state(bench);
        for (const char* room : {"/nonexistent/sensor-room", "/bin/false"}) {
            Wiring wiring{{bench.runtimeDir(), room}};
            const auto opened = wiring.openSegment(kPlant);
            QVERIFY(!opened);
            QVERIFY(opened.error().context.find(room) != std::string::npos);
            QCOMPARE(state(bench), before);
            QVERIFY(wiring.recorded().empty());
        }
    }
    void aDeviceThatCannotBeUsedGoesBack()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        // The segment's namespace exists, and something in it has the name of the bridge.
        const std::string pin = bench.runtimeDir() + "/net/segment-plant-a.net";
        QVERIFY(QDir{}.mkpath(QString::fromStdString(bench.runtimeDir() + "/net")));
        QCOMPARE(QProcess::execute(QStringLiteral(BEACON_BIN_DIR "/sensor-room"),
                     {QStringLiteral("make"), QStringLiteral("--network-namespace"), QString::fromStdString(pin)}),
            0);
        QVERIFY(ipIn(*NetworkNamespace::open(pin), QStringLiteral("link add br0 type veth peer name other")));
        QVERIFY(ipIn(*NetworkNamespace::open(pin), QStringLiteral("link set other name sns-other")));
        const QByteArray before = state(bench);
        const auto opened = bench.wiring().openSegment(kPlant);
        QVERIFY(!opened);
        QCOMPARE(state(bench), before);
        VERIFY_DONE(bench.wiring().closeSegment(kPlant));
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
    }
    void aNameThatIsTakenKeepsADevice()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        QVERIFY(bench.ip(QStringLiteral("link add eth1 type veth peer name eth1-other")));
        const auto closed = bench.wiring().closeSegment(kPlant);
        QVERIFY(!closed);
        QCOMPARE(
            closed.error().context, std::string{"eth1 cannot be given back: the host has another device of this name"});
        QVERIFY(bench.ip(QStringLiteral("link del eth1")));
        VERIFY_DONE(bench.wiring().openSegment(kPlant)); // it is still there
        VERIFY_DONE(bench.wiring().closeSegment(kPlant));
        QVERIFY(bench.hostLink(QStringLiteral("eth1")));
    }
    void whatIsNotThereIsClosedAndUnpluggedInPeace()
    {
        WiringBench bench;
        const Nic nic = bench.nic(QStringLiteral("eth1"));
        Island instrument = bench.instrument();
        for (const Type type : {Type::Bridge, Type::Mirror, Type::Phy}) {
            const SegmentSpec segment{"plant-a", type, "eth1"};
            VERIFY_DONE(bench.wiring().closeSegment(segment));
            VERIFY_DONE(bench.wiring().unplug(segment, kPlug, instrument.pin()));
            VERIFY_DONE(bench.wiring().openSegment(segment));
            VERIFY_DONE(bench.wiring().unplug(segment, kPlug, instrument.pin()));
            VERIFY_DONE(bench.wiring().unplug(segment, kPlug, "/nonexistent"));
            VERIFY_DONE(bench.wiring().closeSegment(segment));
        }
        // The Instrument's namespace ends while it is plugged.
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().plug(kPlant, kPlug, instrument.pin()));
        const std::string pin = instrument.pin();
        instrument.drop();
        const auto plugged = bench.wiring().isPlugged(kPlant, kPlug, pin);
        QVERIFY(plugged && !*plugged);
        VERIFY_DONE(bench.wiring().unplug(kPlant, kPlug, pin));
        QCOMPARE(linksAround(bench, kPlant).count("sns-"), 0);
    }
    void anotherSegmentIsLeftFirst()
    {
        // As where sensord was killed when it had written the new document, and before it had unplugged.
        WiringBench bench;
        const Nic one = bench.nic(QStringLiteral("eth1"));
        const Nic other = bench.nic(QStringLiteral("eth2"));
        const Island instrument = bench.instrument();
        const SegmentSpec second{"plant-b", Type::Mirror, "eth2"};
        VERIFY_DONE(bench.wiring().openSegment(kPlant));
        VERIFY_DONE(bench.wiring().openSegment(second));
        VERIFY_DONE(bench.wiring().plug(kPlant, kPlug, instrument.pin()));
        bench.restart();
        VERIFY_DONE(bench.wiring().plug(second, kPlug, instrument.pin()));
        QCOMPARE(linksAround(bench, kPlant).count("sns-"), 0);
        // And an interface that has become another one.
        const SegmentSpec changed{"plant-a", Type::Mirror, "eth1"};
        VERIFY_DONE(bench.wiring().openSegment(changed));
        VERIFY_DONE(bench.wiring().closeSegment(second));
        VERIFY_DONE(bench.wiring().openSegment({"plant-a", Type::Phy, "eth2"}));
        QVERIFY(bench.hostLink(QStringLiteral("eth1")));
        QCOMPARE(bench.wiring().recorded().size(), std::size_t{1});
    }

    void whatTakesThePlaceOfAGivenDeviceIsKnownByWhatItCannotChoose()
    {
        Link nic;
        nic.kind = "phy";
        nic.ethernet = true;
        nic.permanentMac = MacAddress{{0, 0x1b, 0x21, 1, 2, 3}};
        SegmentRecord record;
        record.cameAs(nic);
        Link renamed = nic;
        renamed.name = "other";
        renamed.mac = kEverybody;
        QVERIFY(record.fits(renamed));
        Link veth = nic;
        veth.kind = "veth";
        QVERIFY(!record.fits(veth));
        Link anotherNic = nic;
        anotherNic.permanentMac = MacAddress{{0, 0x1b, 0x21, 1, 2, 4}};
        QVERIFY(!record.fits(anotherNic));
        Link tunnel = nic;
        tunnel.ethernet = false;
        QVERIFY(!record.fits(tunnel));
    }

private:
    /// Without what the kernel finds out by itself in its own time: the carrier, and all that follows.
    static QByteArray links(const NetworkNamespace& where)
    {
        static const QRegularExpression kLater{QStringLiteral("NO-CARRIER,|,LOWER_UP|(qdisc|state|link-netnsid) \\S+")};
        const auto all = saidIn(where, QStringLiteral("ip"), {QStringLiteral("-o"), QStringLiteral("link")});
        return QString::fromUtf8(all).remove(kLater).toUtf8();
    }
    /// Of the host: links, addresses and routes (IPv4, which does not change by itself), rules, and our files.
    static QByteArray state(const WiringBench& bench)
    {
        QByteArray all = links(bench.host());
        all += saidIn(bench.host(), QStringLiteral("ip"),
            {QStringLiteral("-4"), QStringLiteral("-o"), QStringLiteral("address")});
        all += saidIn(bench.host(), QStringLiteral("ip"), {QStringLiteral("-j"), QStringLiteral("route")});
        all += saidIn(bench.host(), QStringLiteral("nft"), {QStringLiteral("list"), QStringLiteral("ruleset")});
        const QDir net{QString::fromStdString(bench.runtimeDir()) + QStringLiteral("/net")};
        return all + net.entryList(QDir::Files | QDir::System).join(QLatin1Char{' '}).toUtf8();
    }
    static QByteArray linksAround(WiringBench& bench, const SegmentSpec& segment)
    {
        if (bench.wiring().segmentNamespace(segment).empty())
            return {};
        return links(bench.inside(segment));
    }
};

BEACON_WIRED_MAIN(TstWiringRefuses)
#include "tst_wiring_refuses.moc"
