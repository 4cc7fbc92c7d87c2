#include "service/sensor/secrets.h"

#include <QJsonDocument>
#include <QTest>

using namespace beacon;

namespace {

/// "@/" stands for "#/", at which moc stumbles in a raw string.
QJsonObject json(QByteArray text)
{
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(text.replace("@/", "#/"), &problem);
    if (!document.isObject())
        qFatal("%s in %s", qPrintable(problem.errorString()), text.constData());
    return document.object();
}

QByteArray textOf(const QJsonObject& object)
{
    return QJsonDocument{object}.toJson(QJsonDocument::Compact);
}

const char* const kSchema =
    R"({"definitions": {"key": {"type": "string", "writeOnly": true}, "tree": {"properties": {"key": {"$ref": "@/definitions/key"}, "child": {"$ref": "@/definitions/tree"}}}})"
    R"(,"properties": {)"
    R"("user": {"type": "string"},)"
    R"("password": {"type": "string", "writeOnly": true},)"
    R"("login": {"properties": {"token": {"writeOnly": true}}},)"
    R"("servers": {"items": {"properties": {"password": {"writeOnly": true}}}},)"
    R"("keys": {"items": {"writeOnly": true}},)"
    R"("pair": {"items": [{"type": "string"}, {"writeOnly": true}]},)"
    R"("ref": {"$ref": "@/definitions/key"},)"
    R"("tree": {"$ref": "@/definitions/tree"},)"
    R"("vault": {"writeOnly": true, "properties": {"inner": {"type": "string"}}},)"
    R"("choice": {"anyOf": [{"type": "string", "writeOnly": true}, {"type": "null"}]},)"
    R"("lost": {"$ref": "@/definitions/nothing"},)"
    R"("headers": {"additionalProperties": {"writeOnly": true}, "properties": {"Accept": {"type": "string"}}},)"
    R"("named": {"patternProperties": {"^secret": {"writeOnly": true}}}}})";

} // namespace

class TestSecrets : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aSecretIsMasked_data()
    {
        QTest::addColumn<QByteArray>("config");
        QTest::addColumn<QByteArray>("shown");
        const auto row = [](const char* name, const char* config, const char* shown) {
            QTest::newRow(name) << QByteArray(config) << QByteArray(shown);
        };
        row("one of the first level", R"({"password":"p","user":"u"})", R"({"password":"********","user":"u"})");
        row("a nested one", R"({"login":{"id":1,"token":"t"}})", R"({"login":{"id":1,"token":"********"}})");
        row("in items", R"({"servers":[{"name":"a","password":"p"}]})",
            R"({"servers":[{"name":"a","password":"********"}]})");
        row("an item", R"({"keys":["a",1]})", R"({"keys":["********","********"]})");
        row("in a tuple", R"({"pair":["a","b","c"]})", R"({"pair":["a","********","c"]})");
        row("by reference", R"({"ref":"x"})", R"({"ref":"********"})");
        row("by a reference that repeats", R"({"tree":{"child":{"child":{"key":"k"}},"key":"k"}})",
            R"({"tree":{"child":{"child":{"key":"********"}},"key":"********"}})");
        row("whole objects", R"({"vault":{"inner":"x"}})", R"({"vault":"********"})");
        row("what one of several schemas says", R"({"choice":"x"})", R"({"choice":"********"})");
        row("what cannot be followed", R"({"lost":"x"})", R"({"lost":"********"})");
        row("additional properties", R"({"headers":{"Accept":"a","X":"b"}})",
            R"({"headers":{"Accept":"a","X":"********"}})");
        row("properties by pattern", R"({"named":{"open":"a","secret_1":"b"}})",
            R"({"named":{"open":"a","secret_1":"********"}})");
        row("a null, too", R"({"password":null})", R"({"password":"********"})");
        row("nothing where nothing is", R"({"user":"u"})", R"({"user":"u"})");
        row("what the schema does not know is shown", R"({"other":{"password":"p"}})", R"({"other":{"password":"p"}})");
    }
    void aSecretIsMasked()
    {
        QFETCH(QByteArray, config);
        QFETCH(QByteArray, shown);
        const QJsonObject hidden = masked(json(config), json(kSchema));
        QCOMPARE(textOf(hidden), shown);
        std::vector<Fault> faults;
        QCOMPARE(textOf(unmasked(hidden, json(config), json(kSchema), faults)), config);
        QVERIFY(faults.empty());
    }

    void theMaskBringsTheSecretBack_data()
    {
        QTest::addColumn<QByteArray>("stored");
        QTest::addColumn<QByteArray>("given");
        QTest::addColumn<QByteArray>("meant");
        QTest::addColumn<QString>("fault"); // pointers, joined
        const auto row = [](const char* name, const char* stored, const char* given, const char* meant,
                             const char* fault) {
            QTest::newRow(name) << QByteArray(stored) << QByteArray(given) << QByteArray(meant)
                                << QString::fromUtf8(fault);
        };
        row("a new one is taken", R"({"password":"old"})", R"({"password":"new"})", R"({"password":"new"})", "");
        row("an absent one is gone", R"({"password":"old"})", R"({})", R"({})", "");
        row("a mask where nothing is stored is a fault", R"({})", R"({"password":"********"})",
            R"({"password":"********"})", "/password");
        row("a mask where no secret belongs is a text", R"({"user":"u"})", R"({"user":"********"})",
            R"({"user":"********"})", "");
        row("named items are found in any order",
            R"({"servers":[{"name":"a","password":"1"},{"name":"b","password":"2"}]})",
            R"({"servers":[{"name":"b","password":"********"},{"name":"a","password":"********"}]})",
            R"({"servers":[{"name":"b","password":"2"},{"name":"a","password":"1"}]})", "");
        row("a named item that is new has no secret yet", R"({"servers":[{"name":"a","password":"1"}]})",
            R"({"servers":[{"name":"b","password":"********"}]})",
            R"({"servers":[{"name":"b","password":"********"}]})", "/servers/0/password");
        row("items without a name are found by what else they hold",
            R"({"servers":[{"host":"a","password":"1"},{"host":"b","password":"2"}]})",
            R"({"servers":[{"host":"b","password":"********"}]})", R"({"servers":[{"host":"b","password":"2"}]})", "");
        row("or by their index", R"({"servers":[{"host":"a","password":"1"},{"host":"b","password":"2"}]})",
            R"({"servers":[{"host":"c","password":"********"},{"host":"b","password":"********"}]})",
            R"({"servers":[{"host":"c","password":"1"},{"host":"b","password":"2"}]})", "");
        row("which of several alike was meant is not guessed", R"({"keys":["1","2"]})", R"({"keys":["********"]})",
            R"({"keys":["********"]})", "/keys/0");
        row("those that stayed before a new one", R"({"keys":["1","2"]})", R"({"keys":["********","********","3"]})",
            R"({"keys":["1","2","3"]})", "");
        row("one that was changed among them", R"({"keys":["1","2"]})", R"({"keys":["********","x"]})",
            R"({"keys":["1","x"]})", "");
        row("a shifted one whose index is another's is not guessed", R"({"servers":[{"host":"a","password":"1"}]})",
            R"({"servers":[{"host":"x"},{"host":"y","password":"********"}]})",
            R"({"servers":[{"host":"x"},{"host":"y","password":"********"}]})", "/servers/1/password");
        row("another kind is stored", R"({"login":"text"})", R"({"login":{"token":"********"}})",
            R"({"login":{"token":"********"}})", "/login/token");
        row("every fault is told", R"({})", R"({"login":{"token":"********"},"password":"********"})",
            R"({"login":{"token":"********"},"password":"********"})", "/login/token /password");
    }
    void theMaskBringsTheSecretBack()
    {
        QFETCH(QByteArray, stored);
        QFETCH(QByteArray, given);
        QFETCH(QByteArray, meant);
        QFETCH(QString, fault);
        std::vector<Fault> faults;
        QCOMPARE(textOf(unmasked(json(given), json(stored), json(kSchema), faults)), meant);
        QStringList pointers;
        for (const Fault& each : faults)
            pointers.append(each.pointer);
        QCOMPARE(pointers.join(QLatin1Char(' ')), fault);
    }

    void differencesShowNoSecret()
    {
        const QJsonObject a = json(
            R"({"password":"old","user":"u","vault":{"x":1,"y":2},"servers":[{"name":"a","password":"1"}],"keys":["1"]})");
        const QJsonObject b = json(
            R"({"password":"new","user":"v","vault":{"x":2,"z":2},"servers":[{"name":"a","password":"2"},{"name":"b","password":"3"}]})");
        const auto changes = maskedDifferences(a, b, json(kSchema));
        const QByteArray text = QJsonDocument{toJson(changes)}.toJson(QJsonDocument::Compact);
        QCOMPARE(text,
            QByteArray(R"([{"from":["********"],"pointer":"/keys"},)"
                       R"({"from":"********","pointer":"/password","to":"********"},)"
                       R"({"from":"********","pointer":"/servers/0/password","to":"********"},)"
                       R"({"pointer":"/servers/1","to":{"name":"b","password":"********"}},)"
                       R"({"from":"u","pointer":"/user","to":"v"},)"
                       R"({"from":"********","pointer":"/vault","to":"********"}])"));
    }

    void aTangledSchemaMasksRatherThanShows()
    {
        const QJsonObject circle = json(
            R"({"properties":{"a":{"$ref":"@/definitions/a"}},"definitions":{"a":{"allOf":[{"$ref":"@/definitions/a"}]}}})");
        QCOMPARE(textOf(masked(json(R"({"a":"x","b":"y"})"), circle)), QByteArray(R"({"a":"********","b":"y"})"));
        const QJsonObject all = json(R"({"writeOnly":true,"properties":{"a":{"type":"string"}}})");
        QCOMPARE(
            textOf(masked(json(R"({"a":"x","b":{"c":1}})"), all)), QByteArray(R"({"a":"********","b":"********"})"));
        QCOMPARE(textOf(masked(json(R"({"a":"x"})"), {})), QByteArray(R"({"a":"x"})"));
    }
};

QTEST_GUILESS_MAIN(TestSecrets)
#include "tst_secrets.moc"
