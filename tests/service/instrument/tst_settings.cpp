#include "service/instrument/settings.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace beacon;

namespace {

const QByteArray kKey = QByteArray(32, 'k').toBase64(); // NOLINT(cert-err58-cpp)

std::string fileWith(const QByteArray& identity)
{
    return QJsonDocument{QJsonObject{{QStringLiteral("identity_text"), QString::fromUtf8(identity)}}}
        .toJson()
        .toStdString();
}

Result<Settings> settingsOf(std::vector<std::string> words)
{
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    const auto values = parseCommandLine(instrumentProgram(), arguments);
    if (!values)
        return values.error();
    return settingsFrom(*values);
}

} // namespace

class TstSettings : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theNameIsTheInterfaceUnlessGiven();
    void whatIsUnusableIsRefused_data();
    void whatIsUnusableIsRefused();
    void theBeaconsFileHasOnlyWhatWasGiven();
    void changesAreToldByKey();
    void anIdentityThatIsNoneIsNotQuoted_data();
    void anIdentityThatIsNoneIsNotQuoted();
    void anIdentityAsTextIsOneWhateverItsSpaces();
    void aPlaceOfAPlatformIsFollowed();
};

void TstSettings::theNameIsTheInterfaceUnlessGiven()
{
    auto settings = settingsOf({"--interface", "eth0", "--runtime-dir", "/r"});
    QVERIFY(settings);
    QCOMPARE(settings->socketPath(), std::string{"/r/eth0/admin.sock"});
    settings = settingsOf({"--interface", "eth0", "--name", "line3", "--runtime-dir", "/r"});
    QCOMPARE(settings->lockPath(), std::string{"/r/line3/lock"});
}

void TstSettings::whatIsUnusableIsRefused_data()
{
    QTest::addColumn<QStringList>("words");
    QTest::newRow("no interface") << QStringList{};
    QTest::newRow("an interface with a slash") << QStringList{QStringLiteral("--interface=../x")};
    QTest::newRow("a name that is too long for the kernel")
        << QStringList{QStringLiteral("--interface=abcdefghijklmnop")};
    QTest::newRow("a name that climbs") << QStringList{QStringLiteral("--interface=eth0"), QStringLiteral("--name=..")};
}

void TstSettings::whatIsUnusableIsRefused()
{
    QFETCH(QStringList, words);
    std::vector<std::string> list;
    for (const QString& word : words)
        list.push_back(word.toStdString());
    const auto settings = settingsOf(list);
    QVERIFY(!settings);
    QCOMPARE(settings.error().code, Errc::BadInput);
}

void TstSettings::theBeaconsFileHasOnlyWhatWasGiven()
{
    QCOMPARE(beaconConfig(*settingsOf({"--interface", "eth0"})), std::string{"{}"});
    const auto settings = settingsOf({"--interface", "eth0", "--rate", "200", "--ports", "53,80-82,443", "--techniques",
        "DnsQuery", "--identity", "/etc/id.json"});
    QVERIFY(settings);
    QCOMPARE(beaconConfig(*settings),
        std::string{R"({"identity":"/etc/id.json","ports":[53,"80-82",443],"rate":200,"techniques":["DnsQuery"]})"});
}

void TstSettings::changesAreToldByKey()
{
    const auto before = settingsOf({"--interface", "eth0", "--rate", "1"});
    const auto after = settingsOf({"--interface", "eth0", "--rate", "2", "--stall", "9"});
    QCOMPARE(changedKeys(*before, *before), std::vector<std::string>{});
    QCOMPARE(changedKeys(*before, *after), (std::vector<std::string>{"rate", "stall"}));
    QVERIFY(restartsBeacon("rate"));
    QVERIFY(!restartsBeacon("stall"));
    QVERIFY(fixedForLife("runtime_dir"));
    QVERIFY(fixedForLife("journal_size"));
    const auto larger = settingsOf({"--interface", "eth0", "--rate", "1", "--journal-size", "300"});
    QCOMPARE(larger->journalBytes, std::int64_t{300} * 1'024 * 1'024);
    QCOMPARE(changedKeys(*before, *larger), std::vector<std::string>{"journal_size"});
}

void TstSettings::anIdentityThatIsNoneIsNotQuoted_data()
{
    QTest::addColumn<QByteArray>("identity");
    QTest::addColumn<QByteArray>("told");
    QTest::newRow("no JSON") << QByteArray{"S3CRET"} << QByteArray{"is no identity: an identity is one JSON object"};
    QTest::newRow("a list") << QByteArray{R"(["S3CRET"])"} << QByteArray{"an identity is one JSON object"};
    QTest::newRow("without a key") << QByteArray{R"({"name":"S3CRET","key_id":"00000001"})"} << QByteArray{"/key must"};
    QTest::newRow("a key that is too short")
        << QByteArray{R"({"name":"x","key_id":"00000001","key":"S3CRET","home":["192.0.2.1"]})"}
        << QByteArray{"/key must be the base64 of 32 bytes"};
    QTest::newRow("a home that is no address")
        << QByteArray{R"({"name":"x","key_id":"00000001","key":")" + kKey + R"(","home":["S3CRET"]})"}
        << QByteArray{"is no identity: /home is not usable"};
    QTest::newRow("a zone that is none") << QByteArray{R"({"name":"x","key_id":"00000001","key":")" + kKey
        + R"(","home":["192.0.2.1"],"zone":"S3CRET é"})"}
                                         << QByteArray{"is no identity: /zone is not usable"};
}

void TstSettings::anIdentityThatIsNoneIsNotQuoted()
{
    QFETCH(QByteArray, identity);
    QFETCH(QByteArray, told);
    Values values = *parseCommandLine(instrumentProgram(), {});
    const auto complaints = applyConfig(instrumentProgram(), fileWith(identity), values);
    QCOMPARE(complaints.size(), std::size_t{1});
    QCOMPARE(complaints.front().pointer, std::string{"/identity_text"});
    const QByteArray text = QByteArray::fromStdString(complaints.front().text);
    QVERIFY2(text.contains(told), text.constData());
    QVERIFY2(!text.contains("S3CRET") && !text.contains(kKey), text.constData());
    QVERIFY(!values.given("identity-text"));
}

void TstSettings::anIdentityAsTextIsOneWhateverItsSpaces()
{
    const auto read = [](const QByteArray& identity, std::vector<std::string> words = {"--interface=eth0"}) {
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        Values values = *parseCommandLine(instrumentProgram(), arguments);
        const auto complaints = applyConfig(instrumentProgram(), fileWith(identity), values);
        return complaints.empty() ? settingsFrom(values)
                                  : Result<Settings>{Error{Errc::BadInput, 0, complaints.front().text}};
    };
    const QByteArray issued =
        R"({"name":"plant7","key_id":"1a2b3c4d","key":")" + kKey + R"(","home":["192.0.2.10"],"later":{"a":[1]}})";
    const auto first = read(issued);
    QVERIFY2(first, first ? "" : describe(first.error()).c_str());
    QVERIFY(first->identityText.find("\"later\"") != std::string::npos); // what we do not know is kept
    const auto again = read(QJsonDocument::fromJson(issued).toJson()); // with line breaks, and in another order
    QVERIFY(again);
    QCOMPARE(changedKeys(*first, *again), std::vector<std::string>{});
    const auto other = read(QByteArray{issued}.replace("192.0.2.10", "192.0.2.11"));
    QVERIFY(other);
    QCOMPARE(changedKeys(*first, *other), std::vector<std::string>{"identity_text"});
    QVERIFY(restartsBeacon("identity_text") && !fixedForLife("identity_text"));
    QVERIFY(beaconConfig(*first).find("identity") == std::string::npos); // that is for who lays the file down
    const auto both = read(issued, {"--interface=eth0", "--identity=/etc/id.json"});
    QVERIFY(!both);
    QCOMPARE(both.error().context, std::string{"is given, and so is identity; keep one of the two"});
}

void TstSettings::aPlaceOfAPlatformIsFollowed()
{
    const auto settings = settingsFrom(*parseCommandLine(instrumentProgram(), {}),
        {.interface = "eth0", .stateDir = "/run/sensor/persistent", .journal = false, .ownsRuntimeRoot = true});
    QVERIFY(settings);
    QCOMPARE(settings->name, std::string{"eth0"});
    QCOMPARE(settings->stateDir, std::string{"/run/sensor/persistent"});
    QVERIFY(!settings->journal && settings->ownsRuntimeRoot);
}

QTEST_GUILESS_MAIN(TstSettings)
#include "tst_settings.moc"
