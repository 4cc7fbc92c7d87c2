#include "service/sensor/token_shape.h"

#include "core/base/base32.h"
#include "core/packet/build.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"
#include "core/token/token.h"

#include <QFile>
#include <QTest>

using namespace beacon;

namespace {

const IpEnds kIpv4{*IpAddress::parse("192.0.2.2"), *IpAddress::parse("198.51.100.1")};
const IpEnds kIpv6{*IpAddress::parse("2001:db8::2"), *IpAddress::parse("2001:db8:9::1")};
constexpr TokenFields kFields{.flags = token_flag::kControl,
    .keyId = 0x1a2b3c4d,
    .run = 7,
    .counter = 42,
    .technique = 3,
    .protocol = 17,
    .port = 53,
    .path = 9};

Token sealed(const TokenFields& fields = kFields)
{
    MasterKey key{};
    key.fill(0x42);
    return TokenKey{key}.seal(fields);
}

ByteBuffer query(std::uint16_t id, const std::string& name, const IpEnds& ends = kIpv4)
{
    return buildUdp(ends, 5'000, 53, buildDnsQuery(id, name, dns_type::kTxt, true, 1'232));
}

ByteBuffer longer(ByteView bytes)
{
    ByteBuffer buffer{bytes.begin(), bytes.end()};
    buffer.push_back(0);
    return buffer;
}

} // namespace

class TestTokenShape : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void goldenPackets_data()
    {
        QTest::addColumn<QString>("file");
        for (const char* name : {"DnsQuery", "IcmpEcho", "TcpConnection", "UdpDatagram"})
            QTest::newRow(name) << QStringLiteral(BEACON_SOURCE_DIR "/tests/golden/%1.hex").arg(QLatin1String(name));
    }
    /// What the Beacon's techniques send is known by its form, packet by packet.
    void goldenPackets()
    {
        QFETCH(QString, file);
        QFile golden{file};
        QVERIFY(golden.open(QIODevice::ReadOnly));
        int packets = 0;
        for (QByteArray line : golden.readAll().split('\n')) {
            line = line.mid(line.lastIndexOf(' ') + 1).trimmed();
            if (line.isEmpty() || line.startsWith('#'))
                continue;
            const QByteArray bytes = QByteArray::fromHex(line);
            const auto kind =
                tokenShapeIn({reinterpret_cast<const Byte*>(bytes.constData()), std::size_t(bytes.size())});
            if (!kind && file.contains(QLatin1String("TcpConnection")))
                continue; // a step of the handshake
            QVERIFY2(kind, line.constData());
            ++packets;
        }
        QVERIFY(packets > 0);
    }
    void carriers_data()
    {
        QTest::addColumn<QByteArray>("packet");
        QTest::addColumn<bool>("known");
        const auto row = [](const char* name, const ByteBuffer& packet, bool known) {
            QTest::newRow(name) << QByteArray{reinterpret_cast<const char*>(packet.data()), qsizetype(packet.size())}
                                << known;
        };
        const Token token = sealed();
        const std::string label = toBase32(token);
        row("a datagram", buildUdp(kIpv4, 1, 2, token), true);
        row("a datagram over IPv6", buildUdp(kIpv6, 1, 2, token), true);
        row("a datagram that holds more", buildUdp(kIpv4, 1, 2, longer(token)), false);
        row("a datagram that holds less", buildUdp(kIpv4, 1, 2, ByteView{token}.first(31)), false);
        row("a segment", buildTcp(kIpv4, {.sourcePort = 1, .destinationPort = 2, .flags = tcp_flag::kPsh}, {}, token),
            true);
        row("a segment without data",
            buildTcp(kIpv4, {.sourcePort = 1, .destinationPort = 2, .flags = tcp_flag::kSyn}, {}, {}), false);
        row("an echo", buildEcho(kIpv4, false, 1, 2, token), true);
        row("an echo's reply", buildEcho(kIpv4, true, 1, 2, token), false);
        row("an echo of 56 bytes", buildEcho(kIpv4, false, 1, 2, ByteBuffer(56, 1)), false);
        row("a name below any zone", query(0x2222, label + ".leak.example"), true);
        row("a name whose query begins as a token does", query(0x0100, label + ".leak.example"), true);
        row("a name over IPv6", query(0x2222, label + ".example", kIpv6), true);
        row("a name of many labels", query(0x2222, "a." + label + ".b.c.example"), true);
        row("a name without a zone", query(0x2222, label), false);
        row("an ordinary name", query(0x0100, "www.example.org"), false);
        row("a label as long", query(0x2222, std::string(52, 'a') + ".example"), false);
        TokenFields fields = kFields;
        fields.technique = 0;
        row("no technique", buildUdp(kIpv4, 1, 2, sealed(fields)), false);
        fields.technique = 200;
        row("a technique beyond all numbers", buildUdp(kIpv4, 1, 2, sealed(fields)), false);
        fields = kFields;
        fields.flags = 0x70;
        row("flags of nobody", buildUdp(kIpv4, 1, 2, sealed(fields)), false);
        MasterKey key{};
        row("Home's reply", buildUdp(kIpv4, 1, 2, TokenKey{key}.reply(token)), false);
        row("a confirmation", buildUdp(kIpv4, 1, 2, TokenKey{key}.confirm(token)), true);
        Token other = token;
        other[0] = 2;
        row("another version", buildUdp(kIpv4, 1, 2, other), false);
        row("a DHCP discovery, whose first byte is a token's",
            buildUdp(kIpv4, 68, 67,
                [] {
                    ByteBuffer bytes(300, 0);
                    bytes[0] = bytes[1] = 1;
                    bytes[2] = 6;
                    return bytes;
                }()),
            false);
        row("nothing", {}, false);
    }
    void carriers()
    {
        QFETCH(QByteArray, packet);
        QFETCH(bool, known);
        const auto kind = tokenShapeIn({reinterpret_cast<const Byte*>(packet.constData()), std::size_t(packet.size())});
        QCOMPARE(kind.has_value(), known);
        if (!known)
            return;
        QCOMPARE(kind->keyId, kFields.keyId);
        QCOMPARE(kind->technique, kFields.technique);
        QCOMPARE(kind->family == Family::Ipv6, QByteArray{QTest::currentDataTag()}.contains("IPv6"));
    }
};

QTEST_GUILESS_MAIN(TestTokenShape)
#include "tst_token_shape.moc"
