#include "core/base/base32.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"

#include <QTest>
#include <random>

using namespace beacon;

namespace {

const IpAddress kA4 = *IpAddress::parse("192.0.2.1");
const IpAddress kB4 = *IpAddress::parse("192.0.2.2");
const IpAddress kA6 = *IpAddress::parse("2001:db8::1");
const IpAddress kB6 = *IpAddress::parse("2001:db8::2");
const ByteBuffer kData{'t', 'o', 'k', 'e', 'n'};

/// Everything that parses packets, on `bytes`; what it returns does not matter, that it returns does.
void parseAll(ByteView bytes)
{
    const auto parseTransport = [](ByteView payload) {
        static_cast<void>(parseTcp(payload));
        static_cast<void>(parseUdp(payload));
        static_cast<void>(parseIcmp(payload));
        static_cast<void>(parseNeighbourAdvertisement(payload));
    };
    if (const auto ethernet = parseEthernet(bytes)) {
        static_cast<void>(parseArp(ethernet->payload));
        if (const auto ip = parseIp(ethernet->payload))
            parseTransport(ip->payload);
    }
    parseTransport(bytes);
}

} // namespace

class TestPacket final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void udpComesBack();
    void tcpComesBack();
    void echoComesBack();
    void arpAsksForTheTarget();
    void solicitationGoesToTheGroup();
    void checksumsAreRight();
    void vlanTagsAreSkipped();
    void extensionHeadersAreWalked();
    void laterFragmentsAreNoTransport();
    void everyTruncationIsSafe();
    void randomBytesAreSafe();
};

void TestPacket::udpComesBack()
{
    for (const IpEnds& ends : {IpEnds{kA4, kB4}, IpEnds{kA6, kB6}}) {
        const auto ip = parseIp(buildUdp(ends, 1'000, 53, kData, 7));
        QVERIFY(ip);
        QVERIFY(ip->source == ends.source && ip->destination == ends.destination);
        QCOMPARE(ip->protocol, ip_protocol::kUdp);
        QCOMPARE(ip->identification, ends.source.family() == Family::Ipv4 ? 7 : 0);
        const ByteBuffer packet = buildUdp(ends, 1'000, 53, kData, 7);
        const auto udp = parseUdp(parseIp(packet)->payload);
        QVERIFY(udp);
        QCOMPARE(udp->sourcePort, 1'000);
        QCOMPARE(udp->destinationPort, 53);
        QVERIFY(std::ranges::equal(udp->payload, kData));
    }
}

void TestPacket::tcpComesBack()
{
    const ByteBuffer options{2, 4, 5, 0xb4, 1}; // padded to 8
    const TcpHeader header{.sourcePort = 1,
        .destinationPort = 65'535,
        .sequence = 0xdeadbeef,
        .acknowledgement = 9,
        .flags = tcp_flag::kSyn,
        .window = 77};
    const ByteBuffer packet = buildTcp({kA6, kB6}, header, options, kData);
    const auto tcp = parseTcp(parseIp(packet)->payload);
    QVERIFY(tcp);
    QCOMPARE(tcp->sequence, 0xdeadbeefU);
    QCOMPARE(tcp->destinationPort, 65'535);
    QCOMPARE(tcp->flags, tcp_flag::kSyn);
    QCOMPARE(tcp->window, 77);
    QCOMPARE(tcp->options.size(), 8U);
    QVERIFY(std::ranges::equal(tcp->payload, kData));
}

void TestPacket::echoComesBack()
{
    const ByteBuffer request = buildEcho({kA4, kB4}, false, 0x1234, 0x5678, kData);
    const auto icmp = parseIcmp(parseIp(request)->payload);
    QVERIFY(icmp && icmp->type == 8 && icmp->rest == 0x12345678);
    QVERIFY(std::ranges::equal(icmp->payload, kData));
    const ByteBuffer reply = buildEcho({kA6, kB6}, true, 1, 2, kData);
    QCOMPARE(parseIcmp(parseIp(reply)->payload)->type, 129);
}

void TestPacket::arpAsksForTheTarget()
{
    const MacAddress mac{{2, 0, 0, 0, 0, 1}};
    const ByteBuffer frame = buildArpRequest(mac, kA4, kB4);
    const auto ethernet = parseEthernet(frame);
    QVERIFY(ethernet && ethernet->destination.text() == "ff:ff:ff:ff:ff:ff");
    const auto arp = parseArp(ethernet->payload);
    QVERIFY(arp && arp->operation == 1 && arp->senderMac == mac && arp->senderIp == kA4 && arp->targetIp == kB4);
}

void TestPacket::solicitationGoesToTheGroup()
{
    const IpAddress target = *IpAddress::parse("2001:db8::12:3456");
    const ByteBuffer frame = buildNeighbourSolicitation(MacAddress{{2, 0, 0, 0, 0, 1}}, kA6, target);
    const auto ethernet = parseEthernet(frame);
    QVERIFY(ethernet && ethernet->destination.text() == "33:33:ff:12:34:56");
    const auto ip = parseIp(ethernet->payload);
    QVERIFY(ip && ip->ttl == 255 && ip->destination.text() == "ff02::1:ff12:3456");
}

void TestPacket::checksumsAreRight()
{
    // RFC 1071 section 3's example.
    const ByteBuffer example{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    QCOMPARE(checksumFold(checksumAdd(0, example)), static_cast<std::uint16_t>(~0xddf2));
    // A right header sums to 0 with its own checksum; so does a datagram with its pseudo-header.
    const ByteBuffer packet = buildUdp({kA4, kB4}, 5, 6, kData);
    QCOMPARE(checksumFold(checksumAdd(0, ByteView{packet}.first(20))), 0);
    std::uint32_t sum = checksumAdd(checksumAdd(0, kA4.bytes()), kB4.bytes());
    sum += ip_protocol::kUdp + static_cast<std::uint32_t>(packet.size() - 20);
    QCOMPARE(checksumFold(checksumAdd(sum, ByteView{packet}.subspan(20))), 0);
}

void TestPacket::vlanTagsAreSkipped()
{
    ByteBuffer frame = buildEthernet({}, {}, buildUdp({kA4, kB4}, 1, 2, kData));
    const ByteBuffer tag{0x81, 0x00, 0x00, 0x2a};
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    const ByteBuffer outer{0x88, 0xa8, 0x00, 0x01};
    frame.insert(frame.begin() + 12, outer.begin(), outer.end());
    const auto ethernet = parseEthernet(frame);
    QVERIFY(ethernet && ethernet->etherType == ether_type::kIpv4);
    QVERIFY(parseIp(ethernet->payload));
}

void TestPacket::extensionHeadersAreWalked()
{
    const ByteBuffer plain = buildUdp({kA6, kB6}, 1, 2, kData);
    ByteBuffer packet{plain.begin(), plain.begin() + 40};
    packet[6] = 0; // hop-by-hop, then destination options, then UDP
    packet[5] = static_cast<Byte>(packet[5] + 16);
    for (const Byte next : {Byte{60}, ip_protocol::kUdp}) {
        const ByteBuffer header{next, 0, 1, 4, 0, 0, 0, 0};
        packet.insert(packet.end(), header.begin(), header.end());
    }
    packet.insert(packet.end(), plain.begin() + 40, plain.end());
    const auto ip = parseIp(packet);
    QVERIFY(ip && ip->protocol == ip_protocol::kUdp);
    QVERIFY(std::ranges::equal(parseUdp(ip->payload)->payload, kData));
    packet[40] = 0; // a chain that never ends is given up
    ByteBuffer endless{packet.begin(), packet.begin() + 40};
    for (int i = 0; i < 40; ++i)
        endless.insert(endless.end(), {0, 0, 0, 0, 0, 0, 0, 0});
    endless[4] = 1;
    QVERIFY(!parseIp(endless));
}

void TestPacket::laterFragmentsAreNoTransport()
{
    ByteBuffer packet = buildUdp({kA4, kB4}, 1, 2, kData);
    packet[6] = 0x00;
    packet[7] = 0x08; // offset 64
    QVERIFY(parseIp(packet)->laterFragment);
    packet[6] = 0x20; // the first, with more to come
    packet[7] = 0x00;
    QVERIFY(!parseIp(packet)->laterFragment);
}

void TestPacket::everyTruncationIsSafe()
{
    const std::vector<ByteBuffer> frames{buildEthernet({}, {}, buildUdp({kA4, kB4}, 1, 2, kData)),
        buildEthernet({}, {}, buildTcp({kA6, kB6}, {}, {}, kData)), buildArpRequest({}, kA4, kB4),
        buildNeighbourSolicitation({}, kA6, kB6)};
    for (const ByteBuffer& frame : frames) {
        for (std::size_t size = 0; size <= frame.size(); ++size) {
            const ByteBuffer exact{
                frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)}; // so that ASan sees its end
            parseAll(exact);
        }
        QVERIFY(!parseEthernet(ByteView{frame}.first(13)));
    }
    const ByteBuffer packet = buildUdp({kA4, kB4}, 1, 2, kData);
    QVERIFY(!parseIp(ByteView{packet}.first(19)));
    QVERIFY(parseIp(ByteView{packet}.first(30))->truncated);
}

void TestPacket::randomBytesAreSafe()
{
    std::mt19937 random{1};
    for (int round = 0; round < 20'000; ++round) {
        ByteBuffer bytes(random() % 120);
        for (Byte& byte : bytes)
            byte = static_cast<Byte>(random());
        if (bytes.size() > 14 && round % 2 == 0) {
            bytes[12] = round % 4 == 0 ? 0x08 : 0x86;
            bytes[13] = round % 4 == 0 ? 0x00 : 0xdd;
            bytes[14] = static_cast<Byte>((round % 4 == 0 ? 0x40 : 0x60) | (bytes[14] & 0xf));
        }
        parseAll(bytes);
    }
}

QTEST_GUILESS_MAIN(TestPacket)
#include "tst_packet.moc"
