#include "core/platform/control.h"
#include "service/sensorctl/assign.h"
#include "service/sensorctl/document_file.h"
#include "service/sensorctl/requests.h"
#include "service/sensorctl/table.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>

#include <sysexits.h>

using namespace beacon;
using namespace beacon::sensorctl;

namespace {

QJsonObject json(const QByteArray& text)
{
    return QJsonDocument::fromJson(text).object();
}

Result<Values> parsed(const QByteArray& line)
{
    QByteArrayList words = line.split(' ');
    std::vector<char*> arguments;
    arguments.reserve(static_cast<std::size_t>(words.size()));
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    return parseCommandLine(sensorctl::program(), arguments);
}

} // namespace

class TestCtlRequests : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void params_data();
    void params();
    void usage_data();
    void usage();
    void everyCommandHasItsRow();
    void howLongToWait();
    void whereTheSocketIs();
    void assigns_data();
    void assigns();
    void assignsNot_data();
    void assignsNot();
    void documents_data();
    void documents();
};

void TestCtlRequests::params_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char* name, const char* line, const char* expected) {
        QTest::newRow(name) << QByteArray{line} << QByteArray{expected};
    };
    row("a type", "add beacon", R"({"type":"beacon"})");
    row("a name", "add beacon_12", R"({"name":"beacon_12"})");
    row("a type with an underscore", "add my_type", R"({"type":"my_type"})");
    row("a program by its name stays one", "add x --program beacon-listener",
        R"({"type":"x","program":"beacon-listener"})");
    row("a program by its path is absolute", "add x --program /opt/../opt/x", R"({"type":"x","program":"/opt/x"})");
    row("an interface and its name inside", "add x --interface plant-a:eth7",
        R"({"type":"x","interfaces":[{"interface":"plant-a","name":"eth7"}]})");
    row("several interfaces in several ways", "add x --interface a --interface b:c,d --address dhcp --stopped",
        R"({"type":"x","running":false,"interfaces":[{"interface":"a","addressing":"dhcp"},
            {"interface":"b","name":"c","addressing":"dhcp"},{"interface":"d","addressing":"dhcp"}]})");
    row("static addresses",
        "add x --interface a --address 192.0.2.7/24,2001:db8::7/64 --gateway 192.0.2.1 --gateway "
        "2001:db8::1 --resolver 192.0.2.53",
        R"({"type":"x","interfaces":[{"interface":"a","addressing":"static","addresses":["192.0.2.7/24","2001:db8::7/64"],
            "gateways":["192.0.2.1","2001:db8::1"],"resolvers":["192.0.2.53"]}]})");
    row("a resolver besides dhcp", "interfaces give i_0 a --address dhcp --resolver 192.0.2.53",
        R"({"instrument":"i_0","interface":"a","addressing":"dhcp","resolvers":["192.0.2.53"]})");
    row("the same name twice is one", "stop a_0 a_0", R"({"name":"a_0"})");
    row("a reason goes along with a change", "stop a_0 --why maintenance", R"({"name":"a_0","why":"maintenance"})");
    row("a reason is nothing to a question", "health a_0 --why x", R"({"name":"a_0"})");
    row("one version of two", "config diff a_0 7", R"({"target":"a_0","from":7,"to":"current"})");
    row("named versions", "config diff a_0 current 7", R"({"target":"a_0","from":"current","to":7})");
    row("version zero", "config get a_0 0", R"({"target":"a_0","version":0})");
    row("base zero", "config rollback a_0 --base 0", R"({"target":"a_0","base":0})");
    row("events from the beginning", "events --after 0 --limit 0", R"({"match":"*","severity":1,"after":0,"limit":0})");
    row("following wants nothing old", "events --follow", R"({"match":"*","severity":1,"history":0})");
    row("following with some that were", "events --follow --limit 3", R"({"match":"*","severity":1,"history":3})");
}

void TestCtlRequests::params()
{
    QFETCH(QByteArray, line);
    QFETCH(QByteArray, expected);
    const auto values = parsed(line);
    QVERIFY2(values, values ? "" : describe(values.error()).c_str());
    const auto asking = askingOf(*values);
    QVERIFY2(failureOf(asking) == nullptr, failureOf(asking) ? qPrintable(failureOf(asking)->sentence) : "");
    QCOMPARE(std::get<Asking>(asking).params.size(), std::size_t{1});
    QCOMPARE(std::get<Asking>(asking).params.front(), json(expected));
}

void TestCtlRequests::usage_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QString>("part");
    QTest::newRow("an address without an interface") << QByteArray{"add x --address dhcp"} << "need an --interface";
    QTest::newRow("one address for two") << QByteArray{"add x --interface a,b --address 192.0.2.7/24"}
                                         << "several interfaces";
    QTest::newRow("dhcp does not go with addresses")
        << QByteArray{"add x --interface a --address dhcp,192.0.2.7/24"} << "goes alone";
    QTest::newRow("addresses do not go with dhcp")
        << QByteArray{"add x --interface a --address 192.0.2.7/24,dhcp"} << "dhcp is none of";
    QTest::newRow("no prefix length") << QByteArray{"add x --interface a --address 192.0.2.7"} << "192.0.2.7/24";
    QTest::newRow("a prefix length too long") << QByteArray{"add x --interface a --address 192.0.2.7/33"} << "1 to 32";
    QTest::newRow("no number as prefix length")
        << QByteArray{"add x --interface a --address 2001:db8::1/x"} << "1 to 128";
    QTest::newRow("a prefix length of nothing") << QByteArray{"add x --interface a --address 192.0.2.7/"} << "1 to 32";
    QTest::newRow("a gateway without addresses")
        << QByteArray{"add x --interface a --gateway 192.0.2.1"} << "--gateway goes with";
    QTest::newRow("a gateway that is none")
        << QByteArray{"add x --interface a --address 192.0.2.7/24 --gateway x"} << "x is no address";
    QTest::newRow("a resolver that is none")
        << QByteArray{"add x --interface a --resolver one.example"} << "is no address";
    QTest::newRow("no name inside") << QByteArray{"interfaces give i_0 a:"} << "NAME-INSIDE";
    QTest::newRow("no interface") << QByteArray{"interfaces give i_0 :b"} << "NAME-INSIDE";
    QTest::newRow("no type of interface") << QByteArray{"interfaces add a --device eth0"} << "--type and --device";
    QTest::newRow("no version") << QByteArray{"config diff a_0 newest"} << "current or reported";
    QTest::newRow("a negative version") << QByteArray{"config get a_0 -- -1"} << "no version";
    QTest::newRow("half a limit") << QByteArray{"events --limit 1.5"} << "whole number";
    QTest::newRow("a negative base") << QByteArray{"config rollback a_0 --base -1"} << "whole number";
}

void TestCtlRequests::usage()
{
    QFETCH(QByteArray, line);
    QFETCH(QString, part);
    const auto values = parsed(line);
    QVERIFY2(values, values ? "" : describe(values.error()).c_str());
    const auto asking = askingOf(*values);
    QVERIFY(failureOf(asking) != nullptr);
    QCOMPARE(failureOf(asking)->exitCode, EX_USAGE);
    QVERIFY2(failureOf(asking)->sentence.contains(part), qPrintable(failureOf(asking)->sentence));
}

void TestCtlRequests::everyCommandHasItsRow()
{
    for (const Subcommand& command : sensorctl::program().commands) {
        QByteArray line = QByteArray::fromStdString(std::string{command.path});
        for (const Operand& operand : command.operands)
            line += operand.name == "VERSION" || operand.name == "FROM" || operand.name == "TO" ? " 1"
                : operand.choices.empty()                                                       ? " a_0"
                                          : " " + QByteArray::fromStdString(std::string{operand.choices});
        if (command.path == "interfaces add")
            line += " --type phy --device eth0";
        const auto values = parsed(line);
        QVERIFY2(values, line);
        const bool asks = command.path != "help" && command.path != "completion";
        QVERIFY2((failureOf(askingOf(*values)) == nullptr) == asks, line);
        QVERIFY2(!command.help.empty() && !command.help.ends_with('.'), line);
    }
}

void TestCtlRequests::howLongToWait()
{
    namespace method = control::method;
    const auto usual = parsed("status");
    QCOMPARE(patience(*usual, method::kStatus), std::chrono::seconds{10});
    QCOMPARE(patience(*usual, method::kConfigGet), std::chrono::seconds{10});
    QCOMPARE(patience(*usual, method::kStart), std::chrono::seconds{60});
    QCOMPARE(patience(*usual, method::kConfigApply), std::chrono::seconds{60});
    QCOMPARE(patience(*usual, method::kSelfTest), std::chrono::seconds{300});
    const auto said = parsed("--timeout 0.5 status");
    QCOMPARE(patience(*said, method::kSelfTest), std::chrono::milliseconds{500});
}

void TestCtlRequests::whereTheSocketIs()
{
    qunsetenv("SENSOR_CONTROL");
    QCOMPARE(socketPath(*parsed("status")), QString{control::kDefaultSocket});
    qputenv("SENSOR_CONTROL", "");
    QCOMPARE(socketPath(*parsed("status")), QString{control::kDefaultSocket});
    qputenv("SENSOR_CONTROL", "/run/other");
    QCOMPARE(socketPath(*parsed("status")), QString{"/run/other"});
    QCOMPARE(socketPath(*parsed("status --socket /run/third")), QString{"/run/third"});
    qunsetenv("SENSOR_CONTROL");
}

void TestCtlRequests::assigns_data()
{
    QTest::addColumn<QStringList>("words");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char* name, const QStringList& words, const char* expected) {
        QTest::newRow(name) << words << QByteArray{expected};
    };
    row("a number", {"n=5"}, R"({"a":1,"o":{"k":[1,{"x":2}]},"n":5})");
    row("text", {"a=north wind"}, R"({"a":"north wind","o":{"k":[1,{"x":2}]}})");
    row("text that only looks like two values", {"a=1,2"}, R"({"a":"1,2","o":{"k":[1,{"x":2}]}})");
    row("text that would break out of an array", {"a=1],[2"}, R"({"a":"1],[2","o":{"k":[1,{"x":2}]}})");
    row("text in quotes that is a number", {R"(a="5")"}, R"({"a":"5","o":{"k":[1,{"x":2}]}})");
    row("true, null and lists", {"a=true", "b=null", "c=[1,\"2\"]"},
        R"({"a":true,"b":null,"c":[1,"2"],"o":{"k":[1,{"x":2}]}})");
    row("an equals sign in the value", {"a=b=c"}, R"({"a":"b=c","o":{"k":[1,{"x":2}]}})");
    row("nothing takes the key away", {"a="}, R"({"o":{"k":[1,{"x":2}]}})");
    row("a key that is not there goes away too", {"z="}, R"({"a":1,"o":{"k":[1,{"x":2}]}})");
    row("from the left to the right", {"a=2", "a=3"}, R"({"a":3,"o":{"k":[1,{"x":2}]}})");
    row("a pointer", {"/o/k/1/x=7"}, R"({"a":1,"o":{"k":[1,{"x":7}]}})");
    row("a pointer appends", {"/o/k/-=9"}, R"({"a":1,"o":{"k":[1,{"x":2},9]}})");
    row("a pointer takes an item away", {"/o/k/0="}, R"({"a":1,"o":{"k":[{"x":2}]}})");
    row("a pointer with a slash in its key", {"/o/x~1y~0=1"}, R"({"a":1,"o":{"k":[1,{"x":2}],"x/y~":1}})");
    row("an at sign in quotes is text", {R"(a="@x")"}, R"({"a":"@x","o":{"k":[1,{"x":2}]}})");
}

void TestCtlRequests::assigns()
{
    QFETCH(QStringList, words);
    QFETCH(QByteArray, expected);
    std::vector<std::string> assignments;
    for (const QString& word : words)
        assignments.push_back(word.toStdString());
    const auto result = assigned(json(R"({"a":1,"o":{"k":[1,{"x":2}]}})"), assignments);
    QVERIFY2(failureOf(result) == nullptr, failureOf(result) ? qPrintable(failureOf(result)->sentence) : "");
    QCOMPARE(std::get<QJsonObject>(result), json(expected));
}

void TestCtlRequests::assignsNot_data()
{
    QTest::addColumn<QString>("word");
    QTest::addColumn<int>("exitCode");
    QTest::newRow("no equals sign") << "rate" << EX_USAGE;
    QTest::newRow("no key") << "=5" << EX_USAGE;
    QTest::newRow("a pointer into a number") << "/a/b=1" << EX_DATAERR;
    QTest::newRow("a pointer to what is not there") << "/x/y=1" << EX_DATAERR;
    QTest::newRow("an item beyond the end") << "/o/k/2=1" << EX_DATAERR;
    QTest::newRow("a negative item") << "/o/k/-1=1" << EX_DATAERR;
    QTest::newRow("a word as an item") << "/o/k/first=1" << EX_DATAERR;
    QTest::newRow("nothing to append") << "/o/k/-=" << EX_DATAERR;
    QTest::newRow("a pointer that is too deep") << QString{"/a"}.repeated(100) + "=1" << EX_DATAERR;
    QTest::newRow("a file that is not there") << "a=@/nonexistent" << EX_NOINPUT;
    QTest::newRow("a file that is no text") << QString{"a=@" BEACON_BIN_DIR "/sensorctl"} << EX_DATAERR;
}

void TestCtlRequests::assignsNot()
{
    QFETCH(QString, word);
    QFETCH(int, exitCode);
    const auto result = assigned(json(R"({"a":1,"o":{"k":[1]}})"), {word.toStdString()});
    QVERIFY(failureOf(result) != nullptr);
    QCOMPARE(failureOf(result)->exitCode, exitCode);
}

void TestCtlRequests::documents_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("part");
    QTest::newRow("nothing") << QByteArray{} << "line 1, column 1";
    QTest::newRow("an array") << QByteArray{"[]"} << "must be a JSON object";
    QTest::newRow("a number") << QByteArray{"5"} << "not JSON";
    QTest::newRow("two documents") << QByteArray{"{}{}"} << "not JSON at line 1";
    QTest::newRow("a comma too many") << QByteArray{"{\"a\":1,\n}"} << "line 2";
    QTest::newRow("a key twice") << QByteArray{R"({"a":1,"a":2})"} << "\"a\" is given twice";
    QTest::newRow("a key twice, deeper") << QByteArray{R"({"o":[{"b":1},{"b":1,"b":2}]})"} << "\"b\" is given twice";
    QTest::newRow("nested without end") << QByteArray(100'000, '[') << "nested too deeply";
    QTest::newRow("bytes that are no text") << QByteArray{"{\"a\":\"\xff\"}"} << "not JSON";
}

void TestCtlRequests::documents()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, part);
    const auto document = parseDocument(text, "x.json");
    QVERIFY(failureOf(document) != nullptr);
    QCOMPARE(failureOf(document)->exitCode, EX_DATAERR);
    QVERIFY2(failureOf(document)->sentence.contains(part), qPrintable(failureOf(document)->sentence));
    const auto fine = parseDocument(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", "x.json");
    QVERIFY(failureOf(fine) == nullptr);
}

QTEST_GUILESS_MAIN(TestCtlRequests)
#include "tst_ctl_requests.moc"
