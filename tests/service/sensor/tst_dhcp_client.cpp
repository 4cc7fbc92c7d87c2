#include "service/sensor/dhcp_client.h"

#include "service/sensor/addressing.h"
#include "tests/service/sensor/net_place.h"
#include "tests/service/sensor/scripted_dhcp_server.h"
#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"

#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTest>

#include <csignal>
#include <memory>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace beacon;
using beacon::test::NetPlace;
using beacon::test::RunningProgram;
using beacon::test::ScriptedDhcpServer;
using Texts = std::vector<std::string>;

namespace {

const QString kRoom = QStringLiteral(BEACON_BIN_DIR "/sensor-room");
const QString kNetworkPin = QStringLiteral("/run/net/beacon_0.net");
const QString kUserPin = QStringLiteral("/run/net/beacon_0.user");

bool isSuccess(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::ForwardedChannels);
    process.start(program, arguments);
    return process.waitForFinished() && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
}

} // namespace

/// The distribution's udhcpc in a real room, against Debian's dnsmasq, and against servers that lie.
class TestDhcpClient : public QObject {
    Q_OBJECT

    SystemClock m_clock;
    std::unique_ptr<NetPlace> m_segment;
    std::unique_ptr<DhcpClient> m_client;
    Texts m_log; ///< what the client said, in order

    [[nodiscard]] AddressFacts facts() const
    {
        const auto looked = lookAddresses(kNetworkPin.toStdString(), "eth0");
        return looked ? *looked : AddressFacts{};
    }
    [[nodiscard]] Texts addresses() const
    {
        Texts texts;
        for (const std::string& text : facts().addresses)
            if (!text.starts_with("fe80:"))
                texts.push_back(text);
        return texts;
    }
    [[nodiscard]] long count(const std::string& what) const
    {
        return std::count_if(
            m_log.begin(), m_log.end(), [&](const std::string& line) { return line.starts_with(what); });
    }
    [[nodiscard]] bool startDnsmasq(RunningProgram& dnsmasq, const char* first, const char* last) const
    {
        const QStringList command = m_segment->inside({QStringLiteral("/usr/sbin/dnsmasq"),
            QStringLiteral("--no-daemon"), QStringLiteral("--port=0"), QStringLiteral("--conf-file=/dev/null"),
            QStringLiteral("--no-ping"), QStringLiteral("--dhcp-authoritative"), QStringLiteral("--interface=peer0"),
            QStringLiteral("--pid-file="),
            QStringLiteral("--dhcp-range=%1,%2,2m").arg(QLatin1String(first), QLatin1String(last)),
            QStringLiteral("--dhcp-option=option:router,198.51.100.1"), QStringLiteral("--dhcp-option=6,192.0.2.53"),
            QStringLiteral("--dhcp-leasefile=") + dnsmasq.file(QStringLiteral("leases"))});
        dnsmasq.setArguments(command.mid(1));
        return dnsmasq.start();
    }
    void makeClient(const std::string& client = "/usr/sbin/udhcpc")
    {
        const DhcpClient::Place place{.client = client,
            .event = BEACON_BIN_DIR "/sensor-lease",
            .launcher = kRoom.toStdString(),
            .launcherOptions = {"run", "--user-namespace", kUserPin.toStdString(), "--network-namespace",
                kNetworkPin.toStdString(), "--bind", BEACON_BIN_DIR ":" BEACON_BIN_DIR}};
        m_client = std::make_unique<DhcpClient>("eth0", place, m_clock);
        connect(m_client.get(), &DhcpClient::leased, this, [this](const Lease& lease) {
            m_log.push_back("leased " + lease.address.text());
            QVERIFY(applyLease(kNetworkPin.toStdString(), "eth0", lease));
        });
        connect(m_client.get(), &DhcpClient::lost, this, [this](const QString& reason) {
            m_log.push_back("lost " + reason.toStdString());
            QVERIFY(dropLease(kNetworkPin.toStdString(), "eth0"));
        });
    }
    void stopClient()
    {
        if (!m_client)
            return;
        QSignalSpy stopped{m_client.get(), &DhcpClient::stopped};
        m_client->stop();
        QTRY_COMPARE(stopped.size(), 1);
    }

private Q_SLOTS:
    void init()
    {
        m_log.clear();
        m_segment = std::make_unique<NetPlace>();
        QVERIFY(isSuccess(kRoom,
            {QStringLiteral("make"), QStringLiteral("--network-namespace"), kNetworkPin,
                QStringLiteral("--user-namespace"), kUserPin, QStringLiteral("--id-base"),
                QStringLiteral("1200000000")}));
        QVERIFY(isSuccess(QStringLiteral("/usr/bin/nsenter"),
            (QStringLiteral("--net=") + kNetworkPin
                + QStringLiteral(" ip link add eth0 type veth peer name peer0 netns ") + m_segment->path())
                .split(QLatin1Char(' '))));
        QVERIFY(m_segment->run(QStringLiteral("ip link set peer0 up")));
        QVERIFY(m_segment->run(QStringLiteral("ip addr add 198.51.100.1/24 dev peer0")));
        QVERIFY(configureAddresses(kNetworkPin.toStdString(), "eth0", {Addressing::How::Dhcp, {}, {}, {}}));
        makeClient();
    }
    void cleanup()
    {
        stopClient();
        m_client.reset();
        m_segment.reset();
        QVERIFY(isSuccess(kRoom, {QStringLiteral("drop"), kNetworkPin, kUserPin}));
    }

    void aLeaseIsHadAtOnceAndShowsNowhereElse()
    {
        RunningProgram dnsmasq{QStringLiteral("/usr/bin/nsenter")};
        QVERIFY(startDnsmasq(dnsmasq, "198.51.100.50", "198.51.100.59"));
        QTRY_VERIFY(dnsmasq.log().contains("DHCP, IP range"));
        QElapsedTimer since;
        since.start();
        m_client->start();
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 5'000);
        QVERIFY2(since.elapsed() < 2'500, qPrintable(QString::number(since.elapsed())));
        QCOMPARE(addresses().size(), 1U);
        QVERIFY(addresses().front().starts_with("198.51.100.5"));
        QVERIFY(addresses().front().ends_with("/24"));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
        QCOMPARE(m_client->lease()->resolvers.size(), 1U);
        QCOMPARE(m_client->lease()->seconds, std::chrono::seconds{120});
        QVERIFY(m_client->problem().isEmpty());
        QVERIFY(!dnsmasq.log().contains("client provides name")); // nobody is told who we are

        QProcess host; // the namespace of this test stands for the host's
        host.start(QStringLiteral("ip"),
            {QStringLiteral("route"), QStringLiteral("show"), QStringLiteral("table"), QStringLiteral("all")});
        QVERIFY(host.waitForFinished());
        QCOMPARE(host.readAllStandardOutput(), QByteArray{});

        QFile status{QStringLiteral("/proc/%1/status").arg(m_client->pid())};
        QVERIFY(status.open(QIODevice::ReadOnly));
        QVERIFY(status.readAll().contains("Uid:\t1200000000\t")); // nor is it the host's root that parses packets

        stopClient();
        QCOMPARE(count("lost"), 1);
        QCOMPARE(addresses(), Texts{});
        QCOMPARE(facts().gateways, Texts{});
    }
    void aServerThatComesLateIsFoundSoon()
    {
        QSignalSpy problems{m_client.get(), &DhcpClient::problemChanged};
        m_client->start();
        QTRY_VERIFY_WITH_TIMEOUT(!m_client->problem().isEmpty(), 10'000);
        QVERIFY(m_client->problem().contains(QStringLiteral("eth0")));
        RunningProgram dnsmasq{QStringLiteral("/usr/bin/nsenter")};
        QElapsedTimer since;
        since.start();
        QVERIFY(startDnsmasq(dnsmasq, "198.51.100.50", "198.51.100.59"));
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 8'000);
        QVERIFY2(since.elapsed() < 4'500, qPrintable(QString::number(since.elapsed())));
        QVERIFY(m_client->problem().isEmpty());
    }
    void anotherNetworkGivesAnotherAddress()
    {
        RunningProgram dnsmasq{QStringLiteral("/usr/bin/nsenter")};
        QVERIFY(startDnsmasq(dnsmasq, "198.51.100.50", "198.51.100.59"));
        m_client->start();
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 8'000);
        QVERIFY(dnsmasq.end(SIGTERM, 5'000));
        QVERIFY(startDnsmasq(dnsmasq, "198.51.100.150", "198.51.100.159"));
        const Texts before = addresses();
        m_client->askAgain();
        QCOMPARE(addresses(), before); // until somebody answers
        QTRY_COMPARE_WITH_TIMEOUT(count("leased 198.51.100.15"), 1, 10'000);
        QCOMPARE(addresses().size(), 1U);
        QVERIFY(addresses().front().starts_with("198.51.100.15"));
        QCOMPARE(facts().gateways, (Texts{"198.51.100.1"}));
    }
    void aLeaseIsRenewedWithoutAGapAndOverWhenNobodyAnswers()
    {
        ScriptedDhcpServer server;
        server.seconds = 10; // far shorter than udhcpc would renew by itself
        server.options += ScriptedDhcpServer::option(3, QByteArray::fromHex("c6336401"));
        QVERIFY(server.open(m_segment->pin(), "peer0"));
        m_client->start();
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 5'000);
        for (QElapsedTimer since =
                 [] {
                     QElapsedTimer t;
                     t.start();
                     return t;
                 }();
             count("leased") < 2;) {
            QTest::qWait(20);
            QCOMPARE(addresses(), (Texts{"198.51.100.50/24"}));
            QVERIFY2(since.elapsed() < 8'000, qPrintable(QString::number(server.requests)));
        }
        QCOMPARE(count("lost"), 0);
        server.answers = false;
        QTRY_COMPARE_WITH_TIMEOUT(count("lost"), 1, 14'000);
        QCOMPARE(addresses(), Texts{});
        QCOMPARE(facts().gateways, Texts{});
        server.answers = true;
        server.address = QByteArray::fromHex("c6336433");
        QTRY_COMPARE_WITH_TIMEOUT(count("leased 198.51.100.51"), 1, 8'000);
        QCOMPARE(addresses(), (Texts{"198.51.100.51/24"}));
    }
    void aClientThatIsKilledTakesNothingAlong()
    {
        ScriptedDhcpServer server;
        QVERIFY(server.open(m_segment->pin(), "peer0"));
        m_client->start();
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 5'000);
        const auto before = m_client->pid();
        QCOMPARE(::kill(static_cast<pid_t>(before), SIGKILL), 0);
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 2, 8'000);
        QVERIFY(m_client->pid() != before);
        QCOMPARE(count("lost"), 0);
        QCOMPARE(server.requested, server.address); // the same one was asked for
    }

    void hostileServers_data()
    {
        using Server = ScriptedDhcpServer;
        QTest::addColumn<QByteArray>("options");
        QTest::addColumn<bool>("leased");
        const auto good = Server::netmask("ffffff00");
        QTest::newRow("a netmask with a hole") << Server::netmask("ff00ff00") << false;
        QTest::newRow("a netmask of everything") << Server::netmask("00000000") << false;
        QTest::newRow("no netmask") << QByteArray{} << false;
        QTest::newRow("gateways and resolvers by the dozen")
            << good + Server::option(3, QByteArray::fromHex("0a000001").repeated(20) + QByteArray::fromHex("0a000002"))
                + Server::option(6, QByteArray::fromHex("0a000002").repeated(40))
            << true;
        QTest::newRow("words for a shell")
            << good + Server::option(15, "x;reboot $(reboot) `reboot` | reboot") + Server::option(12, "$(reboot)")
            << true;
        QTest::newRow("lines for a parser")
            << good + Server::option(12, "x\nsensor-lease\t1\tbound\tip=192.0.2.66\tsubnet=255.255.255.0\n")
                + Server::option(15, "x\nip=192.0.2.66\n") + Server::option(67, "\nLD_PRELOAD=/tmp/x.so\n")
            << true;
        QTest::newRow("static routes to everywhere else") << good
                + Server::option(121,
                    QByteArray::fromHex("080a"
                                        "c6336409"
                                        "10c0a8"
                                        "c6336409")) << true;
    }
    void hostileServers()
    {
        QFETCH(QByteArray, options);
        QFETCH(bool, leased);
        ScriptedDhcpServer server;
        server.options = options;
        QVERIFY(server.open(m_segment->pin(), "peer0"));
        m_client->start();
        if (leased) {
            QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 5'000);
            QCOMPARE(addresses(), (Texts{"198.51.100.50/24"}));
            QProcess routes;
            routes.start(QStringLiteral("/usr/bin/nsenter"),
                {QStringLiteral("--net=") + kNetworkPin, QStringLiteral("ip"), QStringLiteral("route")});
            QVERIFY(routes.waitForFinished());
            const QByteArray shown = routes.readAllStandardOutput();
            QVERIFY2(!shown.contains("198.51.100.9"), shown.constData());
            return;
        }
        QTRY_VERIFY_WITH_TIMEOUT(!m_client->problem().isEmpty(), 5'000);
        QVERIFY2(m_client->problem().contains(QStringLiteral("netmask")), qPrintable(m_client->problem()));
        QCOMPARE(addresses(), Texts{});
        server.options = ScriptedDhcpServer::netmask("ffffff00"); // it comes to its senses
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 10'000);
        QVERIFY(m_client->problem().isEmpty());
    }
    void aServerThatRefusesWhatItOffers()
    {
        ScriptedDhcpServer server;
        server.refuses = true;
        QVERIFY(server.open(m_segment->pin(), "peer0"));
        m_client->start();
        QTRY_VERIFY_WITH_TIMEOUT(!m_client->problem().isEmpty(), 8'000);
        QCOMPARE(count("leased"), 0);
        const int discovers = server.discovers;
        QTest::qWait(1'500);
        QVERIFY(server.discovers - discovers <= 2); // nobody is flooded
        server.refuses = false;
        QTRY_COMPARE_WITH_TIMEOUT(count("leased"), 1, 8'000);
    }
    void aClientThatIsNotThereIsNamed()
    {
        makeClient("/usr/sbin/no-udhcpc");
        m_client->start();
        QTRY_COMPARE(m_client->life(), Life::Held);
        QVERIFY(m_client->problem().contains(QStringLiteral("/usr/sbin/no-udhcpc")));
        QVERIFY(m_client->problem().contains(QStringLiteral("package udhcpc")));
    }
};

int main(int argc, char** argv)
{
    QString why;
    if (!beacon::test::enterOwnNetwork(why) || ::unshare(CLONE_NEWNS) != 0
        || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
        || ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0 || ::mkdir("/run/net", 0755) != 0) {
        std::fprintf(stderr, "skipped: no namespaces of its own %s\n", qPrintable(why));
        return 77;
    }
    QCoreApplication application(argc, argv);
    TestDhcpClient test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_dhcp_client.moc"
