#include "service/instrument/settings.h"

#include <QTest>

using namespace beacon;

namespace {

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

QTEST_GUILESS_MAIN(TstSettings)
#include "tst_settings.moc"
