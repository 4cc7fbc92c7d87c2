#include "core/base/base32.h"
#include "core/escape/memory_sink.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"

#include <QFile>
#include <QSet>
#include <QTest>

#include <algorithm>

using namespace beacon;

namespace {

const TokenKey kKey{MasterKey{1, 2, 3, 4}};

Aim sampleAim()
{
    constexpr std::uint16_t kPorts[] = {1, 53, 8'443, 65'535};
    Aim aim;
    aim.home = {*IpAddress::parse("192.0.2.10"), *IpAddress::parse("2001:db8::10"), *IpAddress::parse("192.0.2.11")};
    aim.resolvers = {*IpAddress::parse("198.51.100.1"), *IpAddress::parse("2001:db8:1::1")};
    aim.ports = PortSet{kPorts};
    aim.zone = "leak.example";
    return aim;
}

Attempt attemptOf(const Technique& technique, const Probe& probe, const Aim& aim, std::uint32_t counter)
{
    const bool v6 = probe.family == Family::Ipv6;
    const TokenFields fields{.flags = v6 ? token_flag::kIpv6 : std::uint8_t{0},
        .keyId = 0x1a2b3c4d,
        .run = 7,
        .counter = counter,
        .technique = technique.number,
        .protocol = probe.protocol,
        .port = probe.port,
        .path = 0x1234};
    return {.probe = probe,
        .token = kKey.seal(fields),
        .source = *IpAddress::parse(v6 ? "2001:db8:1::2" : "198.51.100.2"),
        .sourcePort = 40'000,
        .zone = aim.zone};
}

std::vector<ByteBuffer> packetsOf(const Technique& technique)
{
    const Aim aim = sampleAim();
    MemorySink sink;
    for (std::size_t i = 0; i < technique.count(aim); ++i) {
        const Attempt attempt = attemptOf(technique, technique.at(aim, i), aim, static_cast<std::uint32_t>(i + 1));
        if (!technique.send(attempt, sink))
            return {};
    }
    return sink.take();
}

/// std::ranges::search is beyond clang 14 with GCC 12's library.
bool contains(const ByteBuffer& packet, const auto& what)
{
    return std::search(packet.begin(), packet.end(), what.begin(), what.end()) != packet.end();
}

QByteArray hexLines(const std::vector<ByteBuffer>& packets)
{
    QByteArray text;
    for (const ByteBuffer& packet : packets)
        text += QByteArray::fromStdString(toHex(packet)) + '\n';
    return text;
}

} // namespace

class TestTechniques final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void numbersAndNamesAreFixed();
    void goldenPackets_data();
    void goldenPackets();
    void everyTokenStandsInItsPacket();
    void probeSetsHaveNoDoubles();
    void portSetsCountAndFind();
    void dnsNeedsAZone();
};

void TestTechniques::numbersAndNamesAreFixed()
{
    QStringList table;
    for (const Technique* const technique : techniques()) {
        table << QString::number(technique->number) + QLatin1Char{' '}
                + QString::fromStdString(std::string{technique->name});
        QVERIFY(findTechnique(technique->number) == technique && findTechnique(technique->name) == technique);
        QVERIFY(!technique->help.empty() && !technique->source.empty());
    }
    QCOMPARE(table,
        (QStringList{QStringLiteral("1 DnsQuery"), QStringLiteral("3 TcpConnection"), QStringLiteral("4 UdpDatagram"),
            QStringLiteral("6 IcmpEcho")}));
    QVERIFY(findTechnique("Nonsense") == nullptr && findTechnique(std::uint8_t{200}) == nullptr);
}

void TestTechniques::goldenPackets_data()
{
    QTest::addColumn<int>("number");
    for (const Technique* const technique : techniques())
        QTest::newRow(technique->name.data()) << static_cast<int>(technique->number);
}

/// With BEACON_WRITE_GOLDEN set the files are written anew: look at the difference before you commit it.
void TestTechniques::goldenPackets()
{
    QFETCH(const int, number);
    const Technique& technique = *findTechnique(static_cast<std::uint8_t>(number));
    const QByteArray sent = hexLines(packetsOf(technique));
    QVERIFY(!sent.isEmpty());
    QFile file{QStringLiteral(BEACON_SOURCE_DIR "/tests/golden/") + QLatin1String{technique.name.data()}
        + QStringLiteral(".hex")};
    if (qEnvironmentVariableIsSet("BEACON_WRITE_GOLDEN")) {
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(sent);
        return;
    }
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(sent, file.readAll());
}

void TestTechniques::everyTokenStandsInItsPacket()
{
    for (const Technique* const technique : techniques()) {
        const Aim aim = sampleAim();
        for (std::size_t i = 0; i < technique->count(aim); ++i) {
            MemorySink sink;
            const Attempt attempt = attemptOf(*technique, technique->at(aim, i), aim, 99);
            QVERIFY(technique->send(attempt, sink));
            const std::string label = toBase32(attempt.token);
            const bool found = std::ranges::any_of(sink.packets(),
                [&](const ByteBuffer& packet) { return contains(packet, attempt.token) || contains(packet, label); });
            QVERIFY2(found, technique->name.data());
            for (const ByteBuffer& packet : sink.packets())
                QVERIFY(parseIp(packet)->destination == attempt.probe.destination);
        }
    }
}

void TestTechniques::probeSetsHaveNoDoubles()
{
    const Aim aim = sampleAim();
    for (const Technique* const technique : techniques()) {
        QSet<QString> seen;
        for (std::size_t i = 0; i < technique->count(aim); ++i) {
            const Probe probe = technique->at(aim, i);
            QVERIFY(probe.family == probe.destination.family());
            seen.insert(
                QString::fromStdString(probe.destination.text()) + QLatin1Char{'/'} + QString::number(probe.port));
        }
        QCOMPARE(static_cast<std::size_t>(seen.size()), technique->count(aim));
    }
    QCOMPARE(findTechnique("TcpConnection")->count(aim), 8U);
    QCOMPARE(findTechnique("DnsQuery")->count(aim), 4U);
}

void TestTechniques::portSetsCountAndFind()
{
    const PortSet all = PortSet::all();
    QCOMPARE(all.count(), 65'535U);
    QCOMPARE(all.at(0), 1);
    QCOMPARE(all.at(65'534), 65'535);
    constexpr std::uint16_t kPorts[] = {5, 7, 8, 9, 65'535};
    const PortSet some{kPorts};
    QCOMPARE(some.count(), 5U);
    for (std::size_t i = 0; i < some.count(); ++i)
        QCOMPARE(some.at(i), kPorts[i]);
    QCOMPARE(PortSet{}.count(), 0U);
}

void TestTechniques::dnsNeedsAZone()
{
    Aim aim = sampleAim();
    aim.zone.clear();
    QCOMPARE(findTechnique("DnsQuery")->count(aim), 0U);
    aim.home.clear();
    QCOMPARE(findTechnique("UdpDatagram")->count(aim), 0U);
}

QTEST_GUILESS_MAIN(TestTechniques)
#include "tst_techniques.moc"
