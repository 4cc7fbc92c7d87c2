#include "core/base/base32.h"
#include "core/observe/carrier.h"
#include "core/packet/build.h"
#include "core/packet/dns.h"

#include <QFile>
#include <QTest>

#include <algorithm>

using namespace beacon;

namespace {

const IpEnds kV4{*IpAddress::parse("192.0.2.1"), *IpAddress::parse("203.0.113.10")};
const IpEnds kV6{*IpAddress::parse("2001:db8::1"), *IpAddress::parse("2001:db8:cb::10")};
constexpr std::string_view kZone = "leak.example";

Token token()
{
    return TokenKey{MasterKey{7}}.seal(
        {.keyId = 0x1a2b3c4d, .run = 1, .counter = 2, .technique = 3, .protocol = 6, .port = 443});
}

ByteBuffer withTail(const Token& token)
{
    ByteBuffer bytes{token.begin(), token.end()};
    bytes.insert(bytes.end(), {'x', 'y'});
    return bytes;
}

ByteBuffer query(std::string name)
{
    return buildDnsQuery(0x0100, name, dns_type::kTxt); // its first byte is that of a token
}

ByteBuffer framed(const ByteBuffer& message)
{
    ByteBuffer bytes{static_cast<Byte>(message.size() >> 8), static_cast<Byte>(message.size())};
    bytes.insert(bytes.end(), message.begin(), message.end());
    return bytes;
}

ByteBuffer tcp(const IpEnds& ends, std::uint8_t flags, ByteView payload)
{
    return buildTcp(ends, {.sourcePort = 40'000, .destinationPort = 53, .flags = flags}, {}, payload);
}

QByteArray carriersOf(ByteView packet)
{
    const auto view = viewPacket(packet);
    QByteArray names;
    if (!view)
        return "no packet";
    for (const Carrier* const carrier : carriers()) {
        if (carrier->recognise(*view, kZone) == token())
            names += QByteArray(carrier->name.data(), static_cast<qsizetype>(carrier->name.size())) + ' ';
    }
    return names.trimmed();
}

} // namespace

class TestCarriers : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aTokenIsFound_data()
    {
        QTest::addColumn<QByteArray>("packet");
        QTest::addColumn<QByteArray>("carrier");
        const auto row = [](const char* name, const ByteBuffer& packet, const char* carrier) {
            QTest::newRow(name) << QByteArray(
                reinterpret_cast<const char*>(packet.data()), static_cast<qsizetype>(packet.size()))
                                << QByteArray(carrier);
        };
        const Token t = token();
        const std::string label = toBase32(t);
        std::string upper = label;
        std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
        row("in a UDP datagram over IPv4", buildUdp(kV4, 1, 9, t), "UdpData");
        row("in a UDP datagram over IPv6, before other bytes", buildUdp(kV6, 1, 53, withTail(t)), "UdpData");
        row("in a TCP segment", tcp(kV4, tcp_flag::kAck | tcp_flag::kPsh, t), "TcpData");
        row("in the data of a bare reset", tcp(kV6, tcp_flag::kRst, t), "TcpData");
        row("in an echo request", buildEcho(kV4, false, 1, 2, t), "IcmpEcho");
        row("in an ICMPv6 echo request", buildEcho(kV6, false, 1, 2, t), "IcmpEcho");
        row("in a DNS query", buildUdp(kV4, 1, 53, query(label + ".leak.example")), "DnsQuery");
        row("in a DNS query to another port", buildUdp(kV6, 1, 5'353, query(label + ".leak.example")), "DnsQuery");
        row("in a DNS query over TCP", tcp(kV4, tcp_flag::kAck, framed(query(label + ".leak.example"))), "DnsQuery");
        row("in upper case, with another case in the zone", buildUdp(kV4, 1, 53, query(upper + ".LeAk.ExAmple")),
            "DnsQuery");
        row("behind and before other labels", buildUdp(kV4, 1, 53, query("_x." + label + ".y.leak.example")),
            "DnsQuery");
        row("not in an echo reply", buildEcho(kV4, true, 1, 2, t), "");
        const ByteBuffer tailed = withTail(t);
        row("not behind the first byte", buildUdp(kV4, 1, 9, ByteView{tailed}.subspan(1)), "");
        row("not where a byte is missing", buildUdp(kV4, 1, 9, ByteView{t}.first(31)), "");
        row("not below another zone", buildUdp(kV4, 1, 53, query(label + ".leak.example.org")), "");
        row("not in a name that only ends like the zone", buildUdp(kV4, 1, 53, query(label + ".xleak.example")), "");
        row("not in a label that is a character longer", buildUdp(kV4, 1, 53, query(label + "a.leak.example")), "");
        ByteBuffer answer = query(label + ".leak.example");
        answer[2] |= 0x80;
        row("not in an answer", buildUdp(kV4, 1, 53, answer), "");
    }
    void aTokenIsFound()
    {
        QFETCH(QByteArray, packet);
        QFETCH(QByteArray, carrier);
        const ByteView bytes{
            reinterpret_cast<const Byte*>(packet.constData()), static_cast<std::size_t>(packet.size())};
        QCOMPARE(carriersOf(bytes), carrier);
    }

    void aLaterFragmentHasNoHeader()
    {
        ByteBuffer packet = buildUdp(kV4, 1, 9, token());
        packet[6] = 0;
        packet[7] = 1;
        QCOMPARE(carriersOf(packet), QByteArray());
    }

    void noCutOfAPacketIsTooShort()
    {
        const std::string name = toBase32(token()) + ".leak.example";
        for (const ByteBuffer& packet : {buildUdp(kV4, 1, 53, query(name)),
                 tcp(kV6, tcp_flag::kAck, framed(query(name))), buildEcho(kV6, false, 1, 2, token())}) {
            for (std::size_t length = 0; length <= packet.size(); ++length) {
                const ByteBuffer cut{
                    packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length)}; // asan sees its end
                const auto view = viewPacket(cut);
                for (const Carrier* const carrier : carriers()) {
                    if (view && carrier->recognise(*view, kZone))
                        QVERIFY(length >= 28 + kTokenBytes);
                }
            }
        }
    }

    void withoutAZoneNoNameIsRead()
    {
        QVERIFY(!tokenInName(toBase32(token()) + ".leak.example", ""));
        QVERIFY(tokenInName(toBase32(token()) + ".leak.example", kZone));
    }

    void eachTechniquesGoldenPacketIsRecognised_data()
    {
        QTest::addColumn<QString>("file");
        for (const char* name : {"DnsQuery", "IcmpEcho", "UdpDatagram"})
            QTest::newRow(name)
                << QStringLiteral(BEACON_SOURCE_DIR "/tests/golden/%1.hex").arg(QLatin1StringView(name));
    }
    void eachTechniquesGoldenPacketIsRecognised()
    {
        QFETCH(QString, file);
        QFile golden{file};
        QVERIFY(golden.open(QIODevice::ReadOnly));
        int packets = 0;
        for (const QByteArray& line : golden.readAll().split('\n')) {
            const QByteArray hex = line.trimmed().split(' ').last();
            const auto bytes = hex.isEmpty() || line.startsWith('#') ? std::nullopt : fromHex(hex.toStdString());
            if (!bytes || bytes->size() < 28)
                continue;
            const auto view = viewPacket(*bytes);
            QVERIFY(view);
            QVERIFY(std::ranges::any_of(
                carriers(), [&](const Carrier* one) { return one->recognise(*view, kZone).has_value(); }));
            ++packets;
        }
        QVERIFY(packets > 0);
    }
};

QTEST_GUILESS_MAIN(TestCarriers)
#include "tst_carriers.moc"
