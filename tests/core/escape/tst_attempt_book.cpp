#include "core/base/base32.h"
#include "core/escape/attempt_book.h"
#include "core/escape/memory_sink.h"
#include "core/packet/build.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"

#include <QTest>

using namespace beacon;
using namespace std::chrono_literals;

namespace {

const TokenKey kKey{MasterKey{9}};
const IpAddress kHome = *IpAddress::parse("192.0.2.10");
const IpAddress kSelf = *IpAddress::parse("198.51.100.2");
const IpAddress kRouter = *IpAddress::parse("198.51.100.1");
constexpr std::uint16_t kPort = 40'000;

Attempt attemptOf(const Technique& technique, std::uint32_t n, std::uint16_t port = 0)
{
    Aim aim;
    const std::uint16_t ports[] = {port};
    aim.home = {kHome};
    aim.ports = PortSet{ports};
    aim.zone = "leak.example";
    const Probe probe = technique.at(aim, 0);
    const TokenFields fields{.keyId = 1,
        .run = 2,
        .counter = n,
        .technique = technique.number,
        .protocol = probe.protocol,
        .port = probe.port};
    return {.probe = probe, .token = kKey.seal(fields), .source = kSelf, .sourcePort = kPort, .zone = "leak.example"};
}

/// ICMP destination unreachable from `kRouter`, quoting `bytes` of `packet`.
ByteBuffer unreachable(std::uint8_t code, ByteView packet, std::size_t bytes)
{
    ByteBuffer message{3, code, 0, 0, 0, 0, 0, 0};
    const ByteView quoted = packet.first(std::min(bytes, packet.size()));
    message.insert(message.end(), quoted.begin(), quoted.end());
    return buildIp({kRouter, kSelf}, ip_protocol::kIcmp, message);
}

} // namespace

class TestAttemptBook final : public QObject {
    Q_OBJECT

    /// Opens attempt `n`, sends it into memory and, where `leaves`, shows it to the tap. Its first packet.
    ByteBuffer attempt(
        AttemptBook& book, const char* technique, std::uint32_t n, bool leaves = true, std::uint16_t port = 53)
    {
        const Technique& chosen = *findTechnique(technique);
        const Attempt attempt = attemptOf(chosen, n, port);
        book.open(chosen, attempt, "02:00:00:00:00:01", m_clock.now());
        MemorySink sink;
        if (!chosen.send(attempt, sink))
            return {};
        if (chosen.number == 3)
            book.bindTcp(n, kPort);
        if (leaves)
            book.onFrame(sink.packets().front(), true, m_clock.now());
        return sink.packets().front();
    }

    /// The outcomes of attempt lines that became known, and "escape".
    QStringList told(AttemptBook& book)
    {
        QStringList texts;
        for (const Line& line : book.takeLines()) {
            if (const auto* const attempt = std::get_if<AttemptLine>(&line))
                texts << QString::fromStdString(std::string{outcomeName(attempt->outcome)});
            else
                texts << QStringLiteral("escape");
        }
        return texts;
    }

    ManualClock m_clock;

private Q_SLOTS:
    void aFrameThatLeftAndSilenceIsSent();
    void aFrameThatNeverLeftIsALocalError();
    void aReplyIsAnEscapeAtOnce_data();
    void aReplyIsAnEscapeAtOnce();
    void aLateReplyIsStillAnEscape();
    void anEscapeIsToldOnce();
    void aForgedReplyIsARefusal();
    void ownEchoIsARefusal();
    void errorsAreToldApart_data();
    void errorsAreToldApart();
    void aResolverThatFailsIsARefusal();
    void tcpFramesAreKnownByTheirPorts();
    void failuresAreToldAtOnce();
    void memoryIsBounded();
};

void TestAttemptBook::aFrameThatLeftAndSilenceIsSent()
{
    AttemptBook book{kKey};
    attempt(book, "UdpDatagram", 1);
    m_clock.advance(AttemptBook::kVerdict - 1ms);
    book.settle(m_clock.now());
    QCOMPARE(told(book), QStringList{});
    QVERIFY(book.nextDue() == m_clock.now() + 1ms);
    m_clock.advance(1ms);
    book.settle(m_clock.now());
    QCOMPARE(told(book), QStringList{QStringLiteral("sent")});
    QVERIFY(book.idle() && book.errors() == 0);
}

void TestAttemptBook::aFrameThatNeverLeftIsALocalError()
{
    AttemptBook book{kKey};
    for (const char* const technique : {"UdpDatagram", "DnsQuery", "IcmpEcho", "TcpConnection"})
        attempt(book, technique, static_cast<std::uint32_t>(technique[0]), false);
    AttemptBook other{kKey};
    m_clock.advance(1s);
    book.settle(m_clock.now());
    QCOMPARE(told(book), QStringList(4, QStringLiteral("local_error")));
    QCOMPARE(book.errors(), 4U);
}

void TestAttemptBook::aReplyIsAnEscapeAtOnce_data()
{
    QTest::addColumn<QByteArray>("technique");
    for (const char* const technique : {"UdpDatagram", "DnsQuery", "IcmpEcho", "TcpConnection"})
        QTest::newRow(technique) << QByteArray{technique};
}

void TestAttemptBook::aReplyIsAnEscapeAtOnce()
{
    QFETCH(const QByteArray, technique);
    AttemptBook book{kKey};
    const ByteBuffer packet = attempt(book, technique.constData(), 5);
    const Attempt sent = attemptOf(*findTechnique(technique.toStdString()), 5, 53);
    const Token reply = kKey.reply(sent.token);
    m_clock.advance(3ms);
    if (technique == "TcpConnection") {
        book.onTcpReply(5, reply, m_clock.now());
    } else if (technique == "IcmpEcho") {
        book.onFrame(buildEcho({kHome, kSelf}, true, kPort, 5, reply), false, m_clock.now());
    } else if (technique == "DnsQuery") {
        const auto query = parseDns(parseUdp(parseIp(packet)->payload)->payload);
        const ByteBuffer answer = buildDnsAnswer(*query, 0, toBase32(reply), "leak.example");
        book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, answer), false, m_clock.now());
    } else {
        book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, reply), false, m_clock.now());
    }
    const std::vector<Line> lines = book.takeLines();
    QCOMPARE(lines.size(), 2U);
    QVERIFY(std::get<AttemptLine>(lines[0]).outcome == Outcome::Sent);
    QCOMPARE(std::get<EscapeLine>(lines[1]).rttUs, 3'000U);
    QCOMPARE(std::get<EscapeLine>(lines[1]).target.n, 5U);
    const bool confirmed = findTechnique(technique.toStdString())->confirmed;
    const std::vector<Attempt> confirms = book.takeConfirms();
    QCOMPARE(confirms.size(), confirmed ? 1U : 0U);
    if (confirmed)
        QVERIFY(confirms[0].token == kKey.confirm(sent.token));
}

void TestAttemptBook::aLateReplyIsStillAnEscape()
{
    AttemptBook book{kKey};
    attempt(book, "UdpDatagram", 1);
    const Token reply = kKey.reply(attemptOf(*findTechnique("UdpDatagram"), 1, 53).token);
    m_clock.advance(5s);
    book.settle(m_clock.now());
    book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, reply), false, m_clock.now());
    QCOMPARE(told(book), (QStringList{QStringLiteral("sent"), QStringLiteral("escape")}));
    m_clock.advance(6s);
    book.settle(m_clock.now());
    book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, reply), false, m_clock.now());
    QCOMPARE(told(book), QStringList{});
}

void TestAttemptBook::anEscapeIsToldOnce()
{
    AttemptBook book{kKey};
    attempt(book, "UdpDatagram", 1);
    const ByteBuffer answer =
        buildUdp({kHome, kSelf}, 53, kPort, kKey.reply(attemptOf(*findTechnique("UdpDatagram"), 1, 53).token));
    book.onFrame(answer, false, m_clock.now());
    book.onFrame(answer, false, m_clock.now());
    QCOMPARE(told(book).count(QStringLiteral("escape")), 1);
    QCOMPARE(book.takeConfirms().size(), 1U);
}

void TestAttemptBook::aForgedReplyIsARefusal()
{
    AttemptBook book{kKey};
    attempt(book, "UdpDatagram", 1);
    Token forged = kKey.reply(attemptOf(*findTechnique("UdpDatagram"), 1, 53).token);
    forged[31] ^= 1;
    book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, forged), false, m_clock.now());
    QCOMPARE(told(book), QStringList{QStringLiteral("refused")});
}

void TestAttemptBook::ownEchoIsARefusal()
{
    AttemptBook book{kKey};
    attempt(book, "IcmpEcho", 1);
    const Token own = attemptOf(*findTechnique("IcmpEcho"), 1).token;
    book.onFrame(buildEcho({kHome, kSelf}, true, kPort, 1, own), false, m_clock.now());
    QCOMPARE(told(book), QStringList{QStringLiteral("refused")});
}

void TestAttemptBook::errorsAreToldApart_data()
{
    QTest::addColumn<QByteArray>("technique");
    QTest::addColumn<int>("code");
    QTest::addColumn<int>("quoted");
    QTest::addColumn<QString>("outcome");
    const QString refused = QStringLiteral("refused");
    const QString unreachable = QStringLiteral("unreachable");
    QTest::newRow("port unreachable is an answer by somebody else") << QByteArray{"UdpDatagram"} << 3 << 500 << refused;
    QTest::newRow("administratively prohibited is unreachable")
        << QByteArray{"UdpDatagram"} << 13 << 500 << unreachable;
    QTest::newRow("eight quoted bytes of UDP are enough") << QByteArray{"UdpDatagram"} << 1 << 28 << unreachable;
    QTest::newRow("a quoted query is known") << QByteArray{"DnsQuery"} << 0 << 500 << unreachable;
    QTest::newRow("a quoted echo is known") << QByteArray{"IcmpEcho"} << 1 << 500 << unreachable;
    QTest::newRow("eight quoted bytes of an echo are enough") << QByteArray{"IcmpEcho"} << 1 << 28 << unreachable;
}

void TestAttemptBook::errorsAreToldApart()
{
    QFETCH(const QByteArray, technique);
    QFETCH(const int, code);
    QFETCH(const int, quoted);
    QFETCH(const QString, outcome);
    AttemptBook book{kKey};
    const ByteBuffer packet = attempt(book, technique.constData(), 1);
    book.onFrame(
        unreachable(static_cast<std::uint8_t>(code), packet, static_cast<std::size_t>(quoted)), false, m_clock.now());
    QCOMPARE(told(book), QStringList{outcome});
}

void TestAttemptBook::aResolverThatFailsIsARefusal()
{
    AttemptBook book{kKey};
    const ByteBuffer packet = attempt(book, "DnsQuery", 1);
    const auto query = parseDns(parseUdp(parseIp(packet)->payload)->payload);
    const ByteBuffer answer = buildDnsAnswer(*query, dns_rcode::kServFail, std::nullopt, "");
    book.onFrame(buildUdp({kHome, kSelf}, 53, kPort, answer), false, m_clock.now());
    QCOMPARE(told(book), QStringList{QStringLiteral("refused")});
}

void TestAttemptBook::tcpFramesAreKnownByTheirPorts()
{
    AttemptBook book{kKey};
    const ByteBuffer syn = attempt(book, "TcpConnection", 1, false, 443);
    QVERIFY(book.onFrame(
                buildTcp({kSelf, kHome}, {.sourcePort = kPort, .destinationPort = 444}, {}, {}), true, m_clock.now())
        == AttemptBook::Frame::Foreign);
    QVERIFY(book.onFrame(syn, true, m_clock.now()) == AttemptBook::Frame::First);
    QVERIFY(book.onFrame(syn, true, m_clock.now()) == AttemptBook::Frame::Further);
    book.onTcpRefused(1);
    QCOMPARE(told(book), QStringList{QStringLiteral("refused")});
}

void TestAttemptBook::failuresAreToldAtOnce()
{
    AttemptBook book{kKey};
    attempt(book, "UdpDatagram", 1, false);
    book.fail(1, Outcome::LocalError, "ENETUNREACH", "no route");
    const std::vector<Line> lines = book.takeLines();
    QCOMPARE(lines.size(), 1U);
    QCOMPARE(std::get<AttemptLine>(lines[0]).errnoName, std::string{"ENETUNREACH"});
    m_clock.advance(1s);
    book.settle(m_clock.now());
    QCOMPARE(told(book), QStringList{});
}

void TestAttemptBook::memoryIsBounded()
{
    AttemptBook book{kKey};
    const Technique& udp = *findTechnique("UdpDatagram");
    const Attempt sample = attemptOf(udp, 1, 53);
    const std::uint32_t count = AttemptBook::kMaxEntries + 100;
    std::size_t lines = 0;
    for (std::uint32_t n = 1; n <= count; ++n) {
        Attempt one = sample;
        one.token[12] = static_cast<Byte>(n >> 8);
        one.token[13] = static_cast<Byte>(n);
        one.token[11] = static_cast<Byte>(n >> 16);
        book.open(udp, one, "", m_clock.now());
        lines += book.takeLines().size();
    }
    QCOMPARE(lines, 100U);
    book.settleAll();
    QCOMPARE(lines + book.takeLines().size(), static_cast<std::size_t>(count));
    QVERIFY(book.idle());
}

QTEST_GUILESS_MAIN(TestAttemptBook)
#include "tst_attempt_book.moc"
