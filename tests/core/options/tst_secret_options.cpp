#include "core/options/options.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <sysexits.h>

using namespace beacon;

namespace {

constexpr auto kOptions = std::to_array<Option>({
    {.name = "rate", .kind = OptionKind::Number, .help = "Frames a second", .low = 1, .high = 9},
    {.name = "pin", .where = Where::File, .help = "A number that opens", .choices = "S3CRET1|S3CRET2", .secret = true},
    {.name = "id-text", .kind = OptionKind::Document, .where = Where::File, .help = "Who it is", .secret = true},
    {.name = "notes", .kind = OptionKind::Document, .where = Where::File, .help = "What is known of it"},
});

/// That two of the options do not go together.
std::vector<Complaint> check(const Values& values)
{
    if (values.given("pin") && values.given("rate"))
        return {{"/pin", "goes with no rate"}};
    return {};
}

constexpr Program kSecretive{.name = "safe", .summary = "Holds secrets", .options = kOptions, .check = check};

Values fresh(QByteArrayList words = {})
{
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    return *parseCommandLine(kSecretive, arguments);
}

QByteArray sentences(const std::vector<Complaint>& complaints)
{
    QByteArrayList lines;
    for (const Complaint& complaint : complaints)
        lines.append(QByteArray::fromStdString(complaint.pointer + ' ' + complaint.text));
    return lines.join('\n');
}

struct File {
    QTemporaryDir dir;
    std::string path = dir.filePath(QStringLiteral("c.json")).toStdString();

    explicit File(const QByteArray& json, QFile::Permissions others = {})
    {
        QFile file{QString::fromStdString(path)};
        if (file.open(QIODevice::WriteOnly))
            file.write(json);
        file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | others);
    }
};

} // namespace

class TstSecretOptions : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void noneStandsOnACommandLine_data();
    void noneStandsOnACommandLine();
    void noComplaintQuotesOne_data();
    void noComplaintQuotesOne();
    void aFileWithOneIsPrivate_data();
    void aFileWithOneIsPrivate();
    void aFileWithoutOneMayBeRead();
    void theSchemaCallsThemWriteOnly();
    void aDocumentHasLines();
    void whatTheTableCannotSayIsCheckedWithEachFile();
    void aManifestNeedsNoConfiguration();
};

void TstSecretOptions::noneStandsOnACommandLine_data()
{
    QTest::addColumn<QByteArrayList>("words");
    QTest::newRow("as the next word") << QByteArrayList{"--id-text", "S3CRET"};
    QTest::newRow("behind an equals sign") << QByteArrayList{"--id-text=S3CRET"};
    QTest::newRow("with a letter missing") << QByteArrayList{"--id-tex=S3CRET"};
}

void TstSecretOptions::noneStandsOnACommandLine()
{
    QFETCH(QByteArrayList, words);
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    const auto parsed = parseCommandLine(kSecretive, arguments);
    QVERIFY(!parsed);
    const QByteArray sentence = QByteArray::fromStdString(describe(parsed.error()));
    QVERIFY2(!sentence.contains("S3CRET"), sentence.constData());
    if (words.front().startsWith("--id-text"))
        QVERIFY2(sentence.contains("0600 file only, as \"id_text\""), sentence.constData());
    QVERIFY(!QByteArray::fromStdString(helpText(kSecretive)).contains("--id-text"));
}

void TstSecretOptions::noComplaintQuotesOne_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QByteArray>("complaint"); // its beginning
    const auto row = [](const char* name, const QByteArray& json, const char* complaint) {
        QTest::newRow(name) << json << QByteArray{complaint};
    };
    row("no choice of it", R"({"pin":"S3CRET9"})", "/pin does not fit; its value is a secret");
    row("one that is too long", R"({"pin":")" + QByteArray{"S3CRET"}.repeated(1'000) + "\"}", "/pin does not fit");
    row("a document with a control character", R"({"id_text":"S3CRET\u0001"})", "/id_text has control characters");
    row("a document that is too long", R"({"id_text":")" + QByteArray{"S3CRET"}.repeated(20'000) + "\"}",
        "/id_text is longer than 65536 bytes");
    row("an object instead", R"({"id_text":{"key":"S3CRET"}})", "/id_text must be a string, but is an object");
    row("a list instead", R"({"id_text":["S3CRET"]})", "/id_text must be a string, but is an array");
    row("a file that breaks off in it", R"({"id_text":"S3CRET)", " is not JSON: parse error at line 1, column 19");
    row("a file with a quote too many", R"({"id_text":"S3CRET"S3CRET"})", " is not JSON: parse error");
    row("a file with a line break in it", "{\"id_text\":\"S3CRET\nS3CRET\"}", " is not JSON: parse error");
    row("a number beyond all", R"({"pin":123e9993321})", " is not JSON: ");
    row("another key is wrong", R"({"id_text":"S3CRET","rate":77})", "/rate must be a number from 1 to 9, but is 77");
}

void TstSecretOptions::noComplaintQuotesOne()
{
    QFETCH(QByteArray, json);
    QFETCH(QByteArray, complaint);
    Values values = fresh();
    const QByteArray said = sentences(applyConfig(kSecretive, json.toStdString(), values));
    QVERIFY2(said.startsWith(complaint), said.constData());
    QVERIFY2(!said.contains("S3CRET") && !said.contains("3321"), said.constData());
    QVERIFY(!values.given("id-text"));
}

void TstSecretOptions::aFileWithOneIsPrivate_data()
{
    QTest::addColumn<int>("others");
    QTest::newRow("its group may read it") << static_cast<int>(QFile::ReadGroup);
    QTest::newRow("everybody may read it") << static_cast<int>(QFile::ReadOther);
    QTest::newRow("its group may write it") << static_cast<int>(QFile::WriteGroup);
}

void TstSecretOptions::aFileWithOneIsPrivate()
{
    QFETCH(int, others);
    const QByteArray json = R"({"id_text":"S3CRET"})";
    const File open{json, static_cast<QFile::Permissions>(others)};
    Values values = fresh();
    const auto loaded = loadConfig(kSecretive, open.path, values);
    QVERIFY(!loaded);
    const QByteArray sentence = QByteArray::fromStdString(describe(loaded.error()));
    QVERIFY2(sentence.contains("c.json: /id_text is a secret, but others"), sentence.constData());
    QVERIFY(sentence.contains("chmod 600"));
    QVERIFY(!values.given("id-text"));

    QByteArray option = "--config=" + QByteArray::fromStdString(open.path);
    std::array<char*, 1> arguments{option.data()};
    const auto again = effectiveDocument(kSecretive, arguments); // a reload
    QVERIFY(std::holds_alternative<std::vector<Complaint>>(again));

    const File closed{json};
    QVERIFY(loadConfig(kSecretive, closed.path, values));
    QCOMPARE(values.text("id-text"), std::string{"S3CRET"});
}

void TstSecretOptions::aFileWithoutOneMayBeRead()
{
    const File open{R"({"rate":2})", QFile::ReadOther};
    Values values = fresh();
    QVERIFY(loadConfig(kSecretive, open.path, values));
}

void TstSecretOptions::theSchemaCallsThemWriteOnly()
{
    const QJsonObject properties = QJsonDocument::fromJson(QByteArray::fromStdString(jsonSchema(kSecretive)))
                                       .object()
                                       .value(QLatin1StringView{"properties"})
                                       .toObject();
    const auto isWriteOnly = [&](const char* key) {
        return properties.value(QLatin1StringView{key})[QLatin1StringView{"writeOnly"}].toBool();
    };
    QVERIFY(isWriteOnly("pin") && isWriteOnly("id_text"));
    QVERIFY(!isWriteOnly("rate") && !isWriteOnly("notes"));
    QCOMPARE(secretKeys(kSecretive), (std::vector<std::string>{"pin", "id_text"}));
}

void TstSecretOptions::aDocumentHasLines()
{
    Values values = fresh();
    QVERIFY(applyConfig(kSecretive, R"({"notes":"one\n\ttwo\r\n"})", values).empty());
    QCOMPARE(values.text("notes"), std::string{"one\n\ttwo\r\n"});
    QVERIFY(applyConfig(kSecretive, R"({"notes":")" + std::string(65'536, 'x') + "\"}", values).empty());
}

void TstSecretOptions::whatTheTableCannotSayIsCheckedWithEachFile()
{
    Values values = fresh({"--rate", "2"});
    QCOMPARE(sentences(applyConfig(kSecretive, R"({"pin":"S3CRET1","notes":"n"})", values)),
        QByteArray{"/pin goes with no rate"});
    QVERIFY(!values.given("pin") && !values.given("notes")); // all or nothing
    values = fresh();
    QVERIFY(applyConfig(kSecretive, R"({"pin":"S3CRET1"})", values).empty());
}

void TstSecretOptions::aManifestNeedsNoConfiguration()
{
    Program program = kSecretive;
    QByteArrayList words{"safe", "--manifest", "--config=/no/such/file"};
    std::vector<char*> arguments;
    for (QByteArray& word : words)
        arguments.push_back(word.data());
    const int count = static_cast<int>(arguments.size());
    QCOMPARE(startProgram(program, count, arguments.data()).exitCode, EX_USAGE); // it has none
    program.manifest = [] { return std::string{"{}\n"}; };
    const Started started = startProgram(program, count, arguments.data());
    QVERIFY(!started.values);
    QCOMPARE(started.exitCode, EX_OK);
    QVERIFY(QByteArray::fromStdString(helpText(program)).contains("--manifest"));
}

QTEST_GUILESS_MAIN(TstSecretOptions)
#include "tst_secret_options.moc"
