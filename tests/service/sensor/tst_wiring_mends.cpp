#include "service/sensor/wiring.h"
#include "service/sensor/wiring_names.h"
#include "tests/service/sensor/wiring_bench.h"

#include <QFile>

#include <functional>
#include <sys/mount.h>
#include <unistd.h>

// Whatever happened meanwhile, at the host, in a segment or inside an Instrument: it is noticed, and openSegment() and
// plug() make it as it was.

using namespace beacon;
using namespace beacon::test;

namespace {

const PlugSpec kPlug{"beacon_0", "eth0", true, {}};
const PlugSpec kQuiet{"beacon_0", "eth0", false, {}};
const MacAddress kStation{{0x02, 0x5e, 0x10, 0, 0, 0x07}};

struct Setting {
    WiringBench bench;
    SegmentSpec segment;
    PlugSpec plug = kPlug;
    std::unique_ptr<Nic> nic;
    std::unique_ptr<Island> instrument;

    [[nodiscard]] NetworkNamespace around()
    {
        return bench.wiring().segmentNamespace(segment).empty() ? std::move(*NetworkNamespace::ofThisThread())
                                                                : bench.inside(segment);
    }
    [[nodiscard]] bool outside(const QString& arguments) { return ipIn(around(), arguments); }
    [[nodiscard]] bool inside(const QString& arguments) const { return instrument->ip(arguments); }
    [[nodiscard]] bool flush(const NetworkNamespace& where) const
    {
        static_cast<void>(saidIn(where, QStringLiteral("nft"), {QStringLiteral("flush"), QStringLiteral("ruleset")}));
        return true;
    }
    [[nodiscard]] QString port() const { return QString::fromStdString(portName(plug)); }
    /// The old one is pulled out, and another is put in, which has another index and address.
    [[nodiscard]] bool replaceNic()
    {
        nic.reset();
        return QTest::qWaitFor([this] { return !linkThere(QStringLiteral("eth1")); }) && plugNicIn();
    }
    [[nodiscard]] bool plugNicIn()
    {
        nic = std::make_unique<Nic>(bench.nic(QStringLiteral("eth1")));
        return true;
    }
    [[nodiscard]] std::optional<Link> linkThere(const QString& name) { return WiringBench::linkIn(around(), name); }
};

struct Damage {
    const char* words;
    SegmentSpec::Type type;
    bool isForeign;
    std::function<bool(Setting&)> happen;
    bool send = true;
    bool isHarmless = false; ///< nothing is to be noticed
};

const std::vector<Damage>& damages()
{
    using Type = SegmentSpec::Type;
    static const std::vector<Damage> all{
        {"sensord was killed", Type::Bridge, false, [](Setting&) { return true; }, true, true},
        {"sensord was killed, with a mirror", Type::Mirror, false, [](Setting&) { return true; }, true, true},
        {"sensord was killed, with a bridge of the host's", Type::Bridge, true, [](Setting&) { return true; }, true,
            true},
        {"sensord was killed, with a whole device", Type::Phy, false, [](Setting&) { return true; }, true, true},
        {"the record was deleted", Type::Bridge, false,
            [](Setting& at) {
                return QFile::remove(
                    QString::fromStdString(at.bench.runtimeDir()) + QStringLiteral("/net/segment-plant-a.json"));
            }},
        {"the port was deleted", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link del ") + at.port()); }},
        {"the end inside was deleted", Type::Bridge, false,
            [](Setting& at) { return at.inside(QStringLiteral("link del eth0")); }},
        {"the end inside was renamed", Type::Bridge, false,
            [](Setting& at) {
                return at.inside(QStringLiteral("link set eth0 down"))
                    && at.inside(QStringLiteral("link set eth0 name mine"));
            }},
        {"the end inside was renamed while up", Type::Bridge, false,
            [](Setting& at) { return at.inside(QStringLiteral("link set eth0 name mine")); }},
        {"the end inside has another address", Type::Bridge, false,
            [](Setting& at) { return at.inside(QStringLiteral("link set eth0 address 02:00:00:00:00:77")); }},
        {"the port was switched off", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set %1 down").arg(at.port())); }},
        {"the port is no longer isolated", Type::Bridge, false,
            [](Setting& at) {
                return at.outside(QStringLiteral("link set %1 type bridge_slave isolated off").arg(at.port()));
            }},
        {"the port was taken off the bridge", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set %1 nomaster").arg(at.port())); }},
        {"the bridge was deleted", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link del br0")); }},
        {"the bridge was switched off", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set br0 down")); }},
        {"the device was taken off the bridge", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 nomaster")); }},
        {"the device was switched off", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 down")); }},
        {"the device was renamed", Type::Bridge, false,
            [](Setting& at) {
                return at.outside(QStringLiteral("link set eth1 down"))
                    && at.outside(QStringLiteral("link set eth1 name enp7"));
            }},
        {"the device was moved back to the host by hand", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 netns %1").arg(::getpid())); }},
        {"the device came back to the host under another name", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 name enp7 netns %1").arg(::getpid())); }},
        {"the device vanished and came back as another", Type::Bridge, false,
            [](Setting& at) { return at.replaceNic(); }},
        {"the device of a mirror vanished and came back as another", Type::Mirror, false,
            [](Setting& at) { return at.replaceNic(); }},
        {"the rules of the segment were flushed", Type::Bridge, false,
            [](Setting& at) { return at.flush(at.around()); }},
        {"the segment's frames are handed to iptables", Type::Bridge, false,
            [](Setting& at) {
                return bool(at.around().run([] { return setSysctl("net/bridge/bridge-nf-call-iptables", "1"); }));
            }},
        {"the Instrument forwards", Type::Bridge, false,
            [](Setting& at) {
                return bool(
                    at.instrument->network().run([] { return setSysctl("net/ipv4/conf/all/forwarding", "1"); }));
            }},
        {"the Instrument forwards by one interface", Type::Phy, false,
            [](Setting& at) {
                return bool(
                    at.instrument->network().run([] { return setSysctl("net/ipv4/conf/eth0/forwarding", "1"); }));
            }},
        {"the bridge looks into groups", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set br0 type bridge mcast_snooping 1")); }},
        {"the bridge speaks to other bridges", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set br0 type bridge stp_state 1")); }},
        {"the device is an isolated port", Type::Bridge, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 type bridge_slave isolated on")); }},
        {"the segment forwards", Type::Mirror, false,
            [](Setting& at) {
                return bool(at.around().run([] { return setSysctl("net/ipv4/conf/all/forwarding", "1"); }));
            }},
        {"the rules that silence a port were flushed", Type::Bridge, false,
            [](Setting& at) { return at.flush(at.around()); }, false},
        {"the rules of a mirror were flushed", Type::Mirror, false, [](Setting& at) { return at.flush(at.around()); }},
        {"a mirror is no longer promiscuous", Type::Mirror, false,
            [](Setting& at) { return at.outside(QStringLiteral("link set eth1 promisc off")); }},
        {"the port of a mirror was deleted", Type::Mirror, false,
            [](Setting& at) { return at.outside(QStringLiteral("link del ") + at.port()); }},
        {"the rules at the host were flushed", Type::Bridge, true, [](Setting& at) { return at.flush(at.around()); }},
        {"one rule at the host was deleted", Type::Bridge, true,
            [](Setting& at) {
                return saidIn(at.around(), QStringLiteral("nft"), {QStringLiteral("flush chain bridge sensor input")})
                    .isEmpty();
            }},
        {"the port was taken off a bridge of the host's", Type::Bridge, true,
            [](Setting& at) { return at.outside(QStringLiteral("link set %1 nomaster").arg(at.port())); }},
        {"the port at a bridge of the host's is no longer isolated", Type::Bridge, true,
            [](Setting& at) {
                return at.outside(QStringLiteral("link set %1 type bridge_slave isolated off").arg(at.port()));
            }},
        {"a bridge of the host's was made anew", Type::Bridge, true,
            [](Setting& at) {
                return at.outside(QStringLiteral("link del eth1"))
                    && at.outside(QStringLiteral("link add eth1 type bridge"))
                    && at.outside(QStringLiteral("link set eth2 master eth1"))
                    && at.outside(QStringLiteral("link set eth1 up"));
            }},
        {"a whole device was renamed inside", Type::Phy, false,
            [](Setting& at) { return at.inside(QStringLiteral("link set eth0 name mine")); }},
        {"a whole device went back to the host by hand", Type::Phy, false,
            [](Setting& at) { return at.inside(QStringLiteral("link set eth0 name eth1 netns %1").arg(::getpid())); }},
        {"the segment's pin was taken away", Type::Bridge, false, // and all that was in there, a veth being no device
            [](Setting& at) {
                return ::umount2(at.bench.wiring().segmentNamespace(at.segment).c_str(), 0) == 0
                    && QTest::qWaitFor([&at] { return !at.instrument->link(QStringLiteral("eth0")); })
                    && at.plugNicIn();
            }},
    };
    return all;
}

} // namespace

class TstWiringMends : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void mends_data()
    {
        QTest::addColumn<int>("which");
        for (int i = 0; i < static_cast<int>(damages().size()); ++i)
            QTest::newRow(damages()[static_cast<std::size_t>(i)].words) << i;
    }
    void mends()
    {
        QFETCH(int, which);
        const Damage& damage = damages()[static_cast<std::size_t>(which)];
        Setting at;
        at.segment = {"plant-a", damage.type, "eth1"};
        at.plug = damage.send ? kPlug : kQuiet;
        at.nic =
            std::make_unique<Nic>(damage.isForeign ? at.bench.bridge(QStringLiteral("eth1"), QStringLiteral("eth2"))
                                                   : at.bench.nic(QStringLiteral("eth1")));
        at.instrument = std::make_unique<Island>(at.bench.instrument());
        VERIFY_DONE(at.bench.wiring().openSegment(at.segment));
        VERIFY_DONE(at.bench.wiring().plug(at.segment, at.plug, at.instrument->pin()));
        QVERIFY(at.bench.switchOn(at.segment, at.plug, *at.instrument));
        works(at);
        const MacAddress mac = macOf(at.instrument->network(), QStringLiteral("eth0"));
        QVERIFY(isWhole(at));

        QVERIFY(damage.happen(at));
        at.bench.restart();
        QCOMPARE(isWhole(at), damage.isHarmless); // or nobody would call for a repair
        VERIFY_DONE(at.bench.wiring().openSegment(at.segment));
        VERIFY_DONE(at.bench.wiring().plug(at.segment, at.plug, at.instrument->pin()));
        QVERIFY(isWhole(at));
        QVERIFY(at.bench.switchOn(at.segment, at.plug, *at.instrument));
        works(at);
        if (damage.type != SegmentSpec::Type::Phy)
            QCOMPARE(macOf(at.instrument->network(), QStringLiteral("eth0")).text(), mac.text());

        const int index = at.instrument->link(QStringLiteral("eth0"))->index;
        VERIFY_DONE(at.bench.wiring().openSegment(at.segment));
        VERIFY_DONE(at.bench.wiring().plug(at.segment, at.plug, at.instrument->pin()));
        QCOMPARE(at.instrument->link(QStringLiteral("eth0"))->index, index); // what is right is left
        VERIFY_DONE(at.bench.wiring().closeSegment(at.segment));
        QVERIFY(at.bench.hostLink(QStringLiteral("eth1")));
    }

private:
    static bool isWhole(Setting& at)
    {
        const auto facts = at.bench.wiring().look(at.segment);
        const auto plugged = at.bench.wiring().isPlugged(at.segment, at.plug, at.instrument->pin());
        return facts && facts->present && facts->problem.empty() && plugged && *plugged;
    }
    /// Frames pass as they should, and only so.
    static void works(Setting& at)
    {
        RawPort inside{at.instrument->network(), QStringLiteral("eth0"), RawPort::Way::Bypass};
        RawPort outside = at.nic->port();
        QVERIFY(inside.good() && outside.good());
        const QByteArray in = udpFrame(kEverybody, kStation, "192.0.2.1", "192.0.2.2", "to you");
        QVERIFY(outside.send(in));
        QCOMPARE(inside.await("to you"), QList{in});
        const QByteArray out = udpFrame(kStation, {{0x02, 0, 0, 0, 0, 9}}, "192.0.2.1", "192.0.2.2", "from me");
        const bool mayLeave = at.plug.send && at.segment.type != SegmentSpec::Type::Mirror;
        static_cast<void>(saidIn(
            at.instrument->network(), QStringLiteral("nft"), {QStringLiteral("flush"), QStringLiteral("ruleset")}));
        QVERIFY(inside.send(out));
        QCOMPARE(outside.await("from me", mayLeave ? 2'000 : 100), mayLeave ? QList{out} : QList<QByteArray>{});
    }
};

BEACON_WIRED_MAIN(TstWiringMends)
#include "tst_wiring_mends.moc"
