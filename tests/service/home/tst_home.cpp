#include "core/base/base32.h"
#include "core/escape/technique.h"
#include "core/packet/dns.h"
#include "core/packet/parse.h"
#include "tests/service/home/home_lab.h"
#include "tests/support/event_schema.h"
#include "tests/support/net_fixture.h"

#include <QCoreApplication>
#include <QFile>
#include <QJsonArray>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTest>
#include <QThread>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kNew = QStringLiteral("instruments.home.finding.new");

std::uint8_t numberOf(const char* technique)
{
    const Technique* const found = findTechnique(std::string_view{technique});
    return found ? found->number : std::uint8_t{0};
}

ByteBuffer bytes(const Token& token)
{
    return {token.begin(), token.end()};
}

/// Whether `holds` becomes true within a time that a busy machine has, too.
template <class Condition> bool eventually(Condition holds)
{
    QElapsedTimer timer;
    timer.start();
    while (!holds()) {
        if (timer.elapsed() > 30'000)
            return false;
        QTest::qWait(50); // lets QProcess read
    }
    return true;
}

} // namespace

class TestHome : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        m_lab = std::make_unique<HomeLab>();
        m_counter = 0;
        QVERIFY(m_lab->issue());
        QVERIFY(m_lab->link());
        m_lab->startHome();
        QVERIFY(m_lab->waitServing());
    }
    void cleanup()
    {
        for (const QByteArray& line : m_lab->lines()) {
            const std::string complaint = schemaComplaint(line.toStdString());
            QVERIFY2(complaint.empty(), complaint.c_str());
        }
        m_lab.reset();
        ip(QStringLiteral("link del seg0"));
    }

    void aLeakIsToldAndAnswered_data()
    {
        QTest::addColumn<QByteArray>("technique");
        QTest::addColumn<bool>("ipv6");
        QTest::addColumn<int>("port");
        QTest::addColumn<QByteArray>("carrier");
        QTest::addColumn<bool>("twoWay");
        for (const bool ipv6 : {false, true}) {
            const auto name = [&](const char* what) { return QByteArray(what) + (ipv6 ? " over IPv6" : " over IPv4"); };
            QTest::newRow(name("TCP to port 8443"))
                << QByteArray("TcpConnection") << ipv6 << 8'443 << QByteArray("TcpData") << true;
            QTest::newRow(name("TCP to port 65535"))
                << QByteArray("TcpConnection") << ipv6 << 65'535 << QByteArray("TcpData") << true;
            QTest::newRow(name("a bare token in TCP to port 53"))
                << QByteArray("TcpConnection") << ipv6 << 53 << QByteArray("TcpData") << true;
            QTest::newRow(name("UDP to port 9"))
                << QByteArray("UdpDatagram") << ipv6 << 9 << QByteArray("UdpData") << false;
            QTest::newRow(name("a bare token in UDP to port 53"))
                << QByteArray("UdpDatagram") << ipv6 << 53 << QByteArray("UdpData") << false;
            QTest::newRow(name("ICMP echo")) << QByteArray("IcmpEcho") << ipv6 << 0 << QByteArray("IcmpEcho") << false;
            QTest::newRow(name("DNS over UDP"))
                << QByteArray("DnsQuery") << ipv6 << 53 << QByteArray("DnsQuery") << false;
            QTest::newRow(name("DNS over TCP"))
                << QByteArray("DnsQuery") << ipv6 << -53 << QByteArray("DnsQuery") << true;
        }
    }
    void aLeakIsToldAndAnswered()
    {
        QFETCH(QByteArray, technique);
        QFETCH(bool, ipv6);
        QFETCH(int, port);
        QFETCH(QByteArray, carrier);
        QFETCH(bool, twoWay);
        const auto aimed = static_cast<std::uint16_t>(std::abs(port));
        const IpAddress to = ipv6 ? HomeLab::kHome6 : HomeLab::kHome4;
        const Token token = seal(technique.constData(), ipv6, aimed);
        QCOMPARE(ask(technique, to, aimed, port < 0, token), bytes(m_lab->key().reply(token)));

        const auto opened = m_lab->events(kNew, 1);
        QCOMPARE(opened.size(), std::size_t{1});
        const QJsonObject data = opened.front().value(QLatin1StringView("data")).toObject();
        QCOMPARE(data.value(QLatin1StringView("technique")).toString().toLatin1(), technique);
        QCOMPARE(data.value(QLatin1StringView("carrier")).toArray().at(0).toString().toLatin1(), carrier);
        QCOMPARE(
            data.value(QLatin1StringView("family")).toString(), ipv6 ? QStringLiteral("ipv6") : QStringLiteral("ipv4"));
        QCOMPARE(data.value(QLatin1StringView("egress")).toArray().at(0).toString(),
            ipv6 ? QStringLiteral("fd77::1") : QStringLiteral("10.77.0.1"));
        if (aimed != 0)
            QCOMPARE(data.value(QLatin1StringView("ports")).toArray().at(0).toInt(), int{aimed});
        QTRY_COMPARE(m_lab->print(QStringLiteral("findings")).size(), std::size_t{1}); // while it serves
        QTRY_COMPARE(
            m_lab->print(QStringLiteral("findings")).front().value(QLatin1StringView("two_way")).toBool(), twoWay);
        QTRY_COMPARE(m_lab->print(QStringLiteral("observations")).size(), std::size_t{1});
        QCOMPARE(m_lab->print(QStringLiteral("observations")).front().value(QLatin1StringView("n")).toInt(), 1);
    }

    void aConfirmationProvesBothWaysAndIsNotAnswered()
    {
        const Token token = seal("UdpDatagram", false, 9);
        QVERIFY(!askUdp(HomeLab::kHome4, 9, token).empty());
        QVERIFY(askUdp(HomeLab::kHome4, 9, m_lab->key().confirm(token)).empty());
        QTRY_VERIFY(!m_lab->print(QStringLiteral("findings")).empty()
            && m_lab->print(QStringLiteral("findings")).front().value(QLatin1StringView("two_way")).toBool());
        QCOMPARE(m_lab->events(kNew, 0, 200).size(), std::size_t{1});
    }

    void everyFlippedBitIsNoAlertAndNoAnswer()
    {
        const Token token = seal("UdpDatagram", false, 9);
        for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
            Token bad = token;
            bad[bit / 8] ^= static_cast<Byte>(1U << (bit % 8));
            askUdp(HomeLab::kHome4, bit % 2 == 0 ? 9 : 53, bad, 0);
            if (bit % 16 == 0)
                QVERIFY(askTcp(HomeLab::kHome4, 80, bad, 50).empty());
        }
        QCOMPARE(m_lab->events(kNew, 1, 500).size(), std::size_t{0});
        QCOMPARE(m_lab->print(QStringLiteral("observations")).size(), std::size_t{0});
        QVERIFY(!askUdp(HomeLab::kHome4, 9, token).empty()); // it was right but for the bit
    }

    void aTokenSeenBeforeOpensNothing()
    {
        const Token token = seal("UdpDatagram", false, 9);
        for (int i = 0; i < 20; ++i)
            askUdp(HomeLab::kHome4, 9, token, 50);
        askUdp(HomeLab::kHome6, 9, token, 50);
        QCOMPARE(m_lab->events(kNew, 2, 500).size(), std::size_t{1});
        QTRY_COMPARE(m_lab->print(QStringLiteral("findings")).size(), std::size_t{1});
        QCOMPARE(m_lab->print(QStringLiteral("findings")).front().value(QLatin1StringView("count")).toInt(), 1);
        // The copies of one token do not push out what was seen of others.
        QVERIFY(m_lab->print(QStringLiteral("observations")).size() <= 2);
    }

    void theKernelSaysNothingForHome()
    {
        QVERIFY(askEcho(HomeLab::kHome4, ByteBuffer(32, 'p')).empty());
        QVERIFY(askEcho(HomeLab::kHome6, ByteBuffer(32, 'p')).empty());
        QVERIFY(!isRefused(HomeLab::kHome4, 9));
        QVERIFY(!isRefused(HomeLab::kHome6, 9));
    }

    void noiseIsBounded()
    {
        askUdp(HomeLab::kHome4, 9, ByteBuffer(32, 1), 50);
        const qint64 before = residentKb();
        for (int i = 0; i < 60'000; ++i) {
            ByteBuffer random(64);
            QRandomGenerator::global()->fillRange(reinterpret_cast<quint32*>(random.data()), 16);
            random[0] = 1; // as a token begins
            askUdp(HomeLab::kHome4, static_cast<std::uint16_t>(1 + i % 65'535), random, 0);
        }
        QCOMPARE(m_lab->events(kNew, 1, 500).size(), std::size_t{0});
        QVERIFY2(
            residentKb() < before + 12 * 1'024, QByteArray::number(residentKb() - before)); // the ring is 8 MiB of it
        const Token token = seal("UdpDatagram", false, 9);
        QCOMPARE(askUdp(HomeLab::kHome4, 9, token, 2'000), bytes(m_lab->key().reply(token)));
    }

    void manyIdleConnectionsStarveNobody()
    {
        std::vector<UniqueFd> idle;
        for (int i = 0; i < 500; ++i) {
            const int fd = openTcp(HomeLab::kHome4, static_cast<std::uint16_t>(1'000 + i));
            QVERIFY(fd >= 0);
            idle.emplace_back(fd);
        }
        const Token token = seal("TcpConnection", false, 443);
        QCOMPARE(askTcp(HomeLab::kHome4, 443, token), bytes(m_lab->key().reply(token)));
    }

    void killedAtAnyMomentItOpensNothingTwice()
    {
        const Token first = seal("TcpConnection", false, 443);
        QVERIFY(!askTcp(HomeLab::kHome4, 443, first).empty());
        QCOMPARE(m_lab->events(kNew, 1).size(), std::size_t{1});
        QTRY_COMPARE(m_lab->print(QStringLiteral("observations")).size(), std::size_t{1});
        m_lab->killHome();
        QTRY_VERIFY(!m_lab->inside({QStringLiteral("nft"), QStringLiteral("list"), QStringLiteral("tables")})
                         .contains("beacon"));
        QCOMPARE(m_lab->print(QStringLiteral("observations")).size(), std::size_t{1});

        m_lab->startHome();
        QVERIFY(m_lab->waitServing());
        askTcp(HomeLab::kHome4, 443, first); // known
        const Token second = seal("TcpConnection", false, 444);
        QVERIFY(!askTcp(HomeLab::kHome4, 444, second).empty());
        QCOMPARE(m_lab->events(kNew, 1, 500).size(), std::size_t{0});
        QVERIFY(eventually([&] {
            return m_lab->print(QStringLiteral("findings")).front().value(QLatin1StringView("count")).toInt() == 2;
        }));
        QCOMPARE(m_lab->print(QStringLiteral("findings")).size(), std::size_t{1});
    }

    void alertsGoOutWhileTheDatabaseIsLocked()
    {
        QProcess sqlite;
        sqlite.start(QStringLiteral("sqlite3"), {m_lab->database()});
        if (!sqlite.waitForStarted())
            QSKIP("sqlite3 is missing");
        sqlite.write("BEGIN IMMEDIATE; SELECT 'held';\n");
        QVERIFY(sqlite.waitForReadyRead(5'000));
        QVERIFY(sqlite.readAllStandardOutput().contains("held"));
        const Token token = seal("UdpDatagram", false, 9);
        QCOMPARE(askUdp(HomeLab::kHome4, 9, token, 1'000), bytes(m_lab->key().reply(token)));
        QCOMPARE(m_lab->events(kNew, 1, 1'000).size(), std::size_t{1});
        QCOMPARE(m_lab->print(QStringLiteral("observations")).size(), std::size_t{0});
        sqlite.write("COMMIT;\n.quit\n");
        QVERIFY(sqlite.waitForFinished(3'000));
        QVERIFY(eventually([&] { return m_lab->print(QStringLiteral("observations")).size() == std::size_t{1}; }));
        QCOMPARE(m_lab->print(QStringLiteral("findings")).size(), std::size_t{1});
    }

    void aDamagedDatabaseBlindsNobody_data()
    {
        QTest::addColumn<bool>("atStart");
        QTest::newRow("found at the start") << true;
        QTest::newRow("damaged while it serves, then started again") << false;
    }
    void aDamagedDatabaseBlindsNobody()
    {
        QFETCH(bool, atStart);
        if (atStart)
            QCOMPARE(m_lab->stopHome(), 0);
        QFile file{m_lab->database()};
        QVERIFY(file.open(QIODevice::ReadWrite));
        file.write(QByteArray(16'384, 'g'));
        file.close();
        if (!atStart) {
            const Token now = seal("UdpDatagram", false, 9);
            QCOMPARE(askUdp(HomeLab::kHome4, 9, now, 1'000), bytes(m_lab->key().reply(now)));
            QCOMPARE(m_lab->events(kNew, 1).size(), std::size_t{1});
            m_lab->stopHome();
        }
        m_lab->startHome();
        QVERIFY(m_lab->waitServing());
        const Token token = seal("TcpConnection", false, 443);
        QCOMPARE(askTcp(HomeLab::kHome4, 443, token), bytes(m_lab->key().reply(token)));
        QCOMPARE(m_lab->events(kNew, 1).size(), std::size_t{1});
        QVERIFY(m_lab->diagnostics().contains("corrupt") || m_lab->diagnostics().contains("damaged") || !atStart);
    }

    void itsRulesAreMadeAnewWhenTheirOwnerDies()
    {
        QFile children{QStringLiteral("/proc/%1/task/%1/children").arg(m_lab->pid())};
        QVERIFY(children.open(QIODevice::ReadOnly));
        const int nft = children.readAll().split(' ').front().toInt();
        QVERIFY(nft > 1);
        ::kill(nft, SIGKILL);
        QVERIFY2(
            eventually([&] { return m_lab->diagnostics().contains("nft ended"); }), m_lab->diagnostics().constData());
        Token token{};
        const auto works = [&] {
            token = seal("TcpConnection", false, 443);
            return askTcp(HomeLab::kHome4, 443, token, 300) == bytes(m_lab->key().reply(token));
        };
        QVERIFY(eventually(works));
    }

    void itFollowsAnInterfaceThatIsMadeAnew()
    {
        QVERIFY(ip(QStringLiteral("link del seg0")));
        QThread::msleep(1'500);
        QVERIFY(m_lab->running());
        QVERIFY(m_lab->link());
        Token token{};
        const auto works = [&] {
            token = seal("TcpConnection", true, 443);
            return askTcp(HomeLab::kHome6, 443, token, 300) == bytes(m_lab->key().reply(token));
        };
        QVERIFY(eventually(works));
    }

    void itWaitsForItsInterface()
    {
        QCOMPARE(m_lab->stopHome(), 0);
        QVERIFY(ip(QStringLiteral("link del seg0")));
        m_lab->startHome();
        QTRY_VERIFY(m_lab->diagnostics().contains("waiting"));
        QVERIFY(m_lab->link());
        QVERIFY(m_lab->waitServing());
        const Token token = seal("TcpConnection", false, 443);
        QCOMPARE(askTcp(HomeLab::kHome4, 443, token), bytes(m_lab->key().reply(token)));
    }

    void aReaderThatNeverReadsHoldsNobodyUp()
    {
        QCOMPARE(m_lab->stopHome(), 0);
        const QString fifo = m_lab->folder() + QStringLiteral("/fifo");
        QCOMPARE(::mkfifo(QFile::encodeName(fifo).constData(), 0600), 0);
        const UniqueFd reader{::open(QFile::encodeName(fifo).constData(), O_RDWR | O_CLOEXEC)};
        m_lab->startHome(fifo);
        QVERIFY(m_lab->waitServing());
        for (std::uint16_t path = 0; path < 400; ++path) { // 250 kB of alerts into a pipe of 64
            const Token token = seal("UdpDatagram", false, 9, path);
            QCOMPARE(askUdp(HomeLab::kHome4, 9, token, 2'000), bytes(m_lab->key().reply(token)));
        }
        QTRY_COMPARE(m_lab->print(QStringLiteral("findings")).size(), std::size_t{400});
        QCOMPARE(m_lab->stopHome(), 0);
    }

    void itFollowsItsAddresses()
    {
        m_lab->inside({QStringLiteral("ip"), QStringLiteral("addr"), QStringLiteral("add"),
            QStringLiteral("10.77.0.3/24"), QStringLiteral("dev"), QStringLiteral("eth0")});
        Token token{};
        const auto works = [&] {
            token = seal("TcpConnection", false, 443);
            return askTcp(*IpAddress::parse("10.77.0.3"), 443, token, 300) == bytes(m_lab->key().reply(token));
        };
        QVERIFY(eventually(works));
    }

    void itEndsInOrder()
    {
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(m_lab->stopHome(), 0);
        QVERIFY(timer.elapsed() < 5'000);
        QVERIFY(!m_lab->inside({QStringLiteral("nft"), QStringLiteral("list"), QStringLiteral("tables")})
                     .contains("beacon"));
    }

    void aRealResolverFindsTheZone()
    {
        const QString unbound = QStandardPaths::findExecutable(
            QStringLiteral("unbound"), {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/bin")});
        if (unbound.isEmpty())
            QSKIP("unbound is missing");
        QFile config{m_lab->folder() + QStringLiteral("/unbound.conf")};
        QVERIFY(config.open(QIODevice::WriteOnly));
        config.write("server:\n directory: \"\"\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n use-syslog: no\n"
                     " interface: 127.0.0.1\n port: 5300\n do-daemonize: no\n module-config: \"iterator\"\n"
                     " qname-minimisation: yes\n use-caps-for-id: yes\n access-control: 127.0.0.0/8 allow\n"
                     " do-not-query-localhost: no\nstub-zone:\n name: \"leak.example\"\n stub-addr: "
                     "10.77.0.2\nremote-control:\n control-enable: no\n");
        config.close();
        ip(QStringLiteral("link set lo up"));
        QProcess resolver;
        resolver.start(unbound, {QStringLiteral("-d"), QStringLiteral("-p"), QStringLiteral("-c"), config.fileName()});
        QVERIFY(resolver.waitForStarted());
        const IpAddress loopback = *IpAddress::parse("127.0.0.1");
        Token token{};
        std::optional<DnsView> answer;
        const auto asked = [&] {
            token = seal("DnsQuery", false, 53);
            answer = parseDns(askUdp(loopback, 5'300, query(token), 2'000));
            return answer && !answer->textAnswers.empty();
        };
        QVERIFY(eventually(asked));
        QCOMPARE(QByteArray::fromStdString(answer->textAnswers.front()),
            QByteArray::fromStdString(toBase32(m_lab->key().reply(token))));
        const auto again =
            parseDns(askUdp(loopback, 5'300, query(token), 2'000)); // nothing is cached: Home is asked again
        QVERIFY(again && again->rcode == dns_rcode::kNoError);
        const auto other = parseDns(
            askUdp(loopback, 5'300, buildDnsQuery(7, toBase32(token) + ".leak.example", dns_type::kAaaa), 2'000));
        QVERIFY(other && other->rcode == dns_rcode::kNoError && other->textAnswers.empty());
        QCOMPARE(m_lab->events(kNew, 1).size(), std::size_t{1});
        resolver.terminate();
        resolver.waitForFinished(3'000);
    }

private:
    Token seal(const char* technique, bool ipv6, std::uint16_t port, std::uint16_t path = 0x9f3c)
    {
        return m_lab->key().seal({.flags = ipv6 ? token_flag::kIpv6 : std::uint8_t{0},
            .keyId = m_lab->identity().keyId,
            .run = 1,
            .counter = ++m_counter,
            .technique = numberOf(technique),
            .protocol = 6,
            .port = port,
            .path = path});
    }
    static ByteBuffer query(const Token& token)
    {
        return buildDnsQuery(0x0105, toBase32(token) + ".leak.example", dns_type::kTxt);
    }
    static ByteBuffer tokenOf(const ByteBuffer& message)
    {
        const auto view = parseDns(message);
        return view && !view->textAnswers.empty() ? fromBase32(view->textAnswers.front()).value_or(ByteBuffer{})
                                                  : ByteBuffer{};
    }
    static ByteBuffer ask(
        const QByteArray& technique, const IpAddress& to, std::uint16_t port, bool overTcp, const Token& token)
    {
        if (technique == "TcpConnection")
            return askTcp(to, port, token);
        if (technique == "UdpDatagram")
            return askUdp(to, port, token);
        if (technique == "IcmpEcho")
            return askEcho(to, token);
        const ByteBuffer message = query(token);
        if (!overTcp)
            return tokenOf(askUdp(to, port, message));
        ByteBuffer framed{static_cast<Byte>(message.size() >> 8), static_cast<Byte>(message.size())};
        framed.insert(framed.end(), message.begin(), message.end());
        const ByteBuffer answer = askTcp(to, port, framed);
        return answer.size() > 2 ? tokenOf({answer.begin() + 2, answer.end()}) : ByteBuffer{};
    }
    qint64 residentKb() const
    {
        QFile status{QStringLiteral("/proc/%1/status").arg(m_lab->pid())};
        if (!status.open(QIODevice::ReadOnly))
            return -1;
        for (const QByteArray& line : status.readAll().split('\n')) {
            if (line.startsWith("VmRSS:"))
                return line.mid(6).trimmed().split(' ').front().toLongLong();
        }
        return -1;
    }

    std::unique_ptr<HomeLab> m_lab;
    std::uint32_t m_counter = 0;
};

BEACON_NETNS_MAIN(TestHome)
#include "tst_home.moc"
