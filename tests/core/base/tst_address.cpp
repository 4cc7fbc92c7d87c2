#include "core/base/address.h"

#include <QTest>

using namespace beacon;

class TestAddress : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void parses_data();
    void parses();
    void refuses_data();
    void refuses();
    void knowsLinkLocal_data();
    void knowsLinkLocal();
    void comparesFamilyFirst();
    void readsAndWritesMacs();
    void refusesMacs_data();
    void refusesMacs();
};

void TestAddress::parses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("shown");
    QTest::addColumn<QByteArray>("family");
    QTest::addColumn<qsizetype>("bytes");
    QTest::newRow("an IPv4 address") << QByteArray{"192.0.2.10"} << QByteArray{"192.0.2.10"} << QByteArray{"ipv4"}
                                     << qsizetype{4};
    QTest::newRow("an IPv6 address is shown in its short form")
        << QByteArray{"2001:DB8:0:0:0:0:0:10"} << QByteArray{"2001:db8::10"} << QByteArray{"ipv6"} << qsizetype{16};
    QTest::newRow("an IPv4-mapped address stays IPv6")
        << QByteArray{"::ffff:192.0.2.1"} << QByteArray{"::ffff:192.0.2.1"} << QByteArray{"ipv6"} << qsizetype{16};
}

void TestAddress::parses()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, shown);
    QFETCH(QByteArray, family);
    QFETCH(qsizetype, bytes);
    const auto address = IpAddress::parse(text.toStdString());
    QVERIFY(address);
    QCOMPARE(QByteArray::fromStdString(address->text()), shown);
    QCOMPARE(QByteArray::fromStdString(std::string{familyName(address->family())}), family);
    QCOMPARE(static_cast<qsizetype>(address->bytes().size()), bytes);
    QVERIFY(IpAddress{address->bytes()} == *address);
    QVERIFY(IpAddressHash{}(IpAddress{address->bytes()}) == IpAddressHash{}(*address));
}

void TestAddress::refuses_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray{};
    QTest::newRow("a name") << QByteArray{"localhost"};
    QTest::newRow("a zone") << QByteArray{"fe80::1%eth0"};
    QTest::newRow("three numbers") << QByteArray{"192.0.2"};
    QTest::newRow("an octet over 255") << QByteArray{"192.0.2.256"};
    QTest::newRow("a prefix length") << QByteArray{"192.0.2.0/24"};
    QTest::newRow("a leading space") << QByteArray{" 192.0.2.1"};
    QTest::newRow("ten thousand colons") << QByteArray(10'000, ':');
}

void TestAddress::refuses()
{
    QFETCH(QByteArray, text);
    QVERIFY(!IpAddress::parse(text.toStdString()));
}

void TestAddress::knowsLinkLocal_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("linkLocal");
    QTest::newRow("169.254 is") << QByteArray{"169.254.7.9"} << true;
    QTest::newRow("169.253 is not") << QByteArray{"169.253.7.9"} << false;
    QTest::newRow("fe80 is") << QByteArray{"fe80::1"} << true;
    QTest::newRow("the last of fe80::/10 is") << QByteArray{"febf::1"} << true;
    QTest::newRow("fec0 is not") << QByteArray{"fec0::1"} << false;
    QTest::newRow("documentation addresses are not") << QByteArray{"2001:db8::1"} << false;
}

void TestAddress::knowsLinkLocal()
{
    QFETCH(QByteArray, text);
    QFETCH(bool, linkLocal);
    QCOMPARE(IpAddress::parse(text.toStdString())->isLinkLocal(), linkLocal);
}

void TestAddress::comparesFamilyFirst()
{
    QVERIFY(*IpAddress::parse("255.255.255.255") < *IpAddress::parse("::"));
    QVERIFY(*IpAddress::parse("192.0.2.1") < *IpAddress::parse("192.0.2.2"));
    QVERIFY(IpAddress::parse("0.0.0.0")->isAny());
    QVERIFY(IpAddress::parse("::")->isAny());
    QVERIFY(!IpAddress::parse("::1")->isAny());
    QVERIFY(!IpAddress::parse("0.0.0.1")->isAny());
}

void TestAddress::readsAndWritesMacs()
{
    const auto mac = MacAddress::parse("02:00:5E:10:00:01");
    QVERIFY(mac);
    QCOMPARE(mac->text(), std::string{"02:00:5e:10:00:01"});
    QVERIFY(!mac->isGroup());
    QVERIFY(MacAddress::parse("ff:ff:ff:ff:ff:ff")->isGroup());
    QVERIFY(MacAddress::parse("01:00:5e:00:00:01")->isGroup());
}

void TestAddress::refusesMacs_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray{};
    QTest::newRow("five bytes") << QByteArray{"02:00:5e:10:00"};
    QTest::newRow("dashes") << QByteArray{"02-00-5e-10-00-01"};
    QTest::newRow("a letter that is no digit") << QByteArray{"02:00:5e:10:00:0g"};
    QTest::newRow("one byte too many") << QByteArray{"02:00:5e:10:00:01:"};
}

void TestAddress::refusesMacs()
{
    QFETCH(QByteArray, text);
    QVERIFY(!MacAddress::parse(text.toStdString()));
}

QTEST_GUILESS_MAIN(TestAddress)
#include "tst_address.moc"
