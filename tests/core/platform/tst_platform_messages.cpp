#include "core/platform/messages.h"

#include <QTest>

using namespace beacon;
using namespace beacon::platform;

namespace {

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

QJsonObject welcomeJson()
{
    Welcome welcome;
    welcome.address = text("beacon_0@plant7");
    welcome.persistentStorage = text("/var/lib/x");
    welcome.interfaces.push_back({text("eth0"), text("bridge"), {text("rx"), text("tx")}});
    return toJson(welcome);
}

} // namespace

class TstPlatformMessages : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void timesOfRfc3339_data();
    void timesOfRfc3339();
    void timesGoThereAndBack();
    void patterns_data();
    void patterns();
    void welcomesThatCannotBeUsed_data();
    void welcomesThatCannotBeUsed();
    void deadlines();
    void downloads();
    void countsOfAnUplinkGoThereAndBack();
    void countsThatAreNone_data();
    void countsThatAreNone();
};

void TstPlatformMessages::timesOfRfc3339_data()
{
    QTest::addColumn<QString>("words");
    QTest::addColumn<qint64>("micros"); // -1: it is none
    QTest::newRow("UTC") << text("2026-11-24T12:00:00Z") << qint64{1'795'521'600'000'000};
    QTest::newRow("an offset") << text("2026-11-24T13:30:00+01:30") << qint64{1'795'521'600'000'000};
    QTest::newRow("a microsecond") << text("2026-11-24T12:00:00.000001Z") << qint64{1'795'521'600'000'001};
    QTest::newRow("half a second west") << text("2026-11-24T11:00:00.5-01:00") << qint64{1'795'521'600'500'000};
    QTest::newRow("finer than we keep") << text("2026-11-24T12:00:00.0000019Z") << qint64{1'795'521'600'000'001};
    for (const char* bad : {"", "yesterday", "2026-11-24", "2026-11-24T12:00:00", "2026-11.5-24T12:00:00Z",
             "2026-11-24T12:00:00Z.5", "2026-11-24T12:00:00.Z", "2026-13-24T12:00:00Z", "2026-11-24T12:00:00,5Z"})
        QTest::addRow("no time: %s", bad) << text(bad) << qint64{-1};
}

void TstPlatformMessages::timesOfRfc3339()
{
    QFETCH(QString, words);
    QFETCH(qint64, micros);
    const auto time = timeFromRfc3339(words);
    QCOMPARE(time ? static_cast<qint64>(time->time_since_epoch().count()) : -1, micros);
}

void TstPlatformMessages::timesGoThereAndBack()
{
    for (const qint64 micros : {qint64{0}, qint64{1}, qint64{1'795'521'600'999'999}}) {
        const WallTime time{std::chrono::microseconds{micros}};
        QCOMPARE(timeFromRfc3339(toRfc3339(time)), std::optional{time});
    }
}

void TstPlatformMessages::patterns_data()
{
    QTest::addColumn<QString>("pattern");
    QTest::addColumn<bool>("valid");
    QTest::addColumn<bool>("matchesLeak");
    QTest::newRow("exact") << text("instruments.beacon.escape.succeeded") << true << true;
    QTest::newRow("prefix") << text("instruments.beacon.*") << true << true;
    QTest::newRow("all") << text("*") << true << true;
    QTest::newRow("a beginning without a star") << text("instruments.beacon") << true << false;
    QTest::newRow("another") << text("instruments.home.*") << true << false;
    QTest::newRow("empty") << QString{} << false << false;
    QTest::newRow("a star inside") << text("instruments.*.health") << false << false;
    QTest::newRow("capitals") << text("Instruments.*") << false << false;
    QTest::newRow("128") << QString(128, QLatin1Char('a')) << true << false;
    QTest::newRow("129") << QString(129, QLatin1Char('a')) << false << false;
}

void TstPlatformMessages::patterns()
{
    QFETCH(QString, pattern);
    QFETCH(bool, valid);
    QFETCH(bool, matchesLeak);
    QCOMPARE(isPattern(pattern), valid);
    QCOMPARE(bool{subscriptionFromJson({{text("match"), pattern}})}, valid);
    if (valid)
        QCOMPARE(matches(pattern, text("instruments.beacon.escape.succeeded")), matchesLeak);
}

void TstPlatformMessages::welcomesThatCannotBeUsed_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    const auto interface = [](const QJsonValue& name, const QJsonValue& capabilities) {
        return QJsonValue{QJsonArray{QJsonValue{
            QJsonObject{{text("name"), name}, {text("type"), text("phy")}, {text("capabilities"), capabilities}}}}};
    };
    QTest::newRow("no address") << text("address") << QJsonValue{};
    QTest::newRow("an address without a sensor") << text("address") << QJsonValue{text("beacon_0")};
    QTest::newRow("a relative path") << text("storage") << QJsonValue{QJsonObject{{text("persistent"), text("x")}}};
    QTest::newRow("storage that is text") << text("storage") << QJsonValue{text("/x")};
    QTest::newRow("a NUL") << text("incoming") << QJsonValue{QString{QChar{u'/'}} + QChar{u'\0'}};
    QTest::newRow("a configuration that is text") << text("configuration") << QJsonValue{text("x")};
    QTest::newRow("an interface with a slash") << text("interfaces") << interface(text("../x"), QJsonArray{});
    QTest::newRow("an interface that is too long")
        << text("interfaces") << interface(text("abcdefghijklmnop"), QJsonArray{});
    QTest::newRow("a capability that is a number") << text("interfaces") << interface(text("eth0"), QJsonArray{1});
}

void TstPlatformMessages::welcomesThatCannotBeUsed()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    QVERIFY(welcomeFromJson(welcomeJson()));
    QJsonObject json = welcomeJson();
    json.insert(key, value);
    const auto read = welcomeFromJson(json);
    QVERIFY(!read);
    QCOMPARE(read.error().code, Errc::BadInput);
    QVERIFY(!read.error().context.empty());
}

void TstPlatformMessages::deadlines()
{
    using namespace std::chrono_literals;
    QCOMPARE(*stopDeadlineFromJson({}), std::chrono::milliseconds{10s});
    QCOMPARE(*stopDeadlineFromJson({{text("deadline_s"), 0.5}}), std::chrono::milliseconds{500ms});
    QVERIFY(!stopDeadlineFromJson({{text("deadline_s"), -1}}));
    QVERIFY(!stopDeadlineFromJson({{text("deadline_s"), 1e9}}));
    const auto retention =
        retentionRequestFromJson({{text("older_than"), text("2026-11-24T12:00:00Z")}, {text("deadline_s"), 7}});
    QVERIFY(retention && retention->deadline == 7s);
    QVERIFY(!retentionRequestFromJson({{text("deadline_s"), 7}}));
}

void TstPlatformMessages::downloads()
{
    DownloadAvailable download{text("beacon"), text("/in/beacon"), {}, 42, QByteArray(64, '\x5a'), {}};
    const auto back = downloadAvailableFromJson(toJson(download));
    QVERIFY(back);
    QCOMPARE(back->sha512, download.sha512);
    download.sha512.chop(1);
    QVERIFY(!downloadAvailableFromJson(toJson(download)));
    download.sha512 = QByteArray(64, '\x5a');
    download.path = text("in/beacon");
    QVERIFY(!downloadAvailableFromJson(toJson(download)));
}

void TstPlatformMessages::countsOfAnUplinkGoThereAndBack()
{
    const UplinkCounted counted{
        text("eth0"), 871, 40, WallTime{std::chrono::microseconds{1'764'000'000'250'000}}, std::nullopt};
    auto read = uplinkCountedFromJson(toJson(counted));
    QVERIFY(read);
    QCOMPARE(read->interface, text("eth0"));
    QCOMPARE(read->frames, 871);
    QCOMPARE(read->tokens, 40);
    QCOMPARE(read->since, counted.since);
    QVERIFY(!read->last);
    UplinkCounted later = counted;
    later.last = counted.since + std::chrono::seconds{5};
    read = uplinkCountedFromJson(toJson(later));
    QVERIFY(read && read->last == later.last);
}

void TstPlatformMessages::countsThatAreNone_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    QTest::newRow("no interface") << text("interface") << QJsonValue{QJsonValue::Undefined};
    QTest::newRow("an interface with a name that is too long") << text("interface") << QJsonValue{QString(16, u'x')};
    QTest::newRow("fewer than no frames") << text("frames") << QJsonValue{-1};
    QTest::newRow("half a token") << text("tokens") << QJsonValue{0.5};
    QTest::newRow("no beginning") << text("since") << QJsonValue{QJsonValue::Null};
    QTest::newRow("a time in words") << text("last") << QJsonValue{text("now")};
    QTest::newRow("a time beyond all") << text("last") << QJsonValue{1e300};
}

void TstPlatformMessages::countsThatAreNone()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    QJsonObject params = toJson(UplinkCounted{text("eth0"), 1, 1, WallTime{}, std::nullopt});
    params.insert(key, value);
    if (value.isUndefined())
        params.remove(key);
    const auto read = uplinkCountedFromJson(params);
    QVERIFY(!read);
    QVERIFY2(QString::fromStdString(describe(read.error())).contains(key), describe(read.error()).c_str());
}

QTEST_GUILESS_MAIN(TstPlatformMessages)
#include "tst_platform_messages.moc"
