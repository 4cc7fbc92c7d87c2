#include "core/event/event_types.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <set>

using namespace beacon;

class TestEventTypes : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void findsByName_data();
    void findsByName();
    void everyTypeHasItsDataSchema();
    void onlyOutputAndAttemptsAreBulk();
};

void TestEventTypes::findsByName_data()
{
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<int>("id"); // -1: none
    QTest::newRow("an exact name is found") << QByteArray("instruments.home.finding.new") << int(EventId::FindingNew);
    QTest::newRow("the health of any type is found")
        << QByteArray("instruments.listener.health") << int(EventId::Health);
    QTest::newRow("the star is one word") << QByteArray("instruments.a.b.health") << -1;
    QTest::newRow("the star is not nothing") << QByteArray("instruments..health") << -1;
    QTest::newRow("a prefix is no name") << QByteArray("instruments.home.finding") << -1;
    QTest::newRow("an unknown name is none of ours") << QByteArray("instruments.beacon.fun") << -1;
}

void TestEventTypes::findsByName()
{
    QFETCH(QByteArray, name);
    QFETCH(int, id);
    const EventType* type = findEventType({name.data(), static_cast<std::size_t>(name.size())});
    QCOMPARE(type == nullptr ? -1 : int(type->id), id);
}

void TestEventTypes::everyTypeHasItsDataSchema()
{
    QFile file(QStringLiteral(BEACON_SOURCE_DIR "/resources/schema/event_data.json"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QJsonObject definitions =
        QJsonDocument::fromJson(file.readAll()).object().value(QLatin1StringView("definitions")).toObject();
    std::set<QString> names;
    for (const EventType& type : kEventTypes) {
        const QString name = QString::fromUtf8(type.name.data(), qsizetype(type.name.size()));
        QVERIFY2(definitions.contains(name), qPrintable(name));
        QVERIFY(type.least <= type.most);
        names.insert(name);
    }
    for (const QString& name : definitions.keys())
        QVERIFY2(!name.startsWith(QLatin1StringView("instruments.")) || names.contains(name), qPrintable(name));
}

void TestEventTypes::onlyOutputAndAttemptsAreBulk()
{
    for (const EventType& type : kEventTypes)
        QCOMPARE(type.bulk, type.id == EventId::BeaconOutput || type.id == EventId::EscapeAttempts);
}

QTEST_GUILESS_MAIN(TestEventTypes)
#include "tst_event_types.moc"
