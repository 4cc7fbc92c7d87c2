#include "service/sensor/addressing.h"

#include "core/netlink/network_namespace.h"
#include "tests/service/sensor/net_place.h"
#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"
#include "tests/support/without_capability.h"

#include <QTest>

#include <algorithm>
#include <csignal>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

using namespace beacon;
using beacon::test::NetPlace;
using beacon::test::RunningProgram;
using How = Addressing::How;
using Texts = std::vector<std::string>;

namespace {

constexpr const char* kRadvd = R"(interface peer0 {
    AdvSendAdvert on;
    MinRtrAdvInterval %2; MaxRtrAdvInterval %1;
    prefix 2001:db8:7::/64 { AdvOnLink on; AdvAutonomous on; };
};
)";

/// Every frame that an interface sees from now on.
UniqueFd listenIn(const NetPlace& place, const char* interface)
{
    UniqueFd fd;
    const auto entered = NetworkNamespace::open(place.pin());
    const auto opened = entered ? entered->run([&]() -> Result<> {
        fd.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(0x0003); // ETH_P_ALL
        address.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fd.reset();
        return {};
    })
                                : Result<>{entered.error()};
    return opened ? std::move(fd) : UniqueFd{};
}

struct Heard {
    int frames = 0; ///< of others: what the interface itself sends is left out
    int advertisements = 0; ///< of routers (RFC 4861)
};

void listenOn(const UniqueFd& fd, Heard& heard)
{
    constexpr std::size_t kNextHeader = 20, kType = 54; // of IPv6 in a frame, and of ICMPv6 in that
    std::array<unsigned char, 128> frame{};
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    while (::recvfrom(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length) >= 0) {
        if (from.sll_pkttype == PACKET_OUTGOING)
            continue;
        ++heard.frames;
        heard.advertisements += frame.at(kNextHeader) == IPPROTO_ICMPV6 && frame.at(kType) == 134 ? 1 : 0;
    }
}

} // namespace

/// The Instrument's namespace has an interface eth0, whose other end peer0 is in the namespace of a segment.
class TestAddressing : public QObject {
    Q_OBJECT

    std::unique_ptr<NetPlace> m_instrument, m_segment;

    [[nodiscard]] AddressFacts facts(const char* interface = "eth0") const
    {
        const auto looked = lookAddresses(m_instrument->pin(), interface);
        return looked ? *looked : AddressFacts{};
    }
    [[nodiscard]] Result<> configure(const Addressing& addressing, const char* interface = "eth0") const
    {
        return configureAddresses(m_instrument->pin(), interface, addressing);
    }
    /// Without the link-local one, which the MAC address decides.
    [[nodiscard]] Texts addresses(const char* interface = "eth0") const
    {
        Texts texts;
        for (const std::string& text : facts(interface).addresses)
            if (!text.starts_with("fe80:"))
                texts.push_back(text);
        return texts;
    }
    [[nodiscard]] bool hasLinkLocal() const
    {
        for (const std::string& text : facts().addresses)
            if (text.starts_with("fe80:"))
                return true;
        return false;
    }
    static Lease lease(const char* address, int prefixLength, const Texts& gateways, int seconds)
    {
        Lease lease;
        lease.address = *IpAddress::parse(address);
        lease.prefixLength = prefixLength;
        for (const std::string& gateway : gateways)
            lease.gateways.push_back(*IpAddress::parse(gateway));
        lease.seconds = std::chrono::seconds{seconds};
        return lease;
    }
    static Addressing fixed(Texts addresses, Texts gateways = {})
    {
        return {How::Static, std::move(addresses), std::move(gateways), {}};
    }

private Q_SLOTS:
    void init()
    {
        m_instrument = std::make_unique<NetPlace>();
        m_segment = std::make_unique<NetPlace>();
        QVERIFY(m_instrument->isThere() && m_segment->isThere());
        QVERIFY(
            m_instrument->run(QStringLiteral("ip link add eth0 type veth peer name peer0 netns ") + m_segment->path()));
        QVERIFY(m_segment->run(QStringLiteral("ip link set peer0 up")));
    }
    void cleanup()
    {
        m_instrument.reset();
        m_segment.reset();
    }

    void staticAddressesOfBothFamiliesAreThere()
    {
        QVERIFY(configure(fixed({"198.51.100.2/24", "2001:db8::2/64"}, {"198.51.100.1", "2001:db8::1"})));
        const AddressFacts now = facts();
        QCOMPARE(addresses(), (Texts{"198.51.100.2/24", "2001:db8::2/64"}));
        QCOMPARE(now.gateways, (Texts{"198.51.100.1", "2001:db8::1"}));
        QVERIFY(now.up && now.carrier && hasLinkLocal());
        QVERIFY(!m_instrument->ask(QStringLiteral("ip -6 addr show eth0 to 2001:db8::/64"))
                     .contains(QStringLiteral("tentative"))); // they were waited for
        QVERIFY(
            m_instrument->ask(QStringLiteral("ip link show eth0")).contains(QString::fromStdString(now.mac.text())));
        QVERIFY(m_instrument->ask(QStringLiteral("ip addr show eth0")).contains(QStringLiteral("brd 198.51.100.255")));
    }
    void whatIsThereAndRightIsNotTouched()
    {
        const Addressing wanted = fixed({"198.51.100.2/24", "2001:db8::2/64"}, {"198.51.100.1", "2001:db8::1"});
        QVERIFY(configure(wanted));
        const QStringList command = m_instrument->inside({QStringLiteral("ip"), QStringLiteral("-o"),
            QStringLiteral("monitor"), QStringLiteral("address"), QStringLiteral("route")});
        RunningProgram monitor{command.first(), command.mid(1)};
        QVERIFY(monitor.start());
        while (!monitor.output().contains("203.0.113.9")) {
            QTest::qWait(50);
            QVERIFY(m_instrument->run(QStringLiteral("ip addr replace 203.0.113.9/32 dev lo")));
        }
        QVERIFY(configure(wanted));
        QVERIFY(m_instrument->run(QStringLiteral("ip addr add 203.0.113.10/32 dev lo")));
        QTRY_VERIFY(monitor.output().contains("203.0.113.10"));
        QVERIFY2(!monitor.output().contains("eth0"), monitor.output().constData());
    }
    void whatIsForeignGoes()
    {
        QVERIFY(m_instrument->run(QStringLiteral("ip link set eth0 up")));
        for (const char* change : {"addr add 192.0.2.9/24 dev eth0", "addr add 198.51.100.2/25 dev eth0",
                 "addr add 2001:db8:bad::9/64 dev eth0", "route add default via 192.0.2.1 dev eth0",
                 "route add 10.0.0.0/8 via 192.0.2.1 dev eth0", "route add default via fe80::9 dev eth0 metric 5"})
            QVERIFY(m_instrument->run(QStringLiteral("ip ") + QLatin1String(change)));
        QVERIFY(configure(fixed({"198.51.100.2/24"}, {"198.51.100.1"})));
        QCOMPARE(addresses(), (Texts{"198.51.100.2/24"}));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
        QVERIFY(!m_instrument->ask(QStringLiteral("ip route")).contains(QStringLiteral("10.0.0.0/8")));
    }
    void addressesChangeWithoutLosingTheOthers()
    {
        QVERIFY(configure(fixed({"198.51.100.2/24", "198.51.100.3/24"})));
        QVERIFY(configure(fixed({"198.51.100.3/24", "198.51.100.4/24"}, {"198.51.100.1"})));
        QCOMPARE(addresses(), (Texts{"198.51.100.3/24", "198.51.100.4/24"}));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
    }
    void aGatewayOutsideOfThePrefixIsOnTheLink()
    {
        QVERIFY(configure(fixed({"198.51.100.2/32", "2001:db8::2/128"}, {"192.0.2.1", "fe80::1", "2001:db8:9::1"})));
        QCOMPARE(facts().gateways, (Texts{"192.0.2.1", "fe80::1", "2001:db8:9::1"}));
    }
    void gatewaysKeepTheirOrder()
    {
        QVERIFY(configure(fixed({"198.51.100.2/24"}, {"198.51.100.9", "198.51.100.1"})));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.9", "198.51.100.1"}));
        QVERIFY(configure(fixed({"198.51.100.2/24"}, {"198.51.100.1", "198.51.100.9"})));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1", "198.51.100.9"}));
    }
    void twoInterfacesHaveTheirOwnGateways()
    {
        QVERIFY(
            m_instrument->run(QStringLiteral("ip link add eth1 type veth peer name peer1 netns ") + m_segment->path()));
        QVERIFY(configure(fixed({"198.51.100.2/24", "2001:db8:1::2/64"}, {"198.51.100.1", "2001:db8:1::1"})));
        QVERIFY(configure(fixed({"192.0.2.2/24", "2001:db8:2::2/64"}, {"192.0.2.1", "2001:db8:2::1"}), "eth1"));
        QCOMPARE(facts("eth0").gateways, (Texts{"198.51.100.1", "2001:db8:1::1"}));
        QCOMPARE(facts("eth1").gateways, (Texts{"192.0.2.1", "2001:db8:2::1"}));
        QVERIFY(configure({}, "eth1"));
        QCOMPARE(facts("eth0").gateways, (Texts{"198.51.100.1", "2001:db8:1::1"}));
        QCOMPARE(facts("eth1").gateways, Texts{});
    }
    void anotherHostsAddressIsNoticed()
    {
        QVERIFY(m_segment->run(QStringLiteral("ip addr add 2001:db8::2/64 dev peer0 nodad")));
        const auto configured = configure(fixed({"2001:db8::2/64"}));
        QVERIFY(!configured);
        QCOMPARE(configured.error().code, Errc::Busy);
        QVERIFY(describe(configured.error()).find("2001:db8::2/64") != std::string::npos);
        QVERIFY(m_segment->run(QStringLiteral("ip addr del 2001:db8::2/64 dev peer0")));
        QVERIFY(configure(fixed({"2001:db8::2/64"})));
    }

    void withoutAddressesItIsUpAndSilent()
    {
        QVERIFY(m_instrument->run(QStringLiteral("ip addr add 192.0.2.9/24 dev eth0")));
        const UniqueFd ear = listenIn(*m_segment, "peer0");
        QVERIFY(ear);
        QVERIFY(configure({}));
        QVERIFY(facts().up);
        QTRY_VERIFY(facts().carrier);
        QCOMPARE(facts().addresses, Texts{});
        QTest::qWait(2'500); // in which a kernel with addresses speaks of them: duplicates, routers, groups
        Heard heard;
        listenOn(ear, heard);
        QCOMPARE(heard.frames, 0);
        QVERIFY(configure(fixed({"2001:db8::2/64"}))); // and this is heard
        QTRY_VERIFY((listenOn(ear, heard), heard.frames > 0));
        QVERIFY(configure({}));
        QCOMPARE(facts().addresses, Texts{});
    }

    void routersGiveAddressAndGateway()
    {
        RunningProgram radvd{QStringLiteral("/usr/bin/nsenter")};
        startRadvd(radvd, 600);
        QVERIFY(configure(fixed({"198.51.100.2/24"}, {"198.51.100.1"}))); // up, and deaf to routers
        QVERIFY(configure({How::Slaac, {}, {}, {}}));
        QTRY_VERIFY_WITH_TIMEOUT(
            addresses().size() == 1, 10'000); // the router was asked; by itself it waits for minutes
        QVERIFY2(addresses().front().starts_with("2001:db8:7:"), addresses().front().c_str());
        QTRY_COMPARE(facts().gateways.size(), 1U);
        QVERIFY(facts().gateways.front().starts_with("fe80:"));

        QVERIFY(m_instrument->run(QStringLiteral("ip addr add 2001:db8:bad::9/64 dev eth0")));
        QVERIFY(configure({How::Slaac, {}, {}, {}}));
        QCOMPARE(addresses().size(), 1U); // the router's stays, the other goes
        QCOMPARE(facts().gateways.size(), 1U);

        QVERIFY(configure({How::Dhcp, {}, {}, {}}));
        QCOMPARE(addresses(), Texts{});
        QCOMPARE(facts().gateways, Texts{});
        QVERIFY(hasLinkLocal());
    }
    void routersAreNotHeardOtherwise()
    {
        QVERIFY(configure(fixed({"2001:db8::2/64"})));
        const UniqueFd ear = listenIn(*m_instrument, "eth0");
        RunningProgram radvd{QStringLiteral("/usr/bin/nsenter")};
        startRadvd(radvd, 4); // which then advertises without being asked
        Heard heard;
        QTRY_VERIFY_WITH_TIMEOUT((listenOn(ear, heard), heard.advertisements > 0), 15'000);
        QCOMPARE(addresses(), (Texts{"2001:db8::2/64"}));
        QCOMPARE(facts().gateways, Texts{});
    }

    void aLeaseIsAppliedAndLengthened()
    {
        QVERIFY(configure({How::Dhcp, {}, {}, {}}));
        QVERIFY(applyLease(m_instrument->pin(), "eth0", lease("198.51.100.7", 24, {"198.51.100.1"}, 600)));
        QCOMPARE(addresses(), (Texts{"198.51.100.7/24"}));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
        const QStringList command = m_instrument->inside(
            {QStringLiteral("ip"), QStringLiteral("-o"), QStringLiteral("monitor"), QStringLiteral("all")});
        RunningProgram monitor{command.first(), command.mid(1)};
        QVERIFY(monitor.start());
        while (!monitor.output().contains("203.0.113.9")) {
            QTest::qWait(50);
            QVERIFY(m_instrument->run(QStringLiteral("ip addr replace 203.0.113.9/32 dev lo")));
        }
        QVERIFY(applyLease(m_instrument->pin(), "eth0", lease("198.51.100.7", 24, {"198.51.100.1"}, 900)));
        QTRY_VERIFY(monitor.output().contains("198.51.100.7")); // its new time
        QVERIFY2(!monitor.output().contains("Deleted"), monitor.output().constData());
        QVERIFY(configure({How::Dhcp, {}, {}, {}})); // nor does this take it away
        QCOMPARE(addresses(), (Texts{"198.51.100.7/24"}));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
        const QString shown = m_instrument->ask(QStringLiteral("ip addr show eth0"));
        QVERIFY2(shown.contains(QStringLiteral("valid_lft 90")) || shown.contains(QStringLiteral("valid_lft 89")),
            qPrintable(shown));
    }
    void anotherLeaseTakesItsPlace()
    {
        QVERIFY(configure(fixed({"192.0.2.2/24"}, {"192.0.2.1"})));
        QVERIFY(configure({How::Dhcp, {}, {}, {}}));
        QCOMPARE(addresses(), Texts{});
        QVERIFY(applyLease(m_instrument->pin(), "eth0", lease("198.51.100.7", 24, {"198.51.100.1"}, 600)));
        QVERIFY(
            applyLease(m_instrument->pin(), "eth0", lease("198.51.100.8", 24, {"198.51.100.2", "203.0.113.1"}, 600)));
        QCOMPARE(addresses(), (Texts{"198.51.100.8/24"}));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.2", "203.0.113.1"}));
        QVERIFY(dropLease(m_instrument->pin(), "eth0"));
        QCOMPARE(addresses(), Texts{});
        QCOMPARE(facts().gateways, Texts{});
        QVERIFY(dropLease(m_instrument->pin(), "eth0"));
    }
    void theKernelEndsALeaseByItself()
    {
        QVERIFY(configure({How::Dhcp, {}, {}, {}}));
        QVERIFY(applyLease(m_instrument->pin(), "eth0", lease("198.51.100.7", 24, {"198.51.100.1"}, 2)));
        QTRY_COMPARE_WITH_TIMEOUT(addresses(), Texts{}, 10'000);
        QCOMPARE(facts().gateways, Texts{}); // a way out without an address is none
    }

    void nothingIsForwardedWhateverTheHostDoes()
    {
        QVERIFY(m_instrument->run(QStringLiteral("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 ")));
        QVERIFY(m_segment->run(QStringLiteral("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 ")));
        QVERIFY(configure({How::Slaac, {}, {}, {}}));
        for (const char* setting : {"net.ipv4.ip_forward", "net.ipv4.conf.eth0.forwarding",
                 "net.ipv6.conf.all.forwarding", "net.ipv6.conf.eth0.forwarding"})
            QCOMPARE(m_instrument->ask(QStringLiteral("sysctl -n ") + QLatin1String(setting)), QStringLiteral("0"));
        // What is another's stays as it is.
        QCOMPARE(m_segment->ask(QStringLiteral("sysctl -n net.ipv4.ip_forward")), QStringLiteral("1"));
        QCOMPARE(m_segment->ask(QStringLiteral("ip -4 addr show peer0")), QString{});
    }
    void anAddressIsNotAnsweredForOnAnotherSegment()
    {
        QVERIFY(
            m_instrument->run(QStringLiteral("ip link add eth1 type veth peer name peer1 netns ") + m_segment->path()));
        QVERIFY(configure(fixed({"198.51.100.2/24"})));
        QVERIFY(configure(fixed({"192.0.2.2/24"}), "eth1"));
        QVERIFY(m_segment->run(QStringLiteral("ip addr add 198.51.100.1/24 dev peer0")));
        QVERIFY(m_segment->run(QStringLiteral("arping -q -c 1 -w 2 -I peer0 198.51.100.2")));
        QVERIFY(!m_segment->run(QStringLiteral("arping -q -c 1 -w 1 -I peer0 192.0.2.2")));
    }

    void whatIsWrongIsSaid_data()
    {
        QTest::addColumn<QStringList>("addresses");
        QTest::addColumn<QStringList>("gateways");
        const auto row = [](const char* name, const QStringList& addresses, const QStringList& gateways = {}) {
            QTest::newRow(name) << addresses << gateways;
        };
        row("an address needs the length of its prefix", {QStringLiteral("198.51.100.2")});
        row("a prefix of 33 bits is none", {QStringLiteral("198.51.100.2/33")});
        row("a prefix of 0 bits is everything", {QStringLiteral("198.51.100.2/0")});
        row("a name is no address", {QStringLiteral("plant/24")});
        row("words behind the length are none", {QStringLiteral("198.51.100.2/24;reboot")});
        row("the group of many is nobody's address", {QStringLiteral("224.0.0.1/24")});
        row("loopback is everybody's own", {QStringLiteral("::1/128")});
        row("0.0.0.0 is nobody", {QStringLiteral("0.0.0.0/8")});
        row("a gateway is an address", {QStringLiteral("198.51.100.2/24")}, {QStringLiteral("198.51.100.1/24")});
        row("a gateway needs an address of its family", {QStringLiteral("198.51.100.2/24")},
            {QStringLiteral("fe80::1")});
        row("nobody is his own gateway", {QStringLiteral("198.51.100.2/24")}, {QStringLiteral("198.51.100.2")});
    }
    void whatIsWrongIsSaid()
    {
        QFETCH(QStringList, addresses);
        QFETCH(QStringList, gateways);
        QVERIFY(configure(fixed({"192.0.2.2/24"})));
        Addressing addressing{How::Static, {}, {}, {}};
        for (const QString& text : addresses)
            addressing.addresses.push_back(text.toStdString());
        for (const QString& text : gateways)
            addressing.gateways.push_back(text.toStdString());
        const auto configured = configure(addressing);
        QVERIFY(!configured);
        QCOMPARE(configured.error().code, Errc::BadInput);
        QCOMPARE(this->addresses(), (Texts{"192.0.2.2/24"})); // nothing was begun
    }
    void whatIsNotThereIsSaid()
    {
        const auto noInterface = configure(fixed({"192.0.2.2/24"}), "eth9");
        QVERIFY(!noInterface);
        QCOMPARE(noInterface.error().code, Errc::NotFound);
        QVERIFY(describe(noInterface.error()).find("eth9") != std::string::npos);
        const auto noNamespace = configureAddresses("/nowhere/beacon_0.net", "eth0", {});
        QVERIFY(!noNamespace);
        QCOMPARE(noNamespace.error().code, Errc::NotFound);
        for (const char* name : {"", "..", "../all", "a/b", "sixteen-letters!"})
            QCOMPARE(configure({}, name).error().code, Errc::BadInput);
    }
    void withoutTheRightItIsDenied()
    {
        const test::WithoutCapability lacking{CAP_SYS_ADMIN};
        QVERIFY(lacking.worked());
        const auto configured = configure({});
        QVERIFY(!configured);
        QCOMPARE(configured.error().sys, EPERM);
    }

private:
    void startRadvd(RunningProgram& radvd, int mostSeconds)
    {
        QFile file{radvd.file(QStringLiteral("radvd.conf"))};
        QVERIFY(file.open(QIODevice::WriteOnly)
            && file.write(QString::fromLatin1(kRadvd).arg(mostSeconds).arg(std::max(3, mostSeconds / 3)).toLatin1())
                > 0);
        file.close();
        QVERIFY(m_segment->run(QStringLiteral("sysctl -qw net.ipv6.conf.all.forwarding=1")));
        QStringList command = m_segment->inside(
            {QStringLiteral("/usr/sbin/radvd"), QStringLiteral("-n"), QStringLiteral("-m"), QStringLiteral("stderr"),
                QStringLiteral("-C"), file.fileName(), QStringLiteral("-p"), radvd.file(QStringLiteral("radvd.pid"))});
        radvd.setArguments(command.mid(1));
        QVERIFY(radvd.start());
    }
};

BEACON_NETNS_MAIN(TestAddressing)
#include "tst_addressing.moc"
