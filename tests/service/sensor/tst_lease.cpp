#include "service/sensor/lease.h"

#include <QProcess>
#include <QTest>

using namespace beacon;
using Kind = LeaseEvent::Kind;

namespace {

/// `variables` as they are after the event, with blanks for "|", which stands for the tabulator.
std::string line(std::string variables, const char* event = "bound")
{
    std::string text = std::string{"sensor-lease|1|"} + event + (variables.empty() ? "" : "|") + variables;
    std::replace(text.begin(), text.end(), '|', '\t');
    return text;
}

std::string joined(const std::vector<IpAddress>& addresses)
{
    std::string text;
    for (const IpAddress& address : addresses)
        text += (text.empty() ? "" : " ") + address.text();
    return text;
}

const std::string kAddress = "ip=198.51.100.7|subnet=255.255.255.0";

} // namespace

class TestLease : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aWholeLeaseIsRead()
    {
        const auto event = leaseEventFrom(line("ip=198.51.100.7|subnet=255.255.254.0|router=198.51.100.1 198.51.100.2"
                                               "|dns=192.0.2.53|lease=600|serverid=198.51.100.1"));
        QVERIFY(event);
        QCOMPARE(event->kind, Kind::Bound);
        QCOMPARE(event->lease.address.text(), std::string{"198.51.100.7"});
        QCOMPARE(event->lease.prefixLength, 23);
        QCOMPARE(joined(event->lease.gateways), std::string{"198.51.100.1 198.51.100.2"});
        QCOMPARE(joined(event->lease.resolvers), std::string{"192.0.2.53"});
        QCOMPARE(event->lease.seconds, std::chrono::seconds{600});
        QCOMPARE(event->lease.server.text(), std::string{"198.51.100.1"});
    }
    void events_data()
    {
        QTest::addColumn<QByteArray>("word");
        QTest::addColumn<int>("kind");
        QTest::newRow("the client begins") << QByteArray{"deconfig"} << int(Kind::Deconfig);
        QTest::newRow("nobody answered") << QByteArray{"leasefail"} << int(Kind::LeaseFail);
        QTest::newRow("the server takes it back") << QByteArray{"nak"} << int(Kind::Nak);
    }
    void events()
    {
        QFETCH(QByteArray, word);
        const auto event = leaseEventFrom(line({}, word.constData()));
        QVERIFY(event);
        QTEST(int(event->kind), "kind");
        QVERIFY(leaseEventFrom(line("ip=rubbish", word.constData()))); // nothing of it is used
    }

    void hostile_data()
    {
        QTest::addColumn<QByteArray>("text");
        const auto row = [](const char* name, const std::string& text) {
            QTest::newRow(name) << QByteArray::fromStdString(text);
        };
        row("nothing", "");
        row("a word of somebody else", "udhcpc: lease of 198.51.100.7 obtained");
        row("another version", "sensor-lease\t2\tbound\tip=198.51.100.7\tsubnet=255.255.255.0");
        row("an unknown event", line(kAddress, "bounds"));
        row("no event", "sensor-lease\t1\t");
        row("an unknown variable", line(kAddress + "|domain=$(reboot)"));
        row("a variable without a value", line(kAddress + "|router"));
        row("an address twice", line(kAddress + "|ip=198.51.100.8"));
        row("no address", line("subnet=255.255.255.0"));
        row("an IPv6 address", line("ip=2001:db8::7|subnet=255.255.255.0"));
        row("an address of five parts", line("ip=198.51.100.7.1|subnet=255.255.255.0"));
        row("an address with a blank", line("ip=198.51.100.7 |subnet=255.255.255.0"));
        row("an octal address", line("ip=0306.51.100.7|subnet=255.255.255.0"));
        row("0.0.0.0", line("ip=0.0.0.0|subnet=255.255.255.0"));
        row("loopback", line("ip=127.0.0.1|subnet=255.0.0.0"));
        row("a group", line("ip=224.0.0.7|subnet=255.255.255.0"));
        row("everybody", line("ip=255.255.255.255|subnet=255.255.255.0"));
        row("an address that hosts give themselves", line("ip=169.254.3.4|subnet=255.255.0.0"));
        row("the network itself", line("ip=198.51.100.0|subnet=255.255.255.0"));
        row("the broadcast address", line("ip=198.51.100.255|subnet=255.255.255.0"));
        row("no netmask", line("ip=198.51.100.7"));
        row("a netmask with a hole", line("ip=198.51.100.7|subnet=255.0.255.0"));
        row("a netmask of everything", line("ip=198.51.100.7|subnet=0.0.0.0"));
        row("a netmask upside down", line("ip=198.51.100.7|subnet=0.0.0.255"));
        row("a length for a netmask", line("ip=198.51.100.7|subnet=24"));
        row("a gateway of letters", line(kAddress + "|router=198.51.100.1 $(reboot)"));
        row("a resolver with a newline made a mark", line(kAddress + "|dns=192.0.2.53?nameserver"));
        row("a lease time of letters", line(kAddress + "|lease=soon"));
        row("a negative lease time", line(kAddress + "|lease=-1"));
        row("a lease time beyond numbers", line(kAddress + "|lease=99999999999999999999"));
        row("a lease time and more", line(kAddress + "|lease=600;reboot"));
        row("a route without a gateway", line(kAddress + "|staticroutes=0.0.0.0/0"));
        row("a route of 33 bits", line(kAddress + "|staticroutes=10.0.0.0/33 198.51.100.1"));
        row("a route without a length", line(kAddress + "|staticroutes=10.0.0.0 198.51.100.1"));
        row("a line beyond all bounds", line(kAddress + "|router=" + std::string(8'000, '1')));
    }
    void hostile()
    {
        QFETCH(QByteArray, text);
        const auto event = leaseEventFrom({text.constData(), std::size_t(text.size())});
        QVERIFY(!event);
        QCOMPARE(event.error().code, Errc::BadInput);
        QVERIFY(!event.error().context.empty());
        QVERIFY(event.error().context.find('$') == std::string::npos); // nothing of it is repeated
    }

    void values_data()
    {
        QTest::addColumn<QByteArray>("variables");
        QTest::addColumn<QByteArray>("gateways");
        QTest::addColumn<QByteArray>("resolvers");
        QTest::addColumn<qint64>("seconds");
        const auto row = [](const char* name, const char* variables, const char* gateways, const char* resolvers,
                             qint64 seconds) {
            QTest::newRow(name) << QByteArray{variables} << QByteArray{gateways} << QByteArray{resolvers} << seconds;
        };
        row("nothing said: an hour, as the client takes it", "", "", "", 3'600);
        row("a second is too short to live by", "lease=1", "", "", 10);
        row("for ever is 24 days", "lease=4294967295", "", "", 2'147'483);
        row("0.0.0.0 is no gateway and no resolver", "router=0.0.0.0|dns=0.0.0.0 192.0.2.53", "", "192.0.2.53", 3'600);
        row("nobody is his own gateway", "router=198.51.100.7 198.51.100.1", "198.51.100.1", "", 3'600);
        row("each is named once", "dns=192.0.2.53 192.0.2.53  192.0.2.54", "", "192.0.2.53 192.0.2.54", 3'600);
        row("loopback and groups reach nobody", "router=224.0.0.1|dns=127.0.0.1", "", "", 3'600);
        row("a gateway may lie elsewhere", "router=203.0.113.1", "203.0.113.1", "", 3'600);
        row("of many the first eight",
            "router=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9",
            "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8", "", 3'600);
        row("a default route stands for the gateways",
            "router=198.51.100.1|staticroutes=10.0.0.0/8 198.51.100.9 0.0.0.0/0 198.51.100.2", "198.51.100.2", "",
            3'600);
        row("where there are routes and none is the default, there is no gateway",
            "router=198.51.100.1|staticroutes=10.0.0.0/8 198.51.100.9", "", "", 3'600);
    }
    void values()
    {
        QFETCH(QByteArray, variables);
        QFETCH(QByteArray, gateways);
        QFETCH(QByteArray, resolvers);
        QFETCH(qint64, seconds);
        const auto event =
            leaseEventFrom(line(kAddress + (variables.isEmpty() ? "" : "|") + variables.toStdString(), "renew"));
        QVERIFY(event);
        QCOMPARE(QByteArray::fromStdString(joined(event->lease.gateways)), gateways);
        QCOMPARE(QByteArray::fromStdString(joined(event->lease.resolvers)), resolvers);
        QCOMPARE(qint64{event->lease.seconds.count()}, seconds);
    }
    void aPrefixOf31BitsHasTwoHosts()
    {
        QVERIFY(leaseEventFrom(line("ip=198.51.100.0|subnet=255.255.255.254")));
        const auto alone = leaseEventFrom(line("ip=198.51.100.0|subnet=255.255.255.255|router=192.0.2.1"));
        QVERIFY(alone);
        QCOMPARE(alone->lease.prefixLength, 32);
    }

    /// What the program prints is what is read here, whatever stands in its environment.
    void theProgramPassesNumbersOn()
    {
        QProcess program;
        QProcessEnvironment environment;
        const auto set = [&](const char* name, const QByteArray& value) {
            environment.insert(QString::fromLatin1(name), QString::fromLatin1(value));
        };
        set("ip", "198.51.100.7");
        set("subnet", "255.255.255.0");
        set("router", "198.51.100.1");
        QByteArray many;
        for (int i = 0; i < 200; ++i)
            many += (many.isEmpty() ? "10.0.0." : " 10.0.0.") + QByteArray::number(i);
        set("dns", many);
        set("domain", "x\n sensor-lease\t1\tbound; $(reboot)");
        set("ipx", "1.2.3.4");
        set("lease", "600");
        set("serverid", "198.51.100.1");
        program.setProcessEnvironment(environment);
        program.start(QStringLiteral(BEACON_BIN_DIR "/sensor-lease"), {QStringLiteral("bound")});
        QVERIFY(program.waitForFinished());
        QCOMPARE(program.exitCode(), 0);
        const QByteArray output = program.readAllStandardOutput();
        QVERIFY(output.size() <= 4'096);
        QCOMPARE(output.count('\n'), 1);
        QVERIFY(!output.contains("reboot"));
        const auto event = leaseEventFrom({output.constData(), std::size_t(output.size() - 1)});
        QVERIFY2(event, event ? "" : describe(event.error()).c_str());
        QCOMPARE(event->lease.resolvers.size(), Lease::kMostResolvers);
        QCOMPARE(event->lease.seconds, std::chrono::seconds{600});
    }
    void theProgramMakesHostileTextHarmless()
    {
        QProcess program;
        QProcessEnvironment environment;
        environment.insert(
            QStringLiteral("ip"), QStringLiteral("198.51.100.7\nsensor-lease\t1\tbound\tip=198.51.100.8"));
        environment.insert(QStringLiteral("dns"), QString(100'000, QLatin1Char('7')));
        program.setProcessEnvironment(environment);
        program.start(QStringLiteral(BEACON_BIN_DIR "/sensor-lease"), {QStringLiteral("bound\nbound")});
        QVERIFY(program.waitForFinished());
        const QByteArray output = program.readAllStandardOutput();
        QCOMPARE(output.count('\n'), 1);
        QCOMPARE(output.count('\t'), 4); // of which none is the address's
        QVERIFY(output.size() < 200);
        QVERIFY(!leaseEventFrom({output.constData(), std::size_t(output.size() - 1)}));
    }
};

QTEST_GUILESS_MAIN(TestLease)
#include "tst_lease.moc"
