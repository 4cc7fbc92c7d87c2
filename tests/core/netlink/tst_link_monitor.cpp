#include "core/netlink/netlink_link_monitor.h"
#include "tests/support/net_fixture.h"
#include "tests/support/without_capability.h"

#include <QElapsedTimer>
#include <QProcess>
#include <QTest>

#include <vector>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;

namespace {

struct Rig {
    explicit Rig(const char* name = "seg0", int bufferBytes = 0)
        : monitor(clock, policy(bufferBytes))
    {
        QObject::connect(
            &monitor, &LinkMonitor::changed, &monitor, [this](const LinkState& now) { seen.push_back(now); });
        started = bool(monitor.start(name));
    }
    static NetlinkLinkMonitor::Policy policy(int bufferBytes)
    {
        NetlinkLinkMonitor::Policy policy;
        policy.settle = 100ms;
        policy.reconcile = 1h; // so that it cannot hide a hint that was overlooked
        policy.receiveBufferBytes = bufferBytes;
        return policy;
    }
    const LinkState& state() const { return monitor.state(); }

    SystemClock clock;
    NetlinkLinkMonitor monitor;
    std::vector<LinkState> seen;
    bool started = false;
};

/// Without link-local addresses: their late arrival would be a hint of its own.
bool makeSegment()
{
    return ip(QStringLiteral("link add seg0 type veth peer name seg1"))
        && ip(QStringLiteral("link set seg0 addrgenmode none")) && ip(QStringLiteral("link set seg1 addrgenmode none"));
}
bool raise()
{
    return ip(QStringLiteral("link set seg0 up")) && ip(QStringLiteral("link set seg1 up"));
}
bool addressed()
{
    return ip(QStringLiteral("addr add 192.0.2.5/24 dev seg0"))
        && ip(QStringLiteral("addr add 2001:db8::5/64 dev seg0 nodad"));
}

} // namespace

class TstLinkMonitor : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void cleanup()
    {
        ip(QStringLiteral("link del seg0 2>/dev/null || true"));
        ip(QStringLiteral("link del other 2>/dev/null || true"));
    }
    void fault48_anAbsentOneIsWaitedFor();
    void fault51_upWithoutCarrierIsNotUsable();
    void addressesAreTold();
    void fault49_oneDeletedWhileRunningIsToldAndFoundAgain();
    void fault50_aRenamedOneIsFollowedByIndex();
    void fault56_oneThatIsRecreatedIsFoundUnderItsNewIndex();
    void fault52_flapsAt10HzCauseNoStorm();
    void fault53_hintsThatTheKernelDroppedAreMadeUpFor();
    void fault56_oneRecreatedBetweenTwoLooksIsNotMistaken();
    void loopbackHasItsKind();
    void onlyEthernetIsEthernet();
    void defaultRoutesAreTold_data();
    void defaultRoutesAreTold();
    void aMultipathRouteIsOnePerNextHop();
    void noMoreRoutesThanBoundedAreKept();
    void otherRoutesAreNoDefaultRoutes();
    void otherRoutesCauseNoLook();
    void itIsSwitchedOn();
    void fault54_withoutCapNetAdminItIsNotSwitchedOn();
    void switchingOnNeedsAnInterface();
};

void TstLinkMonitor::fault48_anAbsentOneIsWaitedFor()
{
    Rig rig;
    QVERIFY(rig.started);
    QVERIFY(!rig.state().present);
    QCOMPARE(rig.state().name, std::string{"seg0"});
    QVERIFY(makeSegment());
    QTRY_VERIFY(rig.state().present);
    QVERIFY(!rig.state().usable());
    QCOMPARE(rig.state().kind, std::string{"veth"});
    QVERIFY(rig.state().mac != MacAddress{});
}

void TstLinkMonitor::fault51_upWithoutCarrierIsNotUsable()
{
    QVERIFY(makeSegment());
    QVERIFY(ip(QStringLiteral("link set seg0 up")));
    Rig rig;
    QVERIFY(rig.state().up && !rig.state().carrier && !rig.state().usable());
    QVERIFY(ip(QStringLiteral("link set seg1 up")));
    QTRY_VERIFY(rig.state().usable());
    QVERIFY(rig.state().addresses.empty());
    QVERIFY(ip(QStringLiteral("link set seg1 down")));
    QTRY_VERIFY(!rig.state().usable());
    QVERIFY(rig.state().up);
}

void TstLinkMonitor::addressesAreTold()
{
    QVERIFY(makeSegment() && raise());
    Rig rig;
    QVERIFY(ip(QStringLiteral("addr add 192.0.2.5/24 dev seg0")));
    const auto has = [&] {
        return std::find(rig.state().addresses.begin(), rig.state().addresses.end(), *IpAddress::parse("192.0.2.5"))
            != rig.state().addresses.end();
    };
    QTRY_VERIFY(has());
    QVERIFY(ip(QStringLiteral("addr del 192.0.2.5/24 dev seg0")));
    QTRY_VERIFY(!has());
}

void TstLinkMonitor::fault49_oneDeletedWhileRunningIsToldAndFoundAgain()
{
    QVERIFY(makeSegment() && raise() && ip(QStringLiteral("route add default dev seg0")));
    Rig rig;
    QVERIFY(rig.state().usable() && !rig.state().defaultRoutes.empty());
    QVERIFY(ip(QStringLiteral("link del seg0")));
    QTRY_VERIFY(!rig.state().present);
    QVERIFY(rig.state().defaultRoutes.empty() && rig.state().addresses.empty() && rig.state().index == 0);
    QCOMPARE(rig.state().name, std::string{"seg0"}); // what is waited for
    QVERIFY(makeSegment() && raise());
    QTRY_VERIFY(rig.state().usable());
}

void TstLinkMonitor::fault50_aRenamedOneIsFollowedByIndex()
{
    QVERIFY(makeSegment() && raise());
    Rig rig;
    const int index = rig.state().index;
    QVERIFY(ip(QStringLiteral("link set seg0 name other")));
    QTRY_COMPARE(rig.state().name, std::string{"other"});
    QCOMPARE(rig.state().index, index);
    QVERIFY(ip(QStringLiteral("link set other down")));
    QTRY_VERIFY(!rig.state().up);
}

void TstLinkMonitor::fault56_oneThatIsRecreatedIsFoundUnderItsNewIndex()
{
    QVERIFY(makeSegment());
    Rig rig;
    const int index = rig.state().index;
    QVERIFY(ip(QStringLiteral("link del seg0")));
    QTRY_VERIFY(!rig.state().present);
    QVERIFY(makeSegment());
    QTRY_VERIFY(rig.state().present);
    QVERIFY(rig.state().index != index);
}

void TstLinkMonitor::fault52_flapsAt10HzCauseNoStorm()
{
    QVERIFY(makeSegment() && raise());
    Rig rig;
    QElapsedTimer timer;
    timer.start();
    int flips = 0;
    for (; timer.elapsed() < 3'000; ++flips) {
        QVERIFY(ip(flips % 2 == 0 ? QStringLiteral("link set seg1 down") : QStringLiteral("link set seg1 up")));
        QTest::qWait(45);
    }
    QVERIFY(flips >= 20);
    QVERIFY2(rig.seen.size() <= 2, qPrintable(QString::number(rig.seen.size())));
    QVERIFY(ip(QStringLiteral("link set seg1 down")));
    QTRY_VERIFY(!rig.state().usable()); // how it ended is told
}

void TstLinkMonitor::fault53_hintsThatTheKernelDroppedAreMadeUpFor()
{
    QVERIFY(makeSegment() && raise());
    Rig rig{"seg0", 2'048};
    QVERIFY(rig.state().usable());
    for (int i = 0; i < 60; ++i) // without our event loop running
        QVERIFY(ip(i % 2 == 0 ? QStringLiteral("link set seg1 down") : QStringLiteral("link set seg1 up")));
    QVERIFY(ip(QStringLiteral("link set seg1 down")));
    QTRY_VERIFY(rig.monitor.overflows() > 0);
    QTRY_VERIFY(!rig.state().usable());
    QVERIFY(ip(QStringLiteral("link set seg1 up"))); // and it listens on
    QTRY_VERIFY(rig.state().usable());
}

void TstLinkMonitor::fault56_oneRecreatedBetweenTwoLooksIsNotMistaken()
{
    QVERIFY(makeSegment() && raise());
    Rig rig;
    const int index = rig.state().index;
    QVERIFY(ip(QStringLiteral("link del seg0")) && makeSegment() && raise()); // without our event loop running
    QTRY_VERIFY(rig.state().index != index);
    QVERIFY(rig.state().present);
    for (const LinkState& state : rig.seen)
        QVERIFY(state.present); // it was there at every look
}

void TstLinkMonitor::loopbackHasItsKind()
{
    Rig rig{"lo"};
    QCOMPARE(rig.state().kind, std::string{"loopback"});
}

void TstLinkMonitor::onlyEthernetIsEthernet()
{
    QVERIFY(!Rig{"lo"}.state().ethernet);
    QVERIFY(makeSegment());
    QVERIFY(Rig{}.state().ethernet);
    if (!ip(QStringLiteral("tuntap add dev other mode tun")))
        QSKIP("no tun device can be made here");
    const Rig tun{"other"};
    QVERIFY(tun.state().present && !tun.state().ethernet);
    QCOMPARE(tun.state().kind, std::string{"tun"});
}

void TstLinkMonitor::defaultRoutesAreTold_data()
{
    QTest::addColumn<QString>("route");
    QTest::addColumn<QString>("gateway");
    QTest::addColumn<bool>("ipv6");
    QTest::addColumn<quint32>("metric");
    const auto row = [](const char* name, const char* route, const char* gateway, bool ipv6, quint32 metric) {
        QTest::newRow(name) << QString::fromLatin1(route) << QString::fromLatin1(gateway) << ipv6 << metric;
    };
    row("IPv4", "default via 192.0.2.1 dev seg0", "192.0.2.1", false, 0);
    row("IPv4 with a metric", "default via 192.0.2.1 dev seg0 metric 600", "192.0.2.1", false, 600);
    row("IPv4 without a gateway", "default dev seg0 metric 7", "", false, 7);
    row("IPv4 by an IPv6 gateway", "default via inet6 2001:db8::1 dev seg0", "2001:db8::1", false, 0);
    row("IPv6", "default via 2001:db8::1 dev seg0", "2001:db8::1", true, 1'024);
    row("IPv6 by a link-local gateway", "default via fe80::1 dev seg0 metric 5", "fe80::1", true, 5);
    row("IPv6 without a gateway", "default dev seg0 metric 9", "", true, 9);
}

void TstLinkMonitor::defaultRoutesAreTold()
{
    QFETCH(const QString, route);
    QFETCH(const QString, gateway);
    QFETCH(const bool, ipv6);
    QFETCH(const quint32, metric);
    QVERIFY(makeSegment() && raise() && addressed());
    Rig rig;
    QVERIFY(rig.state().defaultRoutes.empty());
    const QString family = ipv6 ? QStringLiteral("-6 ") : QStringLiteral("-4 ");
    QVERIFY(ip(family + QStringLiteral("route add ") + route));
    const DefaultRoute expected{ipv6 ? Family::Ipv6 : Family::Ipv4, metric, IpAddress::parse(gateway.toStdString())};
    QTRY_COMPARE(rig.state().defaultRoutes, std::vector{expected});
    QVERIFY(ip(family + QStringLiteral("route del ") + route));
    QTRY_VERIFY(rig.state().defaultRoutes.empty());
    QVERIFY(rig.state().present && rig.state().up);
}

void TstLinkMonitor::aMultipathRouteIsOnePerNextHop()
{
    QVERIFY(makeSegment() && raise() && addressed());
    QVERIFY(ip(QStringLiteral("addr add 198.51.100.2/24 dev seg1")));
    QVERIFY(ip(QStringLiteral("route add default metric 3 nexthop via 192.0.2.1 dev seg0 nexthop via 192.0.2.9 dev seg0"
                              " nexthop via 198.51.100.1 dev seg1")));
    QVERIFY(ip(QStringLiteral("-6 route add default metric 4 nexthop via 2001:db8::1 dev seg0"
                              " nexthop via 2001:db8::9 dev seg0")));
    const auto hop = [](Family family, std::uint32_t metric, const char* gateway) {
        return DefaultRoute{family, metric, IpAddress::parse(gateway)};
    };
    const std::vector<DefaultRoute> expected{hop(Family::Ipv4, 3, "192.0.2.1"), hop(Family::Ipv4, 3, "192.0.2.9"),
        hop(Family::Ipv6, 4, "2001:db8::1"), hop(Family::Ipv6, 4, "2001:db8::9")};
    QCOMPARE(Rig{}.state().defaultRoutes, expected);
    QCOMPARE(Rig{"seg1"}.state().defaultRoutes, (std::vector{hop(Family::Ipv4, 3, "198.51.100.1")}));
}

void TstLinkMonitor::noMoreRoutesThanBoundedAreKept()
{
    QVERIFY(makeSegment() && raise() && addressed());
    QVERIFY(ip(QStringLiteral("-6 route add default via 2001:db8::1 dev seg0")));
    QVERIFY(QProcess::execute(QStringLiteral("sh"),
                {QStringLiteral("-c"),
                    QStringLiteral("PATH=$PATH:/sbin:/usr/sbin; for i in $(seq 100 -1 1);"
                                   " do echo route add default via 192.0.2.1 dev seg0 metric $i; done | ip -batch -")})
        == 0);
    const auto routes = Rig{}.state().defaultRoutes;
    QCOMPARE(routes.size(), std::size_t{33});
    for (std::uint32_t i = 0; i < 32; ++i) // the best ones
        QCOMPARE(routes[i].metric, i + 1);
    QCOMPARE(routes[32].family, Family::Ipv6); // not crowded out
}

void TstLinkMonitor::otherRoutesAreNoDefaultRoutes()
{
    QVERIFY(makeSegment() && raise() && addressed());
    for (const char* route : {"203.0.113.0/24 via 192.0.2.1 dev seg0", "0.0.0.0/1 dev seg0",
             "default via 192.0.2.1 dev seg0 table 100", "unreachable default metric 9"})
        QVERIFY(ip(QStringLiteral("route add ") + QString::fromLatin1(route)));
    QCOMPARE(Rig{}.state().defaultRoutes, std::vector<DefaultRoute>{});
    QVERIFY(ip(QStringLiteral("route del unreachable default metric 9")));
    QVERIFY(ip(QStringLiteral("route flush table 100")));
}

void TstLinkMonitor::otherRoutesCauseNoLook()
{
    QVERIFY(makeSegment());
    QVERIFY(raise() && ip(QStringLiteral("addr add 192.0.2.5/24 dev seg0")));
    Rig rig;
    QTest::qWait(300); // until what led here has been heard
    const auto before = rig.monitor.looks();
    for (int i = 0; i < 5; ++i)
        QVERIFY(ip(QStringLiteral("route add 203.0.113.%1/32 dev seg0").arg(i)));
    QTest::qWait(300);
    QCOMPARE(rig.monitor.looks(), before);
    QVERIFY(ip(QStringLiteral("route add default dev seg0")));
    QTRY_VERIFY(!rig.state().defaultRoutes.empty());
}

void TstLinkMonitor::itIsSwitchedOn()
{
    QVERIFY(makeSegment() && ip(QStringLiteral("link set seg1 up")));
    Rig rig;
    QVERIFY(!rig.state().up);
    const LinkState before = rig.state();
    QVERIFY(bool(rig.monitor.bringUp()));
    QTRY_VERIFY(rig.state().usable());
    QCOMPARE(rig.state().mac, before.mac);
    QCOMPARE(rig.state().name, before.name);
    QVERIFY(bool(rig.monitor.bringUp())); // it is already
}

void TstLinkMonitor::fault54_withoutCapNetAdminItIsNotSwitchedOn()
{
    QVERIFY(makeSegment());
    Rig rig;
    QVERIFY(!rig.state().up);
    const WithoutCapability dropped{CAP_NET_ADMIN};
    QVERIFY(dropped.worked());
    const auto result = rig.monitor.bringUp();
    QVERIFY(!result);
    QCOMPARE(result.error().code, Errc::Denied);
}

void TstLinkMonitor::switchingOnNeedsAnInterface()
{
    Rig rig;
    QVERIFY(!rig.state().present);
    const auto absent = rig.monitor.bringUp();
    QVERIFY(!absent);
    QCOMPARE(absent.error().code, Errc::NotFound);
    QVERIFY(makeSegment());
    QTRY_VERIFY(rig.state().present);
    QVERIFY(ip(QStringLiteral("link del seg0"))); // and nobody has heard of it yet
    const auto gone = rig.monitor.bringUp();
    QVERIFY(!gone);
    QCOMPARE(gone.error().code, Errc::NotFound);
}

BEACON_NETNS_MAIN(TstLinkMonitor)
#include "tst_link_monitor.moc"
