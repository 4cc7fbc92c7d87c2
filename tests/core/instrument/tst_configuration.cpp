// Faults 65 and 66, and the field notes' paragraph on configuration, as far as they are the Instrument's.

#include "core/instrument/configuration.h"

#include <QJsonArray>
#include <QTest>

using namespace beacon;

namespace {

using Outcome = std::variant<ConfigurationInForce::Applied, std::vector<Fault>>;

const QByteArray kSchema = R"({"type":"object","additionalProperties":false,"required":["interface"],"properties":{
    "interface":{"type":"string","minLength":1,"maxLength":15},
    "rate":{"type":"number","minimum":0.01,"maximum":100,"default":1},
    "mode":{"enum":["slow","fast"],"default":"slow"},
    "key":{"type":"string","pattern":"^[a-f0-9]{8}$","writeOnly":true},
    "ports":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"integer","minimum":1,"maximum":65535}},
    "a/b~c":{"type":"boolean"}}})";

QJsonObject envelope(
    qint64 version, const QJsonObject& config, const char* uuid = "0193e2b4-1111-7000-8000-000000000001")
{
    return {{QStringLiteral("target"), QStringLiteral("beacon_0@plant7")}, {QStringLiteral("version"), version},
        {QStringLiteral("uuid"), QString::fromLatin1(uuid)}, {QStringLiteral("timestamp"), 1764000000.5},
        {QStringLiteral("source_instrument"), QStringLiteral("sensor")}, {QStringLiteral("config"), config}};
}

QJsonObject good(QJsonObject more = {})
{
    more.insert(QStringLiteral("interface"), QStringLiteral("eth0"));
    return more;
}

struct Rig {
    Schema schema = *Schema::parse(kSchema);
    int checks = 0;
    ConfigurationInForce inForce{
        QStringLiteral("beacon_0@plant7"), QStringLiteral("beacon"), schema, [this](const QJsonObject& config) {
            ++checks;
            return config.value(QStringLiteral("rate")).toDouble() == 13
                ? std::vector{Fault{QStringLiteral("/rate"), QStringLiteral("brings bad luck")}}
                : std::vector<Fault>{};
        }};
};

const ConfigurationInForce::Applied* applied(const Outcome& outcome)
{
    return std::get_if<ConfigurationInForce::Applied>(&outcome);
}
std::vector<Fault> faultsOf(const Outcome& outcome)
{
    const auto* faults = std::get_if<std::vector<Fault>>(&outcome);
    return faults == nullptr ? std::vector<Fault>{} : *faults;
}

} // namespace

class TstConfiguration : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theFirstListsAllKeysWithDefaults();
    void onlyWhatChangedIsNamed();
    void theSameAgainIsRepeatedAndNotApplied();
    void aStaleVersionDoesNotOverwrite();
    void aRejectedChangeLeavesNoTrace();
    void documentsForOurTypeAreOurs();
    void whatIsWrongIsSaidWithItsPlace_data();
    void whatIsWrongIsSaidWithItsPlace();
    void secretsAreNotQuoted();
    void secretsWithinSecretsAreNotQuoted();
    void badEnvelopes_data();
    void badEnvelopes();
    void hugeAndDeepDocumentsAreRefused();
    void schemasThatCannotBeUsed_data();
    void schemasThatCannotBeUsed();
    void manyFaultsAreBounded();
};

void TstConfiguration::theFirstListsAllKeysWithDefaults()
{
    Rig rig;
    const Outcome outcome = rig.inForce.apply(envelope(5, good()));
    QVERIFY(applied(outcome));
    QVERIFY(!applied(outcome)->previous);
    QCOMPARE(applied(outcome)->changed,
        (QStringList{QStringLiteral("interface"), QStringLiteral("mode"), QStringLiteral("rate")}));
    QCOMPARE(rig.inForce.config().value(QStringLiteral("rate")).toDouble(), 1.0);
}

void TstConfiguration::onlyWhatChangedIsNamed()
{
    Rig rig;
    QVERIFY(applied(rig.inForce.apply(envelope(1, good({{QStringLiteral("rate"), 2}})))));
    const Outcome spelledOut = rig.inForce.apply(
        envelope(2, good({{QStringLiteral("rate"), 2}, {QStringLiteral("mode"), QStringLiteral("slow")}})));
    QVERIFY(applied(spelledOut) && applied(spelledOut)->changed.isEmpty()); // the default, said
    const Outcome gone = rig.inForce.apply(envelope(3, good()));
    QCOMPARE(applied(gone)->changed, QStringList{QStringLiteral("rate")}); // back to the default
    QCOMPARE(*applied(gone)->previous, 2);
}

void TstConfiguration::theSameAgainIsRepeatedAndNotApplied()
{
    Rig rig;
    QVERIFY(applied(rig.inForce.apply(envelope(1, good()))));
    const Outcome again = rig.inForce.apply(envelope(1, good()));
    QVERIFY(applied(again) && applied(again)->repeated);
    QCOMPARE(rig.checks, 1);
    const Outcome another =
        rig.inForce.apply(envelope(1, good(), "0193e2b4-1111-7000-8000-000000000002")); // two writers
    QCOMPARE(faultsOf(another).at(0).pointer, QStringLiteral("/version"));
}

void TstConfiguration::aStaleVersionDoesNotOverwrite()
{
    Rig rig;
    QVERIFY(applied(rig.inForce.apply(envelope(7, good({{QStringLiteral("rate"), 7}})))));
    const Outcome stale = rig.inForce.apply(envelope(6, good({{QStringLiteral("rate"), 6}})));
    QCOMPARE(faultsOf(stale).at(0).pointer, QStringLiteral("/version"));
    QVERIFY(faultsOf(stale).at(0).text.contains(QStringLiteral("7 is in force")));
    QCOMPARE(rig.inForce.config().value(QStringLiteral("rate")).toDouble(), 7.0);
}

void TstConfiguration::aRejectedChangeLeavesNoTrace()
{
    Rig rig;
    QVERIFY(applied(rig.inForce.apply(envelope(1, good()))));
    const Outcome refused = rig.inForce.apply(envelope(2, good({{QStringLiteral("rate"), 13}})));
    QCOMPARE(
        faultsOf(refused), (std::vector<Fault>{{QStringLiteral("/config/rate"), QStringLiteral("brings bad luck")}}));
    QCOMPARE(rig.inForce.document()->version, 1);
    QVERIFY(applied(rig.inForce.apply(envelope(2, good({{QStringLiteral("rate"), 3}}))))); // the number is free still
}

void TstConfiguration::documentsForOurTypeAreOurs()
{
    Rig rig;
    QJsonObject document = envelope(1, good());
    document.insert(QStringLiteral("target"), QStringLiteral("beacon"));
    QVERIFY(applied(rig.inForce.apply(document)));
}

void TstConfiguration::whatIsWrongIsSaidWithItsPlace_data()
{
    QTest::addColumn<QJsonObject>("config");
    QTest::addColumn<QString>("pointer");
    QTest::addColumn<QString>("text");
    const auto row = [](const char* name, const QJsonObject& config, const char* pointer, const char* text) {
        QTest::newRow(name) << config << QString::fromLatin1(pointer) << QString::fromUtf8(text);
    };
    const auto key = [](const char* name) { return QString::fromLatin1(name); };
    row("a missing key", {}, "/config/interface", "is missing; add it");
    row("an extra key", good({{key("colour"), 1}}), "/config/colour",
        "is not a key here; remove it, or use one of: a/b~c, interface, key, mode, ports, rate");
    row("a hostile key", good({{QStringLiteral("x/y~\x1b[2J"), 1}}), "/config/x~1y~0\\u001b[2J",
        "is not a key here; remove it, or use one of: a/b~c, interface, key, mode, ports, rate");
    row("a wrong type", good({{key("rate"), key("fast")}}), "/config/rate",
        "must be a number from 0.01 to 100, but is a string");
    row("null", good({{key("rate"), QJsonValue::Null}}), "/config/rate",
        "must be a number from 0.01 to 100, but is null");
    row("out of range", good({{key("rate"), 1000}}), "/config/rate", "must be a number from 0.01 to 100, but is 1000");
    row("none of the choices", good({{key("mode"), key("warp")}}), "/config/mode",
        "must be one of slow, fast, but is \"warp\"");
    row("too long", {{key("interface"), QString(16, QLatin1Char('e'))}}, "/config/interface",
        "may have at most 15 characters, but has 16");
    row("an empty list", good({{key("ports"), QJsonArray{}}}), "/config/ports",
        "is an empty array; list something or leave the key out");
    row("too many", good({{key("ports"), QJsonArray{1, 2, 3, 4}}}), "/config/ports",
        "may have at most 3 items, but has 4");
    row("a bad item", good({{key("ports"), QJsonArray{1, 1.5}}}), "/config/ports/1",
        "must be a whole number from 1 to 65535, but is a number");
    row("a key that needs escaping", good({{key("a/b~c"), 1}}), "/config/a~1b~0c",
        "must be true or false, but is a number");
    row("a text that could exhaust the stack", good({{key("key"), QString(100'000, QLatin1Char('a'))}}), "/config/key",
        "is longer than 4096 characters; shorten it");
}

void TstConfiguration::whatIsWrongIsSaidWithItsPlace()
{
    QFETCH(QJsonObject, config);
    QFETCH(QString, pointer);
    QFETCH(QString, text);
    Rig rig;
    const auto faults = faultsOf(rig.inForce.apply(envelope(1, config)));
    QCOMPARE(faults.size(), std::size_t{1});
    QCOMPARE(faults[0].pointer, pointer);
    QCOMPARE(faults[0].text, text);
    QVERIFY(!rig.inForce.document());
}

void TstConfiguration::secretsAreNotQuoted()
{
    Rig rig;
    const auto faults =
        faultsOf(rig.inForce.apply(envelope(1, good({{QStringLiteral("key"), QStringLiteral("topsecret")}}))));
    QCOMPARE(faults.size(), std::size_t{1});
    QVERIFY(!faults[0].text.contains(QStringLiteral("topsecret")));
}

void TstConfiguration::secretsWithinSecretsAreNotQuoted()
{
    const Schema schema = *Schema::parse(R"({"properties":{
        "a":{"writeOnly":true,"allOf":[{"enum":["x"]}]},
        "b":{"writeOnly":true,"anyOf":[{"enum":["x"]},{"type":"number"}]},
        "c":{"writeOnly":true,"type":"array","items":{"enum":["x"]}}}})");
    const QString secret = QStringLiteral("topsecret");
    const auto faults = schema.check({{QStringLiteral("a"), secret}, {QStringLiteral("b"), secret},
        {QStringLiteral("c"), QJsonArray{QJsonValue{secret}}}});
    QCOMPARE(faults.size(), std::size_t{3});
    for (const Fault& fault : faults)
        QVERIFY2(!fault.text.contains(secret), qPrintable(fault.text));
}

void TstConfiguration::badEnvelopes_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QJsonValue>("value");
    for (const char* key : {"target", "version", "uuid", "timestamp", "source_instrument", "config"}) {
        QTest::addRow("no %s", key) << QString::fromLatin1(key) << QJsonValue{QJsonValue::Undefined};
        QTest::addRow("%s is a list", key) << QString::fromLatin1(key) << QJsonValue{QJsonArray{1}};
    }
    QTest::newRow("version 0") << QStringLiteral("version") << QJsonValue{0};
    QTest::newRow("version 1.5") << QStringLiteral("version") << QJsonValue{1.5};
    QTest::newRow("version 1e300") << QStringLiteral("version") << QJsonValue{1e300};
    QTest::newRow("a long target") << QStringLiteral("target") << QJsonValue{QString(5'000, QLatin1Char('x'))};
    QTest::newRow("somebody else's") << QStringLiteral("target") << QJsonValue{QStringLiteral("beacon_1@plant7")};
}

void TstConfiguration::badEnvelopes()
{
    QFETCH(QString, key);
    QFETCH(QJsonValue, value);
    Rig rig;
    QJsonObject document = envelope(1, good());
    document.insert(key, value);
    if (value.isUndefined())
        document.remove(key);
    const auto faults = faultsOf(rig.inForce.apply(document));
    QCOMPARE(faults.size(), std::size_t{1});
    QCOMPARE(faults[0].pointer, QLatin1Char('/') + key);
}

void TstConfiguration::hugeAndDeepDocumentsAreRefused()
{
    Rig rig;
    QCOMPARE(
        faultsOf(rig.inForce.apply(envelope(1, good({{QStringLiteral("key"), QString(600'000, QLatin1Char('x'))}}))))
            .size(),
        std::size_t{1});
    QJsonValue deep = 1;
    for (int i = 0; i < 100; ++i)
        deep = QJsonObject{{QStringLiteral("d"), deep}};
    const auto faults = faultsOf(rig.inForce.apply(envelope(1, good({{QStringLiteral("deep"), deep}}))));
    QCOMPARE(faults.size(), std::size_t{1});
    QVERIFY(faults[0].text.contains(QStringLiteral("nested")));
}

void TstConfiguration::schemasThatCannotBeUsed_data()
{
    QTest::addColumn<QByteArray>("schema");
    QTest::newRow("no JSON") << QByteArray("{");
    QTest::newRow("no object") << QByteArray("[]");
    QTest::newRow("refers elsewhere") << QByteArray(R"({"properties":{"a":{"$ref":"http://192.0.2.1/x.json"}}})");
    QTest::newRow("a file") << QByteArray(R"({"$ref":"file:///etc/passwd"})");
    QTest::newRow("a circle") << QByteArray(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})");
    QTest::newRow("a wide circle") << QByteArray(R"({"definitions":{"a":{"items":{"$ref":"#/definitions/b"}},
        "b":{"items":{"$ref":"#/definitions/a"}}},"$ref":"#/definitions/a"})");
    QTest::newRow("a bad type") << QByteArray(R"({"type":7})");
    QTest::newRow("a bad pattern") << QByteArray(R"({"properties":{"a":{"type":"string","pattern":"("}}})");
    QTest::newRow("too deep") << QByteArray(100, '[') + QByteArray(100, ']');
}

void TstConfiguration::schemasThatCannotBeUsed()
{
    QFETCH(QByteArray, schema);
    const auto parsed = Schema::parse(schema);
    if (parsed) // a bad pattern shows only when it is used: it must refuse then, and not throw
        QVERIFY(!parsed->check({{QStringLiteral("a"), QStringLiteral("x")}}).empty());
    else
        QVERIFY(!parsed.error().context.empty());
}

void TstConfiguration::manyFaultsAreBounded()
{
    Rig rig;
    QJsonObject config = good();
    for (int i = 0; i < 1'000; ++i)
        config.insert(QStringLiteral("k%1").arg(i), i);
    QCOMPARE(faultsOf(rig.inForce.apply(envelope(1, config))).size(), Schema::kMaxFaults);
}

QTEST_GUILESS_MAIN(TstConfiguration)
#include "tst_configuration.moc"
