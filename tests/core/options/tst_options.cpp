#include "core/options/options.h"

#include "tests/core/options/table.h"

#include <QTemporaryFile>
#include <QTest>

#include <cstdlib>
#include <string>
#include <vector>

using namespace beacon;
using namespace beacon::test;

namespace {

Result<Values> parse(QByteArrayList words, const Program& program = kProgram)
{
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    return parseCommandLine(program, arguments);
}

} // namespace

class TestOptions : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void understands_data();
    void understands();
    void complains_data();
    void complains();
    void hostileWordsAreShownHarmlessly();
    void defaultsAreThere();
    void portsAreExpandedSortedAndOnce();
    void helpFitsAndAligns();
    void startSaysHowToEnd_data();
    void startSaysHowToEnd();
};

void TestOptions::understands_data()
{
    QTest::addColumn<QByteArrayList>("words");
    QTest::addColumn<QByteArray>("option");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<QByteArrayList>("operands");
    using L = QByteArrayList;
    QTest::newRow("a value behind a space")
        << L{"--rate", "200", "eth0"} << QByteArray{"rate"} << QByteArray{"200"} << L{"eth0"};
    QTest::newRow("a value behind an equals sign") << L{"--rate=0.5"} << QByteArray{"rate"} << QByteArray{"0.5"} << L{};
    QTest::newRow("an option behind the operand")
        << L{"eth0", "--once"} << QByteArray{"once"} << QByteArray{"true"} << L{"eth0"};
    QTest::newRow("an equals sign in the value")
        << L{"--identity=a=b"} << QByteArray{"identity"} << QByteArray{"a=b"} << L{};
    QTest::newRow("a value that begins with one dash")
        << L{"--identity", "-"} << QByteArray{"identity"} << QByteArray{"-"} << L{};
    QTest::newRow("two dashes end the options")
        << L{"--", "--once"} << QByteArray{"format"} << QByteArray{"json"} << L{"--once"};
    QTest::newRow("a single dash is an operand") << L{"-"} << QByteArray{"format"} << QByteArray{"json"} << L{"-"};
    QTest::newRow("a list with one item")
        << L{"--techniques", "DnsQuery"} << QByteArray{"techniques"} << QByteArray{"DnsQuery"} << L{};
    QTest::newRow("letters beyond ASCII")
        << L{"--identity", "Gerät.json"} << QByteArray{"identity"} << QByteArray{"Gerät.json"} << L{};
}

void TestOptions::understands()
{
    QFETCH(QByteArrayList, words);
    QFETCH(QByteArray, option);
    QFETCH(QByteArray, value);
    QFETCH(QByteArrayList, operands);
    const auto values = parse(words);
    QVERIFY2(values, values ? "" : describe(values.error()).c_str());
    QCOMPARE(QByteArray::fromStdString(values->text(option.toStdString())), value);
    QByteArrayList found;
    for (const std::string& operand : values->operands())
        found.append(QByteArray::fromStdString(operand));
    QCOMPARE(found, operands);
}

void TestOptions::complains_data()
{
    QTest::addColumn<QByteArrayList>("words");
    QTest::addColumn<QByteArray>("sentence");
    using L = QByteArrayList;
    QTest::newRow("a misspelt option gets the nearest")
        << L{"--ratee", "5"} << QByteArray{"--ratee is not an option of beacon; did you mean --rate?"};
    QTest::newRow("its value is no part of the name")
        << L{"--ratee=5"} << QByteArray{"--ratee is not an option of beacon; did you mean --rate?"};
    QTest::newRow("an abbreviation is not a name")
        << L{"--tech", "DnsQuery"} << QByteArray{"--tech is not an option of beacon; did you mean --techniques?"};
    QTest::newRow("a wild option gets the way to the help")
        << L{"--xylophone"} << QByteArray{"--xylophone is not an option of beacon; see beacon --help"};
    QTest::newRow("-h is told about --help")
        << L{"-h"} << QByteArray{"-h is not an option of beacon; did you mean --help?"};
    QTest::newRow("one dash is told about two")
        << L{"-rate", "5"} << QByteArray{"-rate is not an option of beacon; did you mean --rate?"};
    QTest::newRow("a key of the file is told so") << L{"--byte-budget", "5"}
                                                  << QByteArray{"--byte-budget is not an option of beacon; it may only "
                                                                "stand in the configuration file, as \"byte_budget\""};
    QTest::newRow("a value is missing at the end")
        << L{"--rate"} << QByteArray{"--rate needs a value: --rate PPS; see beacon --help"};
    QTest::newRow("a value is missing before an option")
        << L{"--rate", "--once"} << QByteArray{"--rate needs a value: --rate PPS; see beacon --help"};
    QTest::newRow("a flag takes no value")
        << L{"--once=yes"} << QByteArray{"--once takes no value; leave out =yes; see beacon --help"};
    QTest::newRow("twice is once too often")
        << L{"--rate=1", "--rate=2"} << QByteArray{"--rate is given twice; give it once; see beacon --help"};
    QTest::newRow("one operand too many")
        << L{"eth0", "eth1"} << QByteArray{"eth1 is one argument too many; see beacon --help"};
    QTest::newRow("a rate that is no number")
        << L{"--rate", "fast"} << QByteArray{"--rate must be a number from 0.01 to 100000, but is fast"};
    QTest::newRow("a rate with a unit") << L{"--rate", "5pps"}
                                        << QByteArray{"--rate must be a number from 0.01 to 100000, but is 5pps"};
    QTest::newRow("a rate below the bound")
        << L{"--rate", "0"} << QByteArray{"--rate must be a number from 0.01 to 100000, but is 0"};
    QTest::newRow("an infinite rate") << L{"--rate", "inf"}
                                      << QByteArray{"--rate must be a number from 0.01 to 100000, but is inf"};
    QTest::newRow("a rate that is not a number")
        << L{"--rate", "nan"} << QByteArray{"--rate must be a number from 0.01 to 100000, but is nan"};
    QTest::newRow("an empty value") << L{"--identity="}
                                    << QByteArray{"--identity is empty; give a value or leave it out"};
    QTest::newRow("an unknown choice gets the nearest")
        << L{"--format", "jsn"} << QByteArray{"--format must be one of json, text, but is jsn; did you mean json?"};
    QTest::newRow("an unknown item of a list") << L{"--techniques", "IcmpEcho,DnsQuerry"}
                                               << QByteArray{"--techniques has an item that must be one of DnsQuery, "
                                                             "IcmpEcho, but is DnsQuerry; did you mean DnsQuery?"};
    QTest::newRow("a list with an empty item")
        << L{"--techniques", "IcmpEcho,"} << QByteArray{"--techniques has an empty item; write it as A,B,C"};
    for (const char* ports : {"0", "65536", "80-", "-80", "90-80", "80,,90", "80-90-100", " 80", "http"})
        QTest::addRow("'%s' is no list of ports", ports)
            << L{QByteArray{"--ports="} + ports}
            << QByteArray{"--ports must be ports from 1 to 65535 such as 53,80,8000-8010, but is "} + ports;
}

void TestOptions::complains()
{
    QFETCH(QByteArrayList, words);
    QFETCH(QByteArray, sentence);
    const auto values = parse(words);
    QVERIFY(!values);
    QCOMPARE(values.error().code, Errc::BadInput);
    QCOMPARE(QByteArray::fromStdString(describe(values.error())), sentence);
}

void TestOptions::hostileWordsAreShownHarmlessly()
{
    const QByteArrayList words{"--" + QByteArray(1'000'000, 'a'), QByteArray{"--\x1b[2J"},
        QByteArray{"--identity=\xff\xfe"}, QByteArray{"--identity=a\nb"}, "--identity=" + QByteArray(5'000, 'x')};
    for (const QByteArray& word : words) {
        const auto values = parse({word});
        QVERIFY(!values);
        const std::string sentence = describe(values.error());
        QVERIFY2(sentence.size() < 200, sentence.c_str());
        for (const char c : sentence)
            QVERIFY(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
    }
}

void TestOptions::defaultsAreThere()
{
    const auto values = parse({});
    QVERIFY(values);
    QCOMPARE(values->number("rate"), 1.0);
    QCOMPARE(values->text("format"), std::string{"json"});
    QVERIFY(!values->given("rate"));
    QVERIFY(!values->flag("once"));
    QVERIFY(values->list("techniques").empty());
    QVERIFY(values->text("identity").empty());
    QCOMPARE(values->ports("ports"), (std::vector<std::uint16_t>{53, 8000, 8001, 8002}));
}

void TestOptions::portsAreExpandedSortedAndOnce()
{
    const auto values = parse({"--ports", "443,80,79-81,65535,80"});
    QVERIFY(values);
    QCOMPARE(values->ports("ports"), (std::vector<std::uint16_t>{79, 80, 81, 443, 65535}));
    QCOMPARE(parse({"--ports", "1-65535"})->ports("ports").size(), std::size_t{65'535});
}

void TestOptions::helpFitsAndAligns()
{
    const QByteArray help = QByteArray::fromStdString(helpText(kProgram));
    for (const QByteArray& line : help.split('\n'))
        QVERIFY2(line.size() <= 80, line.constData());
    QVERIFY(help.startsWith("Usage: beacon INTERFACE [OPTION]...\nTries every way out of the segment.\n"));
    QVERIFY(help.contains("\n  --rate PPS         Frames a second, 0.01 to 100000 [default: 1]\n"));
    QVERIFY(help.contains("\n  --once             One pass, then exit\n"));
    QVERIFY(help.contains("\n  --techniques A,B   Techniques to use: DnsQuery, IcmpEcho\n"));
    QVERIFY(help.contains("\n  byte_budget BYTES "));
    QVERIFY(!help.contains("--byte-budget"));
    QVERIFY(help.contains("$BEACON_OPTIONS_TEST_FILE"));
    QVERIFY(help.endsWith("Example: beacon eth0\n"));
    for (const char* always : {"--config FILE", "--check-config", "--help", "--version"})
        QVERIFY(help.contains(always));

    constexpr Program bare{.name = "bare", .summary = "Has no options"};
    QVERIFY(!QByteArray::fromStdString(helpText(bare)).contains("--config"));
}

void TestOptions::startSaysHowToEnd_data()
{
    QTest::addColumn<QByteArrayList>("words");
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<bool>("goesOn");
    QTest::addColumn<int>("code");
    using L = QByteArrayList;
    QTest::newRow("a right command line goes on") << L{"beacon", "eth0"} << QByteArray{"{}"} << true << 0;
    QTest::newRow("--help ends with 0") << L{"beacon", "--help"} << QByteArray{"{}"} << false << 0;
    QTest::newRow("--version ends with 0") << L{"beacon", "--version"} << QByteArray{"{}"} << false << 0;
    QTest::newRow("a wrong command line ends with 64") << L{"beacon", "--ratee"} << QByteArray{"{}"} << false << 64;
    QTest::newRow("a wrong file ends with 78") << L{"beacon"} << QByteArray{R"({"ratee":1})"} << false << 78;
    QTest::newRow("a checked right file ends with 0")
        << L{"beacon", "--check-config"} << QByteArray{R"({"rate":1})"} << false << 0;
    QTest::newRow("a checked wrong file ends with 78")
        << L{"beacon", "--check-config"} << QByteArray{R"({"rate":-1})"} << false << 78;
    QTest::newRow("an absent file ends with 78")
        << L{"beacon", "--config", "/nonexistent/config.json"} << QByteArray{"{}"} << false << 78;
    QTest::newRow("--config wins over the environment")
        << L{"beacon", "--config", "/dev/null"} << QByteArray{"{}"} << false << 78;
    QTest::newRow("no arguments at all goes on") << L{} << QByteArray{"{}"} << true << 0;
}

void TestOptions::startSaysHowToEnd()
{
    QFETCH(QByteArrayList, words);
    QFETCH(QByteArray, file);
    QFETCH(bool, goesOn);
    QFETCH(int, code);
    QTemporaryFile config;
    QVERIFY(config.open());
    config.write(file);
    config.close();
    qputenv("BEACON_OPTIONS_TEST_FILE", config.fileName().toLocal8Bit());
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const Started started = startProgram(kProgram, static_cast<int>(words.size()), arguments.data());
    QCOMPARE(started.values.has_value(), goesOn);
    QCOMPARE(started.exitCode, code);
}

QTEST_GUILESS_MAIN(TestOptions)
#include "tst_options.moc"
