#include "core/base/resolvers.h"

#include <QTest>

using namespace beacon;

class TestResolvers final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void reads_data();
    void reads();
};

void TestResolvers::reads_data()
{
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QStringList>("expected");
    const auto row = [](const char* name, QByteArray file, QStringList expected) {
        QTest::newRow(name) << file << expected;
    };
    const QString v4 = QStringLiteral("192.0.2.53");
    const QString v6 = QStringLiteral("2001:db8::53");
    row("both families", "# by hand\nsearch example\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 \n", {v4, v6});
    row("the last line lacks its newline", "nameserver 192.0.2.53", {v4});
    row("CRLF", "nameserver 192.0.2.53\r\n", {v4});
    row("each once", "nameserver 192.0.2.53\nnameserver 192.0.2.53\n", {v4});
    row("a stub on this host is none of the segment's", "nameserver 127.0.0.53\nnameserver ::1\n", {});
    row("a scope is cut off", "nameserver fe80::1%eth0\n", {QStringLiteral("fe80::1")});
    row("other words and names are no addresses",
        "nameservers 192.0.2.1\nnameserver\nnameserver dns.example\n; nameserver 192.0.2.1\n", {});
    row("nothing", "", {});
    row(
        "at most eight",
        [] {
            QByteArray lines;
            for (int i = 1; i < 100; ++i)
                lines += "nameserver 192.0.2." + QByteArray::number(i) + '\n';
            return lines;
        }(),
        [] {
            QStringList eight;
            for (int i = 1; i <= 8; ++i)
                eight << QStringLiteral("192.0.2.%1").arg(i);
            return eight;
        }());
}

void TestResolvers::reads()
{
    QFETCH(const QByteArray, file);
    QFETCH(const QStringList, expected);
    QStringList texts;
    for (const IpAddress& address : parseResolvers(file.toStdString()))
        texts << QString::fromStdString(address.text());
    QCOMPARE(texts, expected);
}

QTEST_GUILESS_MAIN(TestResolvers)
#include "tst_resolvers.moc"
