#include "core/netlink/netlink_link_monitor.h"
#include "tests/support/net_fixture.h"

#include <QElapsedTimer>
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

bool makeSegment()
{
    return ip(QStringLiteral("link add seg0 type veth peer name seg1"));
}
bool raise()
{
    return ip(QStringLiteral("link set seg0 up")) && ip(QStringLiteral("link set seg1 up"));
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
    void anAbsentOneIsWaitedFor();
    void usableNeedsCarrierButNoAddress();
    void addressesAreTold();
    void aRenamedOneIsFollowedByIndex();
    void oneThatIsRecreatedIsFoundUnderItsNewIndex();
    void flappingAtTenHertzMakesNoStorm();
    void hintsThatTheKernelDroppedAreMadeUpFor();
    void loopbackHasItsKind();
};

void TstLinkMonitor::anAbsentOneIsWaitedFor()
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

void TstLinkMonitor::usableNeedsCarrierButNoAddress()
{
    QVERIFY(makeSegment());
    QVERIFY(ip(QStringLiteral("link set seg0 addrgenmode none up")));
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

void TstLinkMonitor::aRenamedOneIsFollowedByIndex()
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

void TstLinkMonitor::oneThatIsRecreatedIsFoundUnderItsNewIndex()
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

void TstLinkMonitor::flappingAtTenHertzMakesNoStorm()
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

void TstLinkMonitor::hintsThatTheKernelDroppedAreMadeUpFor()
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

void TstLinkMonitor::loopbackHasItsKind()
{
    Rig rig{"lo"};
    QCOMPARE(rig.state().kind, std::string{"loopback"});
}

BEACON_NETNS_MAIN(TstLinkMonitor)
#include "tst_link_monitor.moc"
