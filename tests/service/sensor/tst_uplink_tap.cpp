#include "service/sensor/uplink_tap.h"

#include "core/netlink/network_namespace.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"
#include "core/token/token.h"
#include "tests/service/sensor/net_place.h"
#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"

#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSignalSpy>
#include <QTest>

#include <csignal>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/resource.h>

using namespace beacon;
using beacon::test::NetPlace;
using beacon::test::RunningProgram;

namespace {

const MacAddress kMac = *MacAddress::parse("02:00:00:00:00:01");
const MacAddress kOtherMac = *MacAddress::parse("02:00:00:00:00:02");
const MacAddress kForged = *MacAddress::parse("02:00:00:00:00:99");
const MacAddress kGateway = *MacAddress::parse("02:00:00:00:01:01");
const IpEnds kIpv4{*IpAddress::parse("198.51.100.2"), *IpAddress::parse("192.0.2.9")};
const IpEnds kIpv6{*IpAddress::parse("2001:db8::2"), *IpAddress::parse("2001:db8:9::1")};

Token token(std::uint32_t keyId, std::uint8_t technique)
{
    return encodeFields({.keyId = keyId, .technique = technique, .protocol = 17});
}

ByteBuffer frame(const MacAddress& source, ByteView ip)
{
    return buildEthernet(kGateway, source, ip);
}

} // namespace

/// A segment as the Sensor makes it: a bridge with an uplink "eth1" and the host ends of two Instruments. The uplink's
/// other end is "outside".
class TestUplinkTap : public QObject {
    Q_OBJECT

    SystemClock m_clock;
    std::unique_ptr<NetPlace> m_segment, m_instrument, m_outside;
    std::unique_ptr<UplinkTap> m_tap;
    UniqueFd m_sender;
    unsigned m_senderIndex = 0;

    /// By the Instrument's eth0, whatever it is told to send.
    void send(const ByteBuffer& bytes) const
    {
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(m_senderIndex);
        const auto sent =
            ::sendto(m_sender.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        QCOMPARE(sent, static_cast<ssize_t>(bytes.size()));
    }
    void plugOutside() const
    {
        QVERIFY(
            m_segment->run(QStringLiteral("ip link add eth1 type veth peer name outside netns ") + m_outside->path()));
        QVERIFY(m_segment->run(QStringLiteral("ip link set eth1 master br0 up")));
        QVERIFY(m_outside->run(QStringLiteral("ip link set outside address 02:00:00:00:01:01 up")));
    }

private Q_SLOTS:
    void init()
    {
        m_segment = std::make_unique<NetPlace>();
        m_instrument = std::make_unique<NetPlace>();
        m_outside = std::make_unique<NetPlace>();
        for (const NetPlace* place : {m_segment.get(), m_instrument.get(), m_outside.get()})
            QVERIFY(place->run(QStringLiteral("sysctl -qw net.ipv6.conf.default.disable_ipv6=1"))); // silent by itself
        QVERIFY(m_segment->run(QStringLiteral("ip link add br0 type bridge mcast_snooping 0")));
        QVERIFY(m_segment->run(QStringLiteral("ip link set br0 up")));
        plugOutside();
        QVERIFY(
            m_segment->run(QStringLiteral("ip link add port0 type veth peer name eth0 netns ") + m_instrument->path()));
        QVERIFY(m_segment->run(QStringLiteral("ip link set port0 master br0 up")));
        QVERIFY(m_instrument->run(QStringLiteral("ip link set eth0 address 02:00:00:00:00:01 up")));
        const auto entered = NetworkNamespace::open(m_instrument->pin());
        QVERIFY(entered && entered->run([this]() -> Result<> {
            m_senderIndex = ::if_nametoindex("eth0");
            m_sender.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
            return {};
        }));
        QVERIFY(m_sender && m_senderIndex != 0);
        QTRY_VERIFY(m_segment->ask(QStringLiteral("ip -o link show port0")).contains(QStringLiteral("LOWER_UP")));
        m_tap = std::make_unique<UplinkTap>(m_segment->pin(), "eth1", m_clock);
        m_tap->setPorts({{QStringLiteral("beacon_0"), kMac}, {QStringLiteral("beacon_1"), kOtherMac}});
        QVERIFY(m_tap->start());
        QVERIFY(m_tap->isOpen());
    }
    void cleanup()
    {
        m_tap.reset();
        m_sender.reset();
        m_segment.reset();
        m_instrument.reset();
        m_outside.reset();
    }

    void whatLeavesIsCountedAndAttributed()
    {
        for (int i = 0; i < 7; ++i)
            send(frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1))));
        for (int i = 0; i < 3; ++i)
            send(frame(kMac, buildEcho(kIpv6, false, 1, 2, token(0xabc, 6))));
        send(frame(kMac, buildUdp(kIpv4, 1, 2, ByteBuffer(100, 7))));
        send(frame(kOtherMac, buildUdp(kIpv4, 1, 2, token(0xdef, 1))));
        send(frame(kForged, buildUdp(kIpv4, 1, 2, token(0xabc, 5))));
        QTRY_COMPARE(m_tap->whole().frames, 13U);
        QCOMPARE(m_tap->whole().tokens, 12U);
        QCOMPARE(m_tap->of(QStringLiteral("beacon_0")).frames, 11U);
        QCOMPARE(m_tap->of(QStringLiteral("beacon_0")).tokens, 10U);
        QVERIFY(m_tap->of(QStringLiteral("beacon_0")).lastToken >= m_tap->since());
        const std::map<TokenKind, std::uint64_t> kinds{{{0xabc, 1, Family::Ipv4}, 7}, {{0xabc, 6, Family::Ipv6}, 3}};
        QVERIFY(m_tap->kindsOf(QStringLiteral("beacon_0")) == kinds);
        QCOMPARE(m_tap->of(QStringLiteral("beacon_1")).tokens, 1U);
        QCOMPARE(m_tap->others().tokens, 1U); // whose key it is, is still known
        QVERIFY((m_tap->kindsOf({}).contains({0xabc, 5, Family::Ipv4})));
        QCOMPARE(m_tap->dropped(), 0U);
        QCOMPARE(m_tap->of(QStringLiteral("beacon_7")), UplinkCount{});
    }
    void whatIsTaggedOrBroadcastIsCounted()
    {
        ByteBuffer tagged = frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1)));
        constexpr std::array<Byte, 4> kTag{0x81, 0x00, 0x00, 0x07};
        tagged.insert(tagged.begin() + 12, kTag.begin(), kTag.end());
        send(tagged);
        ByteBuffer broadcast = frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 7)));
        std::fill_n(broadcast.begin(), 6, Byte{0xff});
        send(broadcast);
        QTRY_COMPARE(m_tap->of(QStringLiteral("beacon_0")).tokens, 2U);
    }
    void whatArrivesOrIsDroppedOnTheWayIsNot()
    {
        QVERIFY(m_segment->run(QStringLiteral("nft add table bridge t")));
        QVERIFY(m_segment->run(QStringLiteral("nft add chain bridge t f { type filter hook forward priority 0 ; }")));
        QVERIFY(m_segment->run(QStringLiteral("nft add rule bridge t f udp dport 666 drop")));
        for (int i = 0; i < 5; ++i)
            send(frame(kMac, buildUdp(kIpv4, 1, 666, token(0xabc, 1))));
        send(frame(kMac, buildUdp(kIpv4, 1, 667, token(0xabc, 1))));
        QVERIFY(m_outside->run(QStringLiteral("ip addr add 198.51.100.1/24 dev outside")));
        QVERIFY(!m_outside->run(QStringLiteral("ping -q -c 2 -i 0.2 -W 1 198.51.100.200"))); // requests of ARP arrive
        QTRY_COMPARE(m_tap->whole().frames, 1U);
        QTest::qWait(200);
        QCOMPARE(m_tap->whole().frames, 1U);
        QCOMPARE(m_tap->whole().tokens, 1U);
    }
    void anUplinkThatIsGoneIsFoundAgain()
    {
        send(frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1))));
        QTRY_COMPARE(m_tap->whole().tokens, 1U);
        QVERIFY(m_segment->run(QStringLiteral("ip link del eth1")));
        QTRY_VERIFY(!m_tap->isOpen());
        plugOutside();
        QTRY_VERIFY(m_tap->isOpen());
        QTRY_VERIFY((send(frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1)))), m_tap->whole().tokens > 1));
        QVERIFY(m_segment->run(QStringLiteral("ip link set eth1 down")));
        QVERIFY(m_segment->run(QStringLiteral("ip link set eth1 up")));
        const auto before = m_tap->whole().tokens;
        QTRY_VERIFY((send(frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1)))), m_tap->whole().tokens > before + 1));
    }
    void anUplinkThatIsNotThereIsLookedFor()
    {
        UplinkTap late{m_segment->pin(), "eth9", m_clock};
        const auto started = late.start();
        QVERIFY(!started);
        QCOMPARE(started.error().code, Errc::NotFound);
        QVERIFY(describe(started.error()).find("eth9") != std::string::npos);
        QVERIFY(m_segment->run(QStringLiteral("ip link add eth9 type veth peer name far9")));
        QTRY_VERIFY(late.isOpen());
        late.stop();
        QVERIFY(!late.isOpen());
    }
    void newsComeOnceASecondAtMost()
    {
        QSignalSpy counted{m_tap.get(), &UplinkTap::counted};
        QElapsedTimer since;
        since.start();
        while (since.elapsed() < 2'400) {
            send(frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1))));
            QTest::qWait(20);
        }
        QVERIFY2(counted.size() >= 2 && counted.size() <= 3, qPrintable(QString::number(counted.size())));
        QTRY_VERIFY(counted.size() >= 3); // the last ones are told, too
        QTest::qWait(1'200);
        const auto before = counted.size();
        QTest::qWait(1'200);
        QCOMPARE(counted.size(), before); // and nothing where nothing leaves
    }
    void kindsAreBounded()
    {
        for (std::uint32_t key = 1; key <= 400; ++key)
            send(frame(kMac, buildUdp(kIpv4, 1, 2, token(key, 1))));
        QTRY_COMPARE(m_tap->whole().tokens, 400U);
        QCOMPARE(m_tap->kindsOf(QStringLiteral("beacon_0")).size(), UplinkTap::kMostKinds);
    }
    void aThousandFramesASecondCostLittle()
    {
        const ByteBuffer bytes = frame(kMac, buildUdp(kIpv4, 1, 2, token(0xabc, 1)));
        const auto cpu = [] {
            rusage usage{};
            ::getrusage(RUSAGE_THREAD, &usage);
            const auto micros = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
            return micros(usage.ru_utime) + micros(usage.ru_stime);
        };
        for (int i = 0; i < 1'000; ++i) // beforehand, so that only reading is measured
            send(bytes);
        const auto before = cpu();
        QTRY_COMPARE(m_tap->whole().tokens, 1'000U);
        const auto spent = cpu() - before;
        QVERIFY2(spent < 20'000, qPrintable(QString::number(spent))); // µs of a second's frames
        QCOMPARE(m_tap->dropped(), 0U);
    }

    /// As many as the Beacon says that it has sent.
    void aRealBeaconsTokensAreAllThere()
    {
        QVERIFY(m_instrument->run(QStringLiteral("ip addr add 198.51.100.2/24 dev eth0")));
        QVERIFY(m_instrument->run(QStringLiteral("ip route add default via 198.51.100.1")));
        QVERIFY(m_outside->run(QStringLiteral("ip addr add 198.51.100.1/24 dev outside")));
        QVERIFY(m_outside->run(QStringLiteral("ip route add blackhole default")));
        RunningProgram program{QStringLiteral("/usr/bin/nsenter")};
        const QString identity = program.file(QStringLiteral("identity.json"));
        QFile file{identity};
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
        file.write(R"({"name":"a","key_id":"1a2b3c4d","key":")" + QByteArray(32, 'k').toBase64()
            + R"(","home":["192.0.2.10"],"zone":"leak.example"})");
        file.close();
        const QStringList command =
            m_instrument->inside({QStringLiteral(BEACON_BIN_DIR "/beacon"), QStringLiteral("--identity"), identity,
                QStringLiteral("--techniques"), QStringLiteral("UdpDatagram,IcmpEcho"), QStringLiteral("--rate"),
                QStringLiteral("100"), QStringLiteral("eth0")});
        program.setArguments(command.mid(1));
        QVERIFY(program.start());
        const auto tokens = [this] { return m_tap->of(QStringLiteral("beacon_0")).tokens; };
        QTRY_VERIFY2_WITH_TIMEOUT(tokens() > 100, program.log().constData(), 15'000);
        QVERIFY(program.end(SIGTERM, 10'000));
        std::uint64_t sent = 0;
        for (const QByteArray& line : program.output().split('\n')) {
            const QJsonObject object = QJsonDocument::fromJson(line).object();
            sent += object[QLatin1String("outcome")] == QLatin1String("sent") ? 1U : 0U;
        }
        QVERIFY(sent > 100);
        QTRY_COMPARE(tokens(), sent);
        std::uint64_t ofItsKey = 0;
        for (const auto& [kind, count] : m_tap->kindsOf(QStringLiteral("beacon_0")))
            ofItsKey += kind.keyId == 0x1a2b3c4d ? count : 0;
        QCOMPARE(ofItsKey, sent);
        QCOMPARE(m_tap->others().tokens, 0U);
    }
};

BEACON_NETNS_MAIN(TestUplinkTap)
#include "tst_uplink_tap.moc"
