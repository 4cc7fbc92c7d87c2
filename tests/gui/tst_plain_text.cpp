#include "gui/models/plain_text.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace beacon;

class TestPlainText : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void factsAreLegible_data();
    void factsAreLegible();
    void factsAreBounded();
    void whatCameIsPrintable();
};

void TestPlainText::factsAreLegible_data()
{
    QTest::addColumn<QByteArray>("facts");
    QTest::addColumn<QStringList>("lines");
    const auto row = [](const char* name, const QByteArray& facts, const char* line) {
        QTest::newRow(name) << facts << QStringList{QString::fromUtf8(line)};
    };
    row("words stand alone", R"({"life":"running"})", "life: running");
    row("a key is words", R"({"lines_dropped":0})", "lines dropped: 0");
    row("yes and no", R"({"carrier":true})", "carrier: yes");
    row("a fraction", R"({"rate_pps":0.5})", "rate pps: 0.5");
    row("a run number keeps its digits", R"({"run":4123456789})", "run: 4123456789");
    row("an array is a list", R"~({"default_routes":["192.0.2.1","on the link (IPv6)"]})~",
        "default routes: 192.0.2.1, on the link (IPv6)");
    row("an empty array is none", R"({"resolvers":[]})", "resolvers: none");
    row("an empty word is none", R"({"containment":""})", "containment: none");
    row("null is unknown", R"({"vlan":null})", "vlan: unknown");
    row("an object is its members",
        R"({"interface":{"addresses":["192.0.2.7","fe80::1"],"carrier":true,"name":"eth1"}})",
        "interface: addresses 192.0.2.7, fe80::1; carrier yes; name eth1");
    row("objects in an array are told apart", R"({"ports":[{"a":1},{"a":2}]})", "ports: (a 1), (a 2)");
    row("deep down it is JSON", R"({"x":{"y":{"z":[1]}}})", "x: y z [1]");
    row("a neighbour's words bring no line break", R"({"switch":"sw\n1\u001b[31m"})", "switch: sw 1 [31m");
}

void TestPlainText::factsAreLegible()
{
    QFETCH(QByteArray, facts);
    QTEST(factLines(QJsonDocument::fromJson(facts).object()), "lines");
}

void TestPlainText::factsAreBounded()
{
    QJsonObject many;
    QJsonArray items;
    for (int i = 0; i < 1'000; ++i) {
        many.insert(QStringLiteral("k%1").arg(i), i);
        items.append(i);
    }
    const QStringList lines = factLines(many);
    QCOMPARE(lines.size(), 201);
    QCOMPARE(lines.last(), QStringLiteral("and 800 more"));
    const QString line = factLines({{QStringLiteral("a"), items}}).first();
    QVERIFY2(line.endsWith(QStringLiteral("30, 31, and 968 more")), qPrintable(line));
    QVERIFY(factLines({{QStringLiteral("a"), QString(100'000, QLatin1Char('x'))}}).first().size() < 310);
}

void TestPlainText::whatCameIsPrintable()
{
    QCOMPARE(printable(QStringLiteral("a\tb\x1b c\u202e")), QStringLiteral("a b c"));
    QCOMPARE(printable(QStringLiteral("abcdef"), 3), QStringLiteral("abc…"));
    QCOMPARE(printable(QString::fromUtf8("Werk 7 – größer 🙂")), QString::fromUtf8("Werk 7 – größer 🙂"));
    QCOMPARE(sentence(QStringLiteral("So it is")), QStringLiteral("So it is."));
    QCOMPARE(sentence(QStringLiteral("So it is.")), QStringLiteral("So it is."));
    QCOMPARE(sentence(QStringLiteral("Is it so?")), QStringLiteral("Is it so?"));
}

QTEST_GUILESS_MAIN(TestPlainText)
#include "tst_plain_text.moc"
