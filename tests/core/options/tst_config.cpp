#include "core/options/options.h"

#include "tests/core/options/table.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace beacon;
using namespace beacon::test;

namespace {

Values fresh(QByteArrayList words = {})
{
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    return *parseCommandLine(kProgram, arguments);
}

QByteArray sentences(const std::vector<Complaint>& complaints)
{
    QByteArrayList lines;
    for (const Complaint& complaint : complaints)
        lines.append(QByteArray::fromStdString(complaint.pointer + " " + complaint.text));
    return lines.join('\n');
}

} // namespace

class TestConfig : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aFileFillsWhatTheLineLeftOpen();
    void aLaterFileOverridesAnEarlierOne();
    void complains_data();
    void complains();
    void everyFaultIsNamedUpToABound();
    void hostileFilesAreShownHarmlessly_data();
    void hostileFilesAreShownHarmlessly();
    void loadNamesThePath_data();
    void loadNamesThePath();
    void theDefaultFileIsValid();
    void theSchemaHasEveryKey();
};

void TestConfig::aFileFillsWhatTheLineLeftOpen()
{
    Values values = fresh({"--rate", "5"});
    const auto complaints = applyConfig(kProgram,
        R"({"rate":7,"identity":"/etc/id.json","ports":[443,"80-82"],"techniques":["IcmpEcho"],"once":true,"byte_budget":1e3})",
        values);
    QCOMPARE(sentences(complaints), QByteArray{});
    QCOMPARE(values.number("rate"), 5.0);
    QCOMPARE(values.text("identity"), std::string{"/etc/id.json"});
    QCOMPARE(values.ports("ports"), (std::vector<std::uint16_t>{80, 81, 82, 443}));
    QCOMPARE(values.list("techniques"), (std::vector<std::string>{"IcmpEcho"}));
    QCOMPARE(values.number("byte-budget"), 1'000.0);
    QVERIFY(values.flag("once"));
    QVERIFY(values.given("identity"));
    QVERIFY(!values.given("share"));
}

void TestConfig::aLaterFileOverridesAnEarlierOne()
{
    Values values = fresh();
    QVERIFY(applyConfig(kProgram, R"({"rate":7,"once":true})", values).empty());
    QVERIFY(applyConfig(kProgram, R"({"rate":8})", values).empty());
    QCOMPARE(values.number("rate"), 8.0);
    QVERIFY(values.flag("once"));
    QVERIFY(!applyConfig(kProgram, R"({"rate":9,"nonsense":1})", values).empty());
    QCOMPARE(values.number("rate"), 8.0);
}

void TestConfig::complains_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QByteArray>("complaint");
    const auto row = [](const char* name, const char* json, const char* complaint) {
        QTest::newRow(name) << QByteArray{json} << QByteArray{complaint};
    };
    row("an unknown key gets the nearest", R"({"rat":1})", "/rat is not a key of beacon; did you mean rate?");
    row("a wild key is to be removed", R"({"xylophone":1})", "/xylophone is not a key of beacon; remove it");
    row("a slash and a tilde are escaped in the pointer", R"({"a/b~c":1})",
        "/a~1b~0c is not a key of beacon; remove it");
    row("an empty key", R"({"":1})", "/ is not a key of beacon; remove it");
    row("a key with a dash gets the one with an underscore", R"({"byte-budget":1})",
        "/byte-budget is not a key of beacon; did you mean byte_budget?");
    row("an option of the command line only", R"({"format":"json"})",
        "/format may be given on the command line only, as --format; remove it here");
    row("a key given twice", R"({"rate":1,"rate":2})", "/rate is given twice; keep one of the two");
    row("an unknown key given twice is named as such once", R"({"rate":1,"once":true,"rate":2})",
        "/rate is given twice; keep one of the two");
    row("a number in quotes", R"({"rate":"1"})", "/rate must be a number, but is a string");
    row("a number out of range", R"({"rate":100001})", "/rate must be a number from 0.01 to 100000, but is 100001");
    row("a negative number", R"({"rate":-1})", "/rate must be a number from 0.01 to 100000, but is -1");
    row("null instead of leaving out", R"({"rate":null})",
        "/rate must be a number, but is null; leave the key out instead");
    row("text that is a number", R"({"identity":5})", "/identity must be a string, but is a number");
    row("a flag that is a string", R"({"once":"true"})", "/once must be true or false, but is a string");
    row("a list that is a string", R"({"techniques":"DnsQuery"})", "/techniques must be an array, but is a string");
    row("an item of the wrong type", R"({"techniques":["DnsQuery",5]})",
        "/techniques/1 must be a string, but is a number");
    row("an item that is an object", R"({"techniques":[{"a":1}]})", "/techniques/0 must be a string, but is an object");
    row("an item that is no choice", R"({"techniques":["DnsQuer"]})",
        "/techniques/0 must be one of DnsQuery, IcmpEcho, but is DnsQuer; did you mean DnsQuery?");
    row("an item with a comma", R"({"techniques":["DnsQuery,IcmpEcho"]})",
        "/techniques/0 has a comma; give each item a string of its own");
    row("an empty array", R"({"techniques":[]})", "/techniques is an empty array; list something or leave the key out");
    row("port zero", R"({"ports":[53,0]})", "/ports/1 must be ports from 1 to 65535 such as 53,80,8000-8010, but is 0");
    row("half a port", R"({"ports":[53.5]})",
        "/ports/0 must be ports from 1 to 65535 such as 53,80,8000-8010, but is 53.5");
    row("an array in the array", R"({"ports":[[53]]})",
        "/ports/0 must be a port or a string such as \"8000-8010\", but is an array");
    row("empty text", R"({"identity":""})", "/identity is empty; give a value or leave it out");
    row("a control character in text", R"({"identity":"a\u0000b"})",
        "/identity has control characters, remove them: a\\x00b");
    row("an array on top", "[]", " must be a JSON object { … }, but is an array");
    row("a number on top", "5", " must be a JSON object { … }, but is a number");
}

void TestConfig::complains()
{
    QFETCH(QByteArray, json);
    QFETCH(QByteArray, complaint);
    Values values = fresh();
    QCOMPARE(sentences(applyConfig(kProgram, json.toStdString(), values)), complaint);
    QVERIFY(!values.given("rate"));
}

void TestConfig::everyFaultIsNamedUpToABound()
{
    Values values = fresh();
    QCOMPARE(sentences(applyConfig(kProgram, R"({"rate":"x","once":1,"z":0})", values)).count('\n'), 2);
    std::string many = "{";
    for (int i = 0; i < 10'000; ++i)
        many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    const auto complaints = applyConfig(kProgram, many + "}", values);
    QCOMPARE(complaints.size(), std::size_t{33});
    QVERIFY(complaints.back().text.find("more faults") != std::string::npos);
}

void TestConfig::hostileFilesAreShownHarmlessly_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("nothing at all") << QByteArray{};
    QTest::newRow("only spaces") << QByteArray(1'000, ' ');
    QTest::newRow("cut off in the middle") << QByteArray{R"({"rate":)"};
    QTest::newRow("text after the end") << QByteArray{"{} x"};
    QTest::newRow("a comment") << QByteArray{"{/* */}"};
    QTest::newRow("a trailing comma") << QByteArray{R"({"rate":1,})"};
    QTest::newRow("bytes that are not UTF-8 in a value") << QByteArray{"{\"identity\":\"\xff\xfe\"}"};
    QTest::newRow("bytes that are not UTF-8 in a key") << QByteArray{"{\"\xc0\x80\":1}"};
    QTest::newRow("half a surrogate pair") << QByteArray{R"({"identity":"\ud800"})"};
    QTest::newRow("a number beyond double") << QByteArray{R"({"rate":1e999})"};
    QTest::newRow("an escape sequence in a key") << QByteArray{"{\"\\u001b[2J\":1}"};
    QTest::newRow("a key of half a megabyte") << "{\"" + QByteArray(500'000, 'k') + "\":1}";
    QTest::newRow("text of half a megabyte") << "{\"identity\":\"" + QByteArray(500'000, 'v') + "\"}";
    QTest::newRow("a megabyte of open arrays") << "{\"ports\":" + QByteArray(1'000'000, '[');
    QTest::newRow("open arrays without an object") << QByteArray(1'000'000, '[');
    QTest::newRow("objects in objects") << "{\"a\":" + QByteArray{"{\"a\":"}.repeated(100'000);
    QTest::newRow("over a megabyte") << "{\"identity\":\"x\"" + QByteArray(1'100'000, ' ') + "}";
    QTest::newRow("a NUL") << QByteArray("{\0}", 3);
}

void TestConfig::hostileFilesAreShownHarmlessly()
{
    QFETCH(QByteArray, json);
    Values values = fresh();
    const auto complaints = applyConfig(kProgram, {json.constData(), static_cast<std::size_t>(json.size())}, values);
    QCOMPARE(complaints.size(), std::size_t{1});
    const std::string& text = complaints.front().text;
    QVERIFY2(text.size() < 400 && complaints.front().pointer.size() < 200, text.c_str());
    for (const char c : complaints.front().pointer + text)
        QVERIFY2(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, text.c_str());
}

void TestConfig::loadNamesThePath_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("content");
    QTest::addColumn<QByteArray>("sentence");
    QTest::newRow("a fault")
        << QByteArray{"c.json"} << QByteArray{R"({"rat":1,"once":2})"}
        << QByteArray{
               "c.json: /rat is not a key of beacon; did you mean rate?; /once must be true or false, but is a number"};
    QTest::newRow("an absent file") << QByteArray{"absent.json"} << QByteArray{}
                                    << QByteArray{"open configuration absent.json: No such file or directory"};
    QTest::newRow("a directory") << QByteArray{"."} << QByteArray{}
                                 << QByteArray{"configuration . is not a regular file; name a JSON file"};
    QTest::newRow("a device without an end") << QByteArray{
        "/dev/zero"} << QByteArray{} << QByteArray{"configuration /dev/zero is not a regular file; name a JSON file"};
}

void TestConfig::loadNamesThePath()
{
    QFETCH(QByteArray, path);
    QFETCH(QByteArray, content);
    QFETCH(QByteArray, sentence);
    const QTemporaryDir folder;
    const QString before = QDir::currentPath();
    QVERIFY(QDir::setCurrent(folder.path()));
    if (!content.isEmpty()) {
        QFile file{QString::fromUtf8(path)};
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content);
    }
    Values values = fresh();
    const auto loaded = loadConfig(kProgram, path.toStdString(), values);
    QDir::setCurrent(before);
    QVERIFY(!loaded);
    QCOMPARE(QByteArray::fromStdString(describe(loaded.error())), sentence);
}

void TestConfig::theDefaultFileIsValid()
{
    const std::string file = defaultFile(kProgram);
    Values values = fresh();
    QCOMPARE(sentences(applyConfig(kProgram, file, values)), QByteArray{});
    QCOMPARE(values.number("rate"), 1.0);
    const QJsonObject json = QJsonDocument::fromJson(QByteArray::fromStdString(file)).object();
    QCOMPARE(json.keys(), (QStringList{QStringLiteral("ports"), QStringLiteral("rate")}));
    QCOMPARE(json.value(QLatin1String{"ports"}).toArray(), (QJsonArray{53, QStringLiteral("8000-8002")}));
}

void TestConfig::theSchemaHasEveryKey()
{
    const QJsonObject schema = QJsonDocument::fromJson(QByteArray::fromStdString(jsonSchema(kProgram))).object();
    const QJsonObject properties = schema.value(QLatin1String{"properties"}).toObject();
    QStringList keys;
    for (const char* key : {"byte_budget", "identity", "once", "ports", "rate", "share", "techniques"})
        keys.append(QString::fromUtf8(key));
    QCOMPARE(properties.keys(), keys);
    QCOMPARE(schema.value(QLatin1String{"additionalProperties"}), QJsonValue{false});
    const QJsonObject rate = properties.value(QLatin1String{"rate"}).toObject();
    QCOMPARE(rate.value(QLatin1String{"maximum"}).toDouble(), 100'000.0);
    QCOMPARE(rate.value(QLatin1String{"default"}).toDouble(), 1.0);
}

QTEST_GUILESS_MAIN(TestConfig)
#include "tst_config.moc"
