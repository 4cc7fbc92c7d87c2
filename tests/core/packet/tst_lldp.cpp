#include "core/packet/lldp.h"
#include "tests/support/lldp_frame.h"

#include <QTest>

#include <random>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

constexpr auto kMac = "\x02\x00\x5e\x10\x00\x02"sv;

LldpFrame whole()
{
    return LldpFrame{}
        .id(1, 4, kMac)
        .id(2, 5, "Gi1/0/7")
        .ttl(120)
        .text(4, "cell 4")
        .text(5, "sw-plant")
        .text(6, "some system")
        .portVlan(10)
        .vlanName(10, "plant")
        .vlanName(20, "office")
        .end()
        .padding(20);
}

using Id = LldpId;
using Kind = LldpId::Kind;

} // namespace

class TestLldp final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everythingIsRead();
    void theMandatoryPartIsEnough();
    void aFrameOfTheFieldIsRead();
    void idsAreTold_data();
    void idsAreTold();
    void whatBreaksTheRulesIsDiscarded_data();
    void whatBreaksTheRulesIsDiscarded();
    void whatIsOddIsPassedOver();
    void textsAreBounded();
    void namedVlansAreBounded();
    void everyTruncationIsSafe();
    void mutatedFramesAreSafe();
};

void TestLldp::everythingIsRead()
{
    const auto heard = parseLldp(whole().bytes());
    QVERIFY(heard);
    LldpNeighbour expected;
    expected.source = *MacAddress::parse("02:00:5e:10:00:01");
    expected.chassis = {Kind::Mac, "02:00:5e:10:00:02"};
    expected.port = {Kind::Text, "Gi1/0/7"};
    expected.ttl = 120s;
    expected.portDescription = "cell 4";
    expected.systemName = "sw-plant";
    expected.portVlan = std::uint16_t{10};
    expected.vlans = {{10, "plant"}, {20, "office"}};
    QVERIFY(*heard == expected);
}

void TestLldp::theMandatoryPartIsEnough()
{
    for (const auto& frame : {LldpFrame::of("c", "p", 0), LldpFrame::of("c", "p", 0).end()}) {
        const auto heard = parseLldp(frame.bytes());
        QVERIFY(heard);
        QCOMPARE(heard->ttl, 0s);
        QVERIFY(!heard->portVlan);
    }
}

void TestLldp::aFrameOfTheFieldIsRead()
{
    // Captured from lldpd 1.0.16 on a veth end.
    const QByteArray raw =
        QByteArray::fromHex("0180c200000e02005e10000388cc02070402005e10000304070302005e10000306020078"
                            "0a05686f7374310c0c706c616e74207377697463680e04009c008010181102fe80000000"
                            "00000000005efffe100002020000000300080473656731fe0900120f030100000000fe09"
                            "00120f0100800000360000");
    const auto heard = parseLldp({reinterpret_cast<const Byte*>(raw.constData()), std::size_t(raw.size())});
    QVERIFY(heard);
    QVERIFY((heard->chassis == Id{Kind::Mac, "02:00:5e:10:00:03"}));
    QVERIFY((heard->port == Id{Kind::Mac, "02:00:5e:10:00:03"}));
    QCOMPARE(heard->systemName, std::string{"host1"});
    QCOMPARE(heard->portDescription, std::string{"seg1"});
}

void TestLldp::idsAreTold_data()
{
    QTest::addColumn<int>("subtype");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("isChassis");
    const auto row = [](const char* name, int subtype, const QByteArray& value, Kind kind, const char* text,
                         bool isChassis) {
        QTest::newRow(name) << subtype << value << int(kind) << QString::fromLatin1(text) << isChassis;
    };
    const QByteArray mac(kMac.data(), 6);
    const QByteArray v4 = QByteArray::fromHex("01c0000201");
    const QByteArray v6 = QByteArray::fromHex("0220010db8000000000000000000000001");
    row("a chassis component", 1, "slot", Kind::Text, "slot", true);
    row("a chassis by a port's MAC", 4, mac, Kind::Mac, "02:00:5e:10:00:02", true);
    row("a chassis by an IPv4 address", 5, v4, Kind::Address, "192.0.2.1", true);
    row("a chassis by an IPv6 address", 5, v6, Kind::Address, "2001:db8::1", true);
    row("a chassis by an interface name", 6, "eth0", Kind::Text, "eth0", true);
    row("a chassis by a local name", 7, "sw1", Kind::Text, "sw1", true);
    row("a chassis of an unknown subtype", 9, "\x0a\xff", Kind::Bytes, "0aff", true);
    row("a port's alias", 1, "uplink", Kind::Text, "uplink", false);
    row("a port's MAC", 3, mac, Kind::Mac, "02:00:5e:10:00:02", false);
    row("a port's address", 4, v4, Kind::Address, "192.0.2.1", false);
    row("a port's interface name", 5, "Gi1/0/7", Kind::Text, "Gi1/0/7", false);
    row("an agent circuit", 6, QByteArray::fromHex("0102"), Kind::Bytes, "0102", false);
    row("a port's local name", 7, "7", Kind::Text, "7", false);
    row("a MAC that is too short", 3, mac.left(5), Kind::Bytes, "02005e1000", false);
    row("an address of an unknown family", 4, QByteArray::fromHex("03c0000201"), Kind::Bytes, "03c0000201", false);
    row("an address that is too short", 4, v6.left(16), Kind::Bytes, "0220010db80000000000000000000000", false);
    row("trailing NULs go", 5, QByteArray("Gi1\0\0", 5), Kind::Text, "Gi1", false);
}

void TestLldp::idsAreTold()
{
    QFETCH(const int, subtype);
    QFETCH(const QByteArray, value);
    QFETCH(const int, kind);
    QFETCH(const QString, text);
    QFETCH(const bool, isChassis);
    const auto id = [&](bool tried, std::uint8_t type) {
        return tried ? std::pair{static_cast<std::uint8_t>(subtype), value.toStdString()}
                     : std::pair{std::uint8_t{7}, std::string(1, static_cast<char>('0' + type))};
    };
    const auto chassis = id(isChassis, 1), port = id(!isChassis, 2);
    const auto heard =
        parseLldp(LldpFrame{}.id(1, chassis.first, chassis.second).id(2, port.first, port.second).ttl(1).bytes());
    QVERIFY(heard);
    const LldpId& got = isChassis ? heard->chassis : heard->port;
    QCOMPARE(int(got.kind), kind);
    QCOMPARE(QString::fromStdString(got.text), text);
}

void TestLldp::whatBreaksTheRulesIsDiscarded_data()
{
    QTest::addColumn<QByteArray>("frame");
    const auto row = [](const char* name, const LldpFrame& frame) {
        const ByteBuffer bytes = frame.bytes();
        QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(bytes.data()), qsizetype(bytes.size()));
    };
    row("nothing", LldpFrame{});
    row("no port", LldpFrame{}.id(1, 7, "c").ttl(120));
    row("no TTL", LldpFrame{}.id(1, 7, "c").id(2, 7, "p").text(5, "name"));
    row("in another order", LldpFrame{}.id(2, 7, "p").id(1, 7, "c").ttl(120));
    row("something before the chassis", LldpFrame{}.text(5, "name").id(1, 7, "c").id(2, 7, "p").ttl(120));
    row("an empty chassis", LldpFrame{}.id(1, 7, "").id(2, 7, "p").ttl(120));
    row("an overlong chassis", LldpFrame{}.id(1, 7, std::string(256, 'c')).id(2, 7, "p").ttl(120));
    row("an overlong port", LldpFrame{}.id(1, 7, "c").id(2, 7, std::string(256, 'p')).ttl(120));
    row("a TTL of one byte", LldpFrame{}.id(1, 7, "c").id(2, 7, "p").text(3, "x"));
    row("two chassis", LldpFrame::of("c", "p").id(1, 7, "d"));
    row("two ports", LldpFrame::of("c", "p").id(2, 7, "q"));
    row("two TTLs", LldpFrame::of("c", "p").ttl(9));
    auto other = whole().bytes();
    other[13] = 0xcd;
    QTest::newRow("another EtherType") << QByteArray(
        reinterpret_cast<const char*>(other.data()), qsizetype(other.size()));
}

void TestLldp::whatBreaksTheRulesIsDiscarded()
{
    QFETCH(const QByteArray, frame);
    QVERIFY(!parseLldp({reinterpret_cast<const Byte*>(frame.constData()), std::size_t(frame.size())}));
}

void TestLldp::whatIsOddIsPassedOver()
{
    const auto heard = parseLldp(LldpFrame::of("c", "p")
                                     .text(99, "unknown")
                                     .text(127, "\x00\x80"sv) // too short for an organisation
                                     .text(127, "\x00\x12\x0f\x01\x00\x63"sv) // another organisation
                                     .text(127, "\x00\x80\xc2\x01\x00"sv) // half a VLAN
                                     .portVlan(0) // none
                                     .portVlan(4'095) // reserved
                                     .text(127, "\x00\x80\xc2\x03\x00\x0a\x20short"sv) // a name longer than its TLV
                                     .vlanName(11, "")
                                     .portVlan(12)
                                     .portVlan(13)
                                     .text(5, "first")
                                     .text(5, "second")
                                     .bytes());
    QVERIFY(heard);
    QVERIFY(heard->portVlan == std::uint16_t{12});
    QVERIFY(heard->vlans.empty());
    QCOMPARE(heard->systemName, std::string{"first"});
}

void TestLldp::textsAreBounded()
{
    const std::string most(511, 'x');
    const auto heard = parseLldp(LldpFrame{}
                                     .id(1, 7, std::string(255, 'c'))
                                     .id(2, 99, std::string(255, 'p'))
                                     .ttl(1)
                                     .text(4, most)
                                     .text(5, most)
                                     .vlanName(7, std::string(200, 'v'))
                                     .bytes());
    QVERIFY(heard);
    QCOMPARE(heard->chassis.text.size(), std::size_t{255});
    QCOMPARE(heard->port.text.size(), std::size_t{510});
    QCOMPARE(heard->portDescription.size(), std::size_t{255});
    QCOMPARE(heard->systemName.size(), std::size_t{255});
    QCOMPARE(heard->vlans.at(0).name.size(), std::size_t{32});
}

void TestLldp::namedVlansAreBounded()
{
    auto frame = LldpFrame::of("c", "p");
    for (std::uint16_t i = 1; i <= 100; ++i)
        frame.vlanName(i, "v");
    const auto heard = parseLldp(frame.bytes());
    QVERIFY(heard);
    QCOMPARE(heard->vlans.size(), LldpNeighbour::kMostVlans);
}

void TestLldp::everyTruncationIsSafe()
{
    const ByteBuffer bytes = whole().bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const ByteBuffer exact(bytes.begin(), bytes.begin() + std::ptrdiff_t(size)); // so that asan sees the end
        const auto heard = parseLldp(exact);
        QVERIFY(!heard || heard->port.text == "Gi1/0/7");
    }
}

void TestLldp::mutatedFramesAreSafe()
{
    std::mt19937 random(20'261'124); // the same every time
    const ByteBuffer seed = whole().bytes();
    int read = 0;
    for (int i = 0; i < 200'000; ++i) {
        ByteBuffer bytes = seed;
        for (auto changes = 1 + random() % 6; changes > 0; --changes)
            bytes[14 + random() % (bytes.size() - 14)] = static_cast<Byte>(random());
        bytes.resize(bytes.size() - random() % 8);
        const auto heard = parseLldp(bytes);
        read += heard ? 1 : 0;
        QVERIFY(!heard || (heard->vlans.size() <= LldpNeighbour::kMostVlans && heard->systemName.size() <= 255));
    }
    QVERIFY2(read > 1'000 && read < 199'000, qPrintable(QString::number(read))); // both ways out were taken
}

QTEST_GUILESS_MAIN(TestLldp)
#include "tst_lldp.moc"
