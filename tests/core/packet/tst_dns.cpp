#include "core/packet/dns.h"

#include <QTest>
#include <random>

using namespace beacon;

class TestDns final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void queryComesBack();
    void answerCarriesText();
    void answerWithoutTextCarriesSoa();
    void strangeBytesInNamesComeBack();
    void refusesInvalidNames_data();
    void refusesInvalidNames();
    void pointersCannotLoop();
    void labelsBelowTheZone_data();
    void labelsBelowTheZone();
    void everyTruncationIsSafe();
};

void TestDns::queryComesBack()
{
    const ByteBuffer query = buildDnsQuery(0xabcd, "A.Leak.example", dns_type::kTxt, true, 1'232);
    const auto view = parseDns(query);
    QVERIFY(view);
    QCOMPARE(view->id, 0xabcd);
    QVERIFY(!view->response && view->recursionDesired);
    QCOMPARE(view->question.name, std::string{"A.Leak.example"});
    QCOMPARE(view->question.type, dns_type::kTxt);
    QCOMPARE(view->udpSize.value_or(0), 1'232);
    QVERIFY(!parseDns(buildDnsQuery(1, "a", 1, false))->udpSize);
}

void TestDns::answerCarriesText()
{
    const auto query = parseDns(buildDnsQuery(7, "x.leak.example", dns_type::kTxt, true, 4'096));
    const ByteBuffer answer = buildDnsAnswer(*query, dns_rcode::kNoError, "hello", "leak.example");
    const auto view = parseDns(answer);
    QVERIFY(view && view->response && view->authoritative);
    QCOMPARE(view->id, 7);
    QCOMPARE(view->textAnswers, std::vector<std::string>{"hello"});
    QVERIFY(view->udpSize);
    const ByteView ttl = ByteView{answer}.subspan(12 + 16 + 4 + 2 + 4, 4);
    QVERIFY(std::ranges::all_of(ttl, [](Byte byte) { return byte == 0; }));
}

void TestDns::answerWithoutTextCarriesSoa()
{
    const auto query = parseDns(buildDnsQuery(7, "x.leak.example", dns_type::kA));
    const auto view = parseDns(buildDnsAnswer(*query, dns_rcode::kNxDomain, std::nullopt, "leak.example"));
    QVERIFY(view && view->authoritative && view->textAnswers.empty());
    QCOMPARE(view->rcode, dns_rcode::kNxDomain);
    const auto refused = parseDns(buildDnsAnswer(*query, dns_rcode::kRefused, std::nullopt, ""));
    QVERIFY(refused && !refused->authoritative);
}

void TestDns::strangeBytesInNamesComeBack()
{
    const std::string name = "a\\000b\\046c.\\255.x_-1";
    const auto view = parseDns(buildDnsQuery(1, name, 1));
    QVERIFY(view);
    QCOMPARE(view->question.name, name);
}

void TestDns::refusesInvalidNames_data()
{
    QTest::addColumn<QByteArray>("name");
    QTest::newRow("an empty label") << QByteArray{"a..b"};
    QTest::newRow("a label of 64 bytes") << QByteArray(64, 'a') + ".b";
    QTest::newRow("a leading dot") << QByteArray{".a"};
    QTest::newRow("a trailing dot") << QByteArray{"a."};
    QTest::newRow("over 255 bytes") << (QByteArray(63, 'a') + '.').repeated(4) + "b";
    QTest::newRow("an escape that is cut") << QByteArray{"a\\12"};
    QTest::newRow("an escape over 255") << QByteArray{"a\\256"};
}

void TestDns::refusesInvalidNames()
{
    QFETCH(const QByteArray, name);
    QVERIFY(buildDnsQuery(1, name.toStdString(), 1).empty());
}

void TestDns::pointersCannotLoop()
{
    const ByteBuffer header{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    for (const ByteBuffer& name :
        {ByteBuffer{0xc0, 12}, ByteBuffer{1, 'a', 0xc0, 12}, ByteBuffer{0xc0, 200}, ByteBuffer{0x80, 0}}) {
        ByteBuffer message = header;
        message.insert(message.end(), name.begin(), name.end());
        message.insert(message.end(), {0, 1, 0, 1});
        QVERIFY(!parseDns(message));
    }
}

void TestDns::labelsBelowTheZone_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("zone");
    QTest::addColumn<QString>("below"); // null: not in the zone
    QTest::newRow("one label below") << "tok.leak.example"
                                     << "leak.example"
                                     << "tok";
    QTest::newRow("two labels below") << "a.b.leak.example"
                                      << "leak.example"
                                      << "a.b";
    QTest::newRow("case does not matter") << "Tok.LeAk.ExAmPlE"
                                          << "leak.example"
                                          << "Tok";
    QTest::newRow("the apex itself") << "leak.example"
                                     << "leak.example"
                                     << "";
    QTest::newRow("a longer label is another name") << "xleak.example"
                                                    << "leak.example" << QString{};
    QTest::newRow("a parent is outside") << "example"
                                         << "leak.example" << QString{};
}

void TestDns::labelsBelowTheZone()
{
    QFETCH(const QString, name);
    QFETCH(const QString, zone);
    QFETCH(const QString, below);
    const std::string nameText = name.toStdString();
    const auto labels = beacon::labelsBelow(nameText, zone.toStdString());
    QCOMPARE(labels.has_value(), !below.isNull());
    if (labels)
        QCOMPARE(QString::fromStdString(std::string{*labels}), below);
}

void TestDns::everyTruncationIsSafe()
{
    const auto query = parseDns(buildDnsQuery(7, "x.leak.example", dns_type::kTxt, true, 512));
    const ByteBuffer answer = buildDnsAnswer(*query, 0, "hello", "leak.example");
    for (std::size_t size = 0; size < answer.size(); ++size)
        static_cast<void>(parseDns(ByteBuffer{answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size)}));
    std::mt19937 random{2};
    for (int round = 0; round < 20'000; ++round) {
        ByteBuffer mutated = answer;
        for (int flips = 0; flips < 4; ++flips)
            mutated[random() % mutated.size()] = static_cast<Byte>(random());
        static_cast<void>(parseDns(mutated));
    }
    QVERIFY(!parseDns(ByteView{answer}.first(20)));
}

QTEST_GUILESS_MAIN(TestDns)
#include "tst_dns.moc"
