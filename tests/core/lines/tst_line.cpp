#include "core/lines/line.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace beacon;
using namespace std::string_view_literals;

namespace {

const AttemptTarget kTarget{.n = 42,
    .technique = "TcpConnection",
    .family = Family::Ipv4,
    .dst = "192.0.2.10",
    .proto = 6,
    .port = 443,
    .via = "02:00:5e:10:00:01"};

} // namespace

class TestLine final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void writesTheContract_data();
    void writesTheContract();
    void readsWhatItWrites();
    void everyOutcomeHasAName();
    void refusesWhatIsNoLine_data();
    void refusesWhatIsNoLine();
    void unknownKeysAndTypesAreIgnored();
    void hostileStringsStayBounded();
    void wholeNumbersOnly();
    void aBlankChangesNothing();
};

void TestLine::writesTheContract_data()
{
    QTest::addColumn<QByteArray>("written");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char* name, const Line& line, const char* expected) {
        QTest::newRow(name) << QByteArray::fromStdString(writeLine(line)) << QByteArray{expected};
    };
    row("a hello",
        HelloLine{.version = "0.1.0",
            .interface = "eth0",
            .ratePps = 1,
            .run = 7,
            .techniques = {"DnsQuery", "TcpConnection"}},
        R"({"v":1,"t":"hello","version":"0.1.0","interface":"eth0","rate_pps":1,"run":7,"techniques":["DnsQuery","TcpConnection"]})");
    row("an attempt", AttemptLine{kTarget, Outcome::Sent, "", ""},
        R"({"v":1,"t":"attempt","n":42,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,"port":443,"via":"02:00:5e:10:00:01","outcome":"sent"})");
    row("an escape", EscapeLine{kTarget, 812},
        R"({"v":1,"t":"escape","n":42,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,"port":443,"via":"02:00:5e:10:00:01","rtt_us":812})");
    row("an idle", IdleLine{10}, R"({"v":1,"t":"idle","for_s":10})");
    row("a pause", PausedLine{"interface down", 12}, R"({"v":1,"t":"paused","reason":"interface down","for_s":12})");
    row("a cycle", CycleLine{3, 262140, 0, 262140},
        R"({"v":1,"t":"cycle","cycle":3,"attempts":262140,"errors":0,"seconds":262140})");
    AttemptTarget echo = kTarget;
    echo.port = 0;
    echo.via.clear();
    row("an attempt without port and via leaves both out", AttemptLine{echo, Outcome::LocalError, "EPERM", ""},
        R"({"v":1,"t":"attempt","n":42,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,"outcome":"local_error","errno":"EPERM"})");
}

void TestLine::writesTheContract()
{
    QFETCH(const QByteArray, written);
    QFETCH(const QByteArray, expected);
    QCOMPARE(written, expected);
}

void TestLine::readsWhatItWrites()
{
    AttemptTarget target = kTarget;
    target.family = Family::Ipv6;
    const std::vector<Line> lines{HelloLine{"1", "e", 0.5, 4'294'967'295U, {"A"}},
        AttemptLine{target, Outcome::Skipped, "", "why \"so\"\n"}, EscapeLine{target, 1}, IdleLine{3},
        PausedLine{"p", 4}, CycleLine{1, 2, 3, 4}};
    for (const Line& line : lines) {
        const std::string text = writeLine(line);
        const auto again = readLine(text);
        QVERIFY2(again, text.c_str());
        QCOMPARE(again->index(), line.index());
        QCOMPARE(writeLine(*again), text);
    }
}

void TestLine::everyOutcomeHasAName()
{
    for (int i = 0; i <= static_cast<int>(Outcome::Planned); ++i)
        QVERIFY(outcomeFromName(outcomeName(static_cast<Outcome>(i))) == static_cast<Outcome>(i));
    QVERIFY(!outcomeFromName("done"));
}

void TestLine::refusesWhatIsNoLine_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray{};
    QTest::newRow("plain text") << QByteArray{"probing 192.0.2.1"};
    QTest::newRow("an array") << QByteArray{R"([{"t":"idle"}])"};
    QTest::newRow("a number") << QByteArray{"1"};
    QTest::newRow("no t") << QByteArray{R"({"v":1})"};
    QTest::newRow("t is no string") << QByteArray{R"({"t":1})"};
    QTest::newRow("cut off") << QByteArray{R"({"t":"idle","for_s":1)"};
    QTest::newRow("something behind it") << QByteArray{R"({"t":"idle"} x)"};
    QTest::newRow("not UTF-8") << QByteArray{"{\"t\":\"idle\",\"x\":\"\xff\"}"};
    QTest::newRow("an attempt without outcome")
        << QByteArray{R"({"t":"attempt","n":1,"technique":"A","family":"ipv4","dst":"x","proto":6})"};
    QTest::newRow("an attempt with an unknown outcome")
        << QByteArray{R"({"t":"attempt","n":1,"technique":"A","family":"ipv4","dst":"x","proto":6,"outcome":"great"})"};
    QTest::newRow("an unknown family") << QByteArray{
        R"({"t":"escape","n":1,"technique":"A","family":"ipx","dst":"x","proto":6})"};
    QTest::newRow("nested too deeply") << QByteArray{R"({"t":"idle","x":)"} + QByteArray(100, '[')
            + QByteArray(100, ']') + '}';
    QTest::newRow("too long") << QByteArray{R"({"t":"idle","x":")"} + QByteArray(9'000, 'a') + "\"}";
}

void TestLine::refusesWhatIsNoLine()
{
    QFETCH(const QByteArray, text);
    QVERIFY(!readLine(text.toStdString()));
}

void TestLine::unknownKeysAndTypesAreIgnored()
{
    const auto idle = readLine(R"({"v":9,"new":{"t":"attempt","deep":[1,{"for_s":7}]},"t":"idle","for_s":2})");
    QVERIFY(idle && std::holds_alternative<IdleLine>(*idle));
    QCOMPARE(std::get<IdleLine>(*idle).forSeconds, 2U);
    const auto other = readLine(R"({"t":"ledger","x":1})");
    QVERIFY(other && std::holds_alternative<OtherLine>(*other));
}

void TestLine::hostileStringsStayBounded()
{
    AttemptTarget target = kTarget;
    target.technique = target.dst = target.via = std::string(100'000, '\x01');
    const std::string text =
        writeLine(AttemptLine{target, Outcome::LocalError, std::string(9'999, '"'), std::string(9'999, '\\')});
    QVERIFY(text.size() <= kMaxLineBytes);
    const QJsonDocument document = QJsonDocument::fromJson(QByteArray::fromStdString(text));
    QVERIFY(document.isObject());
    HelloLine hello;
    hello.techniques.assign(10'000, "TcpConnection");
    QVERIFY(writeLine(hello).size() <= kMaxLineBytes);
}

void TestLine::wholeNumbersOnly()
{
    for (const char* const n : {"-1", "1.5", "1e300", "\"1\"", "null"}) {
        const std::string text =
            std::string{R"({"t":"escape","technique":"A","family":"ipv4","dst":"x","proto":6,"n":)"} + n + '}';
        QVERIFY2(!readLine(text), n);
    }
    QVERIFY(!readLine(R"({"t":"escape","technique":"A","family":"ipv4","dst":"x","proto":256,"n":1})"));
    QVERIFY(!readLine(R"({"t":"escape","technique":"A","family":"ipv4","dst":"x","proto":6,"port":65536,"n":1})"));
}

void TestLine::aBlankChangesNothing()
{
    // Lines without blanks are read by hand, all others by the JSON library: both must see the same in everything that
    // one change of a byte, or of two beside each other, can make of a line.
    const std::vector<std::string> lines{writeLine(AttemptLine{kTarget, Outcome::Skipped, "EPERM", "a reason"}),
        writeLine(EscapeLine{kTarget, 812}), writeLine(HelloLine{"1", "e", 0.5, 7, {"A"}}), writeLine(IdleLine{10}),
        writeLine(CycleLine{1, 2, 3, 4}), R"({"t":"idle","for_s":123456789012345})",
        R"({"t":"idle","for_s":1,"x":")" + std::string(300, 'x') + "\"}"};
    constexpr auto others = "\0\t\n \"\\{}[],:-+.0159eEtn\x7f\xc3\xa4\xff"sv;
    int read = 0;
    const auto compare = [&](const std::string& text) {
        const auto plain = readLine(text);
        const auto blank = readLine(text.empty() || text[0] != '{' ? text : "{ " + text.substr(1));
        read += plain ? 1 : 0;
        return plain.has_value() == blank.has_value() && (!plain || writeLine(*plain) == writeLine(*blank));
    };
    for (const std::string& line : lines) {
        for (std::size_t i = 0; i <= line.size(); ++i) {
            QVERIFY2(compare(line.substr(0, i)), line.substr(0, i).c_str());
            for (const char other : others) {
                std::string changed = line;
                changed.insert(i, 1, other);
                QVERIFY2(compare(changed), changed.c_str());
                changed.erase(i + 1, 1);
                QVERIFY2(compare(changed), changed.c_str());
                changed.erase(i + (i < changed.size() ? 1 : 0), 1);
                QVERIFY2(compare(changed), changed.c_str());
            }
        }
    }
    QVERIFY(read > 1'000);
}

QTEST_GUILESS_MAIN(TestLine)
#include "tst_line.moc"
