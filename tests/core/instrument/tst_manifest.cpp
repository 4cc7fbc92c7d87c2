#include "core/instrument/manifest.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace beacon;

namespace {

QByteArray shipped(const char* program)
{
    QFile file{QStringLiteral(BEACON_SOURCE_DIR "/service/%1/metadata.json").arg(QLatin1StringView{program})};
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
}

} // namespace

class TstManifest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theShippedOnesAreValid();
    void whatIsWrongIsNamed_data();
    void whatIsWrongIsNamed();
    void noJsonIsRefused();
};

void TstManifest::theShippedOnesAreValid()
{
    const auto beacon = manifestFromJson(shipped("instrument"));
    QVERIFY2(beacon, beacon ? "" : describe(beacon.error()).c_str());
    QCOMPARE(beacon->type, QStringLiteral("beacon"));
    QVERIFY(beacon->produces(QStringLiteral("instruments.beacon.escape.succeeded")));
    QVERIFY(!beacon->produces(QStringLiteral("instruments.home.noise")));
    QCOMPARE(beacon->interfaces.at(0).capabilities, (QStringList{QStringLiteral("rx"), QStringLiteral("tx")}));
    const auto listener = manifestFromJson(shipped("listener"));
    QVERIFY2(listener, listener ? "" : describe(listener.error()).c_str());
    QVERIFY(listener->relations.at(0).find && !listener->relations.at(0).directMessage);
    QCOMPARE(listener->networkAccess, QStringLiteral("passive"));
    const auto downloader = manifestFromJson(shipped("downloader"));
    QVERIFY2(downloader, downloader ? "" : describe(downloader.error()).c_str());
    QVERIFY(downloader->relations.at(0).find && downloader->relations.at(0).directMessage);
    QCOMPARE(downloader->networkAccess, QStringLiteral("active"));
}

void TstManifest::whatIsWrongIsNamed_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    QTest::addColumn<QString>("pointer");
    const auto row = [](const char* name, const char* key, const QJsonValue& value, const char* pointer) {
        QTest::newRow(name) << QString::fromLatin1(key) << value << QString::fromLatin1(pointer);
    };
    row("a type that is no word", "type", QStringLiteral("Beacon 7"), "/type");
    row("no title", "title", QJsonValue::Undefined, "/title");
    row("an access that there is not", "network_access", QStringLiteral("some"), "/network_access");
    row("an interface without a type", "interfaces", QJsonArray{QJsonObject{}}, "/interfaces/0/type");
    row("a permission that there is not", "relations",
        QJsonArray{QJsonObject{{QStringLiteral("type"), QStringLiteral("x")},
            {QStringLiteral("permissions"), QJsonArray{QStringLiteral("all")}}}},
        "/relations/0/permissions/0");
    row("an event of nobody", "events", QJsonArray{QStringLiteral("*")}, "/events/0");
    row("no health for an hour", "health_period_s", 4'000, "/health_period_s");
    row("a user with a blank", "user", QStringLiteral("root; rm"), "/user");
    row("a schema that is none", "configuration", QJsonObject{{QStringLiteral("type"), 7}}, "/configuration");
    row("a key that there is not", "colour", 1, "/colour");
}

void TstManifest::whatIsWrongIsNamed()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    QFETCH(QString, pointer);
    QJsonObject manifest = QJsonDocument::fromJson(shipped("listener")).object();
    manifest.insert(key, value);
    if (value.isUndefined())
        manifest.remove(key);
    const auto read = manifestFromJson(QJsonDocument{manifest}.toJson());
    QVERIFY(!read);
    QVERIFY2(QString::fromStdString(read.error().context).contains(pointer), read.error().context.c_str());
}

void TstManifest::noJsonIsRefused()
{
    for (const QByteArray& text : {QByteArray{}, QByteArray("{"), QByteArray("[]"), QByteArray(300'000, ' ')})
        QVERIFY(!manifestFromJson(text));
}

QTEST_GUILESS_MAIN(TstManifest)
#include "tst_manifest.moc"
