// service/sensor/hub.h: who may find whom and speak to whom; what is to be downloaded.

#include "service/sensor/hub_downloads.h"
#include "tests/service/sensor/hub_lab.h"

#include <QTest>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kBeacon = QStringLiteral("beacon_0");
const QString kListener = QStringLiteral("listener_0");
const QString kDownloader = QStringLiteral("downloader_0");
const QString kFind = QStringLiteral("instrument.find");
const QString kSend = QStringLiteral("message.send");
const QString kRequest = QStringLiteral("download.request");
const QString kWithdraw = QStringLiteral("download.withdraw");
const QString kResult = QStringLiteral("result");
constexpr int kInvalidParams = -32602, kBusy = -32000, kDenied = -32001, kTimeout = -32002, kTooLarge = -32003;

QJsonObject typed(const QString& type)
{
    return {{QStringLiteral("type"), type}};
}

QJsonObject messageTo(const QString& to, const QString& method, const QJsonObject& params = {})
{
    return {{QStringLiteral("to"), to}, {QStringLiteral("method"), method}, {QStringLiteral("params"), params}};
}

QStringList found(const QJsonObject& answer)
{
    QStringList addresses;
    const QJsonArray list = answer[kResult][QStringLiteral("addresses")].toArray();
    for (const auto& address : list)
        addresses << address.toString();
    return addresses;
}

QJsonObject download(const QString& resource, const QString& target = {})
{
    return {{QStringLiteral("resource"), resource}, {QStringLiteral("url"), QStringLiteral("https://198.51.100.7/f")},
        {QStringLiteral("target"), target}, {QStringLiteral("headers"), QJsonObject{}}};
}

QStringList resourcesOf(const RawGuest& guest, const QString& method)
{
    QStringList resources;
    for (const RawGuest::Asked& asked : guest.asked)
        if (asked.method == method)
            resources << asked.params.value(QStringLiteral("resource")).toString();
    return resources;
}

} // namespace

class TestHubRoutes : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void permissionsCountInBothDirections_data();
    void permissionsCountInBothDirections();
    void addressesAreThoseThatAllowIt();
    void aMessageIsAnsweredByTheOther();
    void noInstrumentSpeaksForThePlatform_data();
    void noInstrumentSpeaksForThePlatform();
    void aMessageThatCannotArriveIsAnswered();
    void oneThatIsHungKeepsNobodysMessages();
    void downloadsAreKeptForTheDownloader();
    void aDownloaderThatIsThereAnswersItself();
    void downloadsForOthersAreRefused();
    void downloadsAreBounded();
    void whoIsDismissedWantsNothingMore();
};

void TestHubRoutes::permissionsCountInBothDirections_data()
{
    QTest::addColumn<QStringList>("mine");
    QTest::addColumn<QStringList>("theirs");
    QTest::addColumn<bool>("mayFind");
    QTest::addColumn<bool>("maySend");
    const QString find = QStringLiteral("%1:find"), send = QStringLiteral("%1:direct_message");
    const QString b = QStringLiteral("beacon"), l = QStringLiteral("listener"), h = QStringLiteral("home");
    QTest::newRow("neither says anything") << QStringList{} << QStringList{} << false << false;
    QTest::newRow("only the asker") << QStringList{find.arg(l), send.arg(l)} << QStringList{} << false << false;
    QTest::newRow("only the other") << QStringList{} << QStringList{find.arg(b), send.arg(b)} << false << false;
    QTest::newRow("both, everything") << QStringList{find.arg(l), send.arg(l)} << QStringList{find.arg(b), send.arg(b)}
                                      << true << true;
    QTest::newRow("both, find alone") << QStringList{find.arg(l)} << QStringList{find.arg(b)} << true << false;
    QTest::newRow("both, messages alone") << QStringList{send.arg(l)} << QStringList{send.arg(b)} << false << true;
    QTest::newRow("each another one") << QStringList{find.arg(l)} << QStringList{send.arg(b)} << false << false;
    QTest::newRow("each with a third") << QStringList{find.arg(h), send.arg(h)} << QStringList{find.arg(h), send.arg(h)}
                                       << false << false;
}

void TestHubRoutes::permissionsCountInBothDirections()
{
    QFETCH(QStringList, mine);
    QFETCH(QStringList, theirs);
    QFETCH(bool, mayFind);
    QFETCH(bool, maySend);
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon, mine), listener = lab.arrive(kListener, theirs);
    QVERIFY(beacon && listener);
    const QJsonObject finding = beacon->call(kFind, typed(QStringLiteral("listener")));
    QCOMPARE(errorCode(finding), mayFind ? 0 : kDenied);
    QCOMPARE(found(finding), mayFind ? QStringList{lab.addressOf(kListener)} : QStringList{});
    const QJsonObject sending = beacon->call(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get")));
    QCOMPARE(errorCode(sending), maySend ? 0 : kDenied);
    QCOMPARE(listener->asked.size(), maySend ? std::size_t{1} : std::size_t{0});
    // And the other way round.
    QCOMPARE(errorCode(listener->call(kFind, typed(QStringLiteral("beacon")))), mayFind ? 0 : kDenied);
    QCOMPARE(errorCode(listener->call(kSend, messageTo(lab.addressOf(kBeacon), QStringLiteral("hosts.get")))),
        maySend ? 0 : kDenied);
}

void TestHubRoutes::addressesAreThoseThatAllowIt()
{
    HubLab lab;
    const QStringList toBeacon{QStringLiteral("beacon:find")};
    const auto beacon = lab.arrive(kBeacon, {QStringLiteral("listener:find")});
    QCOMPARE(found(beacon->call(kFind, typed(QStringLiteral("listener")))), QStringList{}); // there is none
    auto first = lab.arrive(QStringLiteral("listener_1"), toBeacon);
    const auto second = lab.arrive(QStringLiteral("listener_2"), toBeacon),
               shy = lab.arrive(QStringLiteral("listener_3"));
    QVERIFY(lab.admit(QStringLiteral("listener_4"))); // it has not come yet
    const QStringList both{QStringLiteral("listener_1@plant7"), QStringLiteral("listener_2@plant7")};
    QCOMPARE(found(beacon->call(kFind, typed(QStringLiteral("listener")))), both);
    first.reset();
    QTRY_VERIFY_WITH_TIMEOUT(!lab.hub.isConnected(both[0]), kPatienceMs);
    QCOMPARE(found(beacon->call(kFind, typed(QStringLiteral("listener")))), both); // it is restarting, perhaps
    lab.hub.dismiss(both[0]);
    QCOMPARE(found(beacon->call(kFind, typed(QStringLiteral("listener")))), both.mid(1));
    QCOMPARE(errorCode(beacon->call(kFind, {})), kInvalidParams);
    QCOMPARE(errorCode(beacon->call(kFind, {{QStringLiteral("type"), 7}})), kInvalidParams);
}

void TestHubRoutes::aMessageIsAnsweredByTheOther()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon, {QStringLiteral("listener:direct_message")});
    const auto listener = lab.arrive(kListener, {QStringLiteral("beacon:direct_message")});
    const QJsonObject hosts{{QStringLiteral("hosts"), 7}};
    listener->answers[QStringLiteral("hosts.get")] = {{kResult, hosts}};
    const QJsonObject params{
        {QStringLiteral("since"), 5}, {QStringLiteral("source_instrument"), QStringLiteral("forged")}};
    QCOMPARE(beacon->call(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get"), params))
                 .value(kResult)
                 .toObject(),
        hosts);
    QCOMPARE(listener->asked.front().params,
        (QJsonObject{{QStringLiteral("since"), 5}, {QStringLiteral("source_instrument"), lab.addressOf(kBeacon)}}));
    const QJsonObject error{{QStringLiteral("code"), -32123}, {QStringLiteral("message"), QStringLiteral("Not today")},
        {QStringLiteral("data"), QJsonObject{{QStringLiteral("a"), 1}}}};
    listener->answers[QStringLiteral("hosts.get")] = {{QStringLiteral("error"), error}};
    QCOMPARE(
        beacon->call(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get")))[QStringLiteral("error")]
            .toObject(),
        error);
}

void TestHubRoutes::noInstrumentSpeaksForThePlatform_data()
{
    QTest::addColumn<QString>("method");
    for (const char* method : {"config.apply", "health.get", "retention.apply", "instrument.stop", "instrument.restart",
             "download.available", "event.deliver", "findings.apply", "ledger.get", "beacon.stop", "selftest.run",
             "update.apply", "support.bundle", "admin.hello", "control.add", "config", "rpc.discover"})
        QTest::newRow(method) << QString::fromLatin1(method);
}

void TestHubRoutes::noInstrumentSpeaksForThePlatform()
{
    QFETCH(QString, method);
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon, {QStringLiteral("listener:direct_message")});
    const auto listener = lab.arrive(kListener, {QStringLiteral("beacon:direct_message")});
    QCOMPARE(errorCode(beacon->call(kSend, messageTo(lab.addressOf(kListener), method))), kDenied);
    QVERIFY(listener->asked.empty());
}

void TestHubRoutes::aMessageThatCannotArriveIsAnswered()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon, {QStringLiteral("listener:direct_message")});
    QVERIFY(lab.admit(kListener));
    const auto send = [&](const QString& to, const QJsonValue& method = QStringLiteral("hosts.get")) {
        QJsonObject message = messageTo(to, {});
        message.insert(QStringLiteral("method"), method);
        return errorCode(beacon->call(kSend, message));
    };
    QCOMPARE(send(QStringLiteral("listener_7@plant7")), kInvalidParams);
    QCOMPARE(send(lab.addressOf(kListener)), kBusy);
    QCOMPARE(send({}), kInvalidParams);
    QCOMPARE(send(lab.addressOf(kListener), {}), kInvalidParams);
    QCOMPARE(send(lab.addressOf(kListener), QString(200, QLatin1Char('x'))), kInvalidParams);
    auto listener = lab.arrive(kListener, {QStringLiteral("beacon:direct_message")});
    listener->answers[QStringLiteral("hosts.get")] = {};
    QJsonObject short_ = messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get"));
    short_.insert(QStringLiteral("deadline_s"), 0.2);
    QCOMPARE(errorCode(beacon->call(kSend, short_)), kTimeout);
    const qint64 ticket = beacon->ask(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get")));
    QTRY_COMPARE_WITH_TIMEOUT(listener->asked.size(), std::size_t{2}, kPatienceMs);
    listener.reset(); // it dies over it
    QCOMPARE(errorCode(beacon->waitForAnswer(ticket)), kBusy);
}

void TestHubRoutes::oneThatIsHungKeepsNobodysMessages()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon, {QStringLiteral("listener:direct_message")});
    const auto hung = lab.arrive(kListener, {QStringLiteral("beacon:direct_message")});
    const auto other = lab.arrive(QStringLiteral("listener_1"), {QStringLiteral("beacon:direct_message")});
    hung->answers[QStringLiteral("hosts.get")] = {};
    std::vector<qint64> tickets;
    for (int i = 0; i < 20; ++i)
        tickets.push_back(beacon->ask(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get"))));
    for (int i = 16; i < 20; ++i) // no more than 16 wait for it
        QCOMPARE(errorCode(beacon->waitForAnswer(tickets[static_cast<std::size_t>(i)])), kBusy);
    QVERIFY(beacon->call(kSend, messageTo(lab.addressOf(QStringLiteral("listener_1")), QStringLiteral("hosts.get")))
                .contains(kResult));
    // The platform itself is still heard.
    bool answered = false;
    lab.hub.request(lab.addressOf(kListener), QStringLiteral("health.get"), {},
        [&](const platform::Answer& answer) { answered = std::holds_alternative<QJsonValue>(answer); });
    QTRY_VERIFY_WITH_TIMEOUT(answered, kPatienceMs);
    QCOMPARE(errorCode(beacon->waitForAnswer(tickets.front())), kTimeout);
    hung->answers.clear();
    QVERIFY(beacon->call(kSend, messageTo(lab.addressOf(kListener), QStringLiteral("hosts.get"))).contains(kResult));
}

void TestHubRoutes::downloadsAreKeptForTheDownloader()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon);
    for (const char* resource : {"one", "two", "three", "two"})
        QVERIFY(beacon->call(kRequest, download(QString::fromLatin1(resource)))[kResult][QStringLiteral("accepted")]
                    .toBool());
    QVERIFY(beacon->call(kWithdraw, {{QStringLiteral("resource"), QStringLiteral("three")}}).contains(kResult));
    auto downloader = lab.arrive(kDownloader);
    const QStringList wanted{QStringLiteral("one"), QStringLiteral("two")};
    QTRY_COMPARE_WITH_TIMEOUT(resourcesOf(*downloader, kRequest), wanted, kPatienceMs);
    QCOMPARE(resourcesOf(*downloader, kWithdraw), QStringList{QStringLiteral("three")}); // it may know it from before
    for (const RawGuest::Asked& asked : downloader->asked) {
        QCOMPARE(asked.params.value(QStringLiteral("target")).toString(), lab.addressOf(kBeacon));
        QCOMPARE(asked.params.value(QStringLiteral("source_instrument")).toString(), lab.addressOf(kBeacon));
    }
    downloader.reset();
    QTRY_VERIFY_WITH_TIMEOUT(!lab.hub.isConnected(lab.addressOf(kDownloader)), kPatienceMs);
    downloader = lab.arrive(kDownloader); // it may have lost them
    QTRY_COMPARE_WITH_TIMEOUT(resourcesOf(*downloader, kRequest), wanted, kPatienceMs);
    QCOMPARE(resourcesOf(*downloader, kWithdraw), QStringList{});
}

void TestHubRoutes::aDownloaderThatIsThereAnswersItself()
{
    HubLab lab;
    auto downloader = lab.arrive(kDownloader);
    const auto beacon = lab.arrive(kBeacon);
    downloader->answers[kRequest] = {
        {kResult, QJsonObject{{QStringLiteral("accepted"), true}, {QStringLiteral("n"), 1}}}};
    QCOMPARE(beacon->call(kRequest, download(QStringLiteral("one")))[kResult][QStringLiteral("n")].toInt(), 1);
    downloader->answers[kRequest] = {{QStringLiteral("error"),
        QJsonObject{
            {QStringLiteral("code"), kInvalidParams}, {QStringLiteral("message"), QStringLiteral("No such thing")}}}};
    QCOMPARE(errorText(beacon->call(kRequest, download(QStringLiteral("two")))), QStringLiteral("No such thing"));
    downloader->answers.clear();
    QVERIFY(beacon->call(kWithdraw, {{QStringLiteral("resource"), QStringLiteral("nothing")}}).contains(kResult));
    downloader = lab.arrive(kDownloader);
    QTRY_COMPARE_WITH_TIMEOUT(resourcesOf(*downloader, kRequest), QStringList{QStringLiteral("one")}, kPatienceMs);
}

void TestHubRoutes::downloadsForOthersAreRefused()
{
    HubLab lab;
    const auto downloader = lab.arrive(kDownloader), beacon = lab.arrive(kBeacon);
    QCOMPARE(errorCode(beacon->call(kRequest, download(QStringLiteral("one"), lab.addressOf(kListener)))), kDenied);
    QVERIFY(beacon->call(kRequest, download(QStringLiteral("one"), lab.addressOf(kBeacon))).contains(kResult));
    const QJsonObject withdrawal{
        {QStringLiteral("resource"), QStringLiteral("one")}, {QStringLiteral("target"), lab.addressOf(kListener)}};
    QCOMPARE(errorCode(beacon->call(kWithdraw, withdrawal)), kDenied);
    QCOMPARE(errorCode(beacon->call(kRequest, {{QStringLiteral("resource"), QStringLiteral("one")}})), kInvalidParams);
    QCOMPARE(errorCode(beacon->call(kWithdraw, {})), kInvalidParams);
    QCOMPARE(downloader->asked.size(), std::size_t{1});
}

void TestHubRoutes::downloadsAreBounded()
{
    HubLab lab;
    const auto beacon = lab.arrive(kBeacon);
    for (int i = 0; i < HubDownloads::kMostPerAsker; ++i)
        QVERIFY(beacon->call(kRequest, download(QString::number(i))).contains(kResult));
    QCOMPARE(errorCode(beacon->call(kRequest, download(QStringLiteral("one more")))), kTooLarge);
    QVERIFY(beacon->call(kRequest, download(QStringLiteral("7"))).contains(kResult));
    QVERIFY(beacon->call(kWithdraw, {{QStringLiteral("resource"), QStringLiteral("7")}}).contains(kResult));
    QVERIFY(beacon->call(kRequest, download(QStringLiteral("one more"))).contains(kResult));
}

void TestHubRoutes::whoIsDismissedWantsNothingMore()
{
    HubLab lab;
    const auto downloader = lab.arrive(kDownloader), beacon = lab.arrive(kBeacon);
    QVERIFY(beacon->call(kRequest, download(QStringLiteral("one"))).contains(kResult));
    lab.hub.dismiss(lab.addressOf(kBeacon));
    QTRY_COMPARE_WITH_TIMEOUT(resourcesOf(*downloader, kWithdraw), QStringList{QStringLiteral("one")}, kPatienceMs);
}

QTEST_GUILESS_MAIN(TestHubRoutes)
#include "tst_hub_routes.moc"
