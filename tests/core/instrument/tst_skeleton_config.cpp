#include "tests/core/instrument/skeleton_rig.h"

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kApplied = QStringLiteral("instruments.beacon.config.applied"); // NOLINT(cert-err58-cpp)
const QString kRejected = QStringLiteral("instruments.beacon.config.rejected"); // NOLINT(cert-err58-cpp)

/// What the Instrument was given, in order.
struct Given {
    std::vector<QJsonObject> configs;
    std::vector<QStringList> changed;
    Handlers handlers()
    {
        Handlers all;
        all.configure = [this](const QJsonObject& config, const QStringList& keys) {
            configs.push_back(config);
            changed.push_back(keys);
        };
        return all;
    }
};

QJsonObject rate(int value)
{
    return {{QStringLiteral("rate"), value}};
}

QJsonObject envelope(qint64 version, const QJsonObject& config, const QString& target = kAddress)
{
    ConfigDocument document;
    document.target = target;
    document.version = version;
    document.uuid = QUuid::createUuid();
    document.sourceInstrument = QStringLiteral("sensor_0@plant7");
    document.config = config;
    return toJson(document);
}

QJsonObject requiredSchema()
{
    QJsonObject schema = plainSchema();
    schema.insert(QStringLiteral("required"), QJsonArray{QStringLiteral("name")});
    return schema;
}

bool isApplied(const Answer& answer)
{
    return resultOf(answer).value(QStringLiteral("applied")).toBool();
}
QString firstPointer(const Answer& answer)
{
    return resultOf(answer)
        .value(QStringLiteral("errors"))
        .toArray()
        .at(0)
        .toObject()[QStringLiteral("pointer")]
        .toString();
}

} // namespace

class TstSkeletonConfig : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void staleVersionOverwrites();
    void rejectedChangeStaysCached();
    void conflictOfTwoWriters();
    void missingOrExtraKeyStopsTheProgram();
    void sameDocumentTwiceConfiguresOnce();
    void changedKeysOnly();
    void firstConfigurationListsAllKeys();
    void missingConfigurationTakesDefaults();
    void missingConfigurationWhereOneIsRequired();
    void resumedConnectionConfiguresOnce();
    void whatTheSchemaCannotSay();
    void standAloneFirstSaveCountsTheVersion();
    void standAloneRejects();
};

void TstSkeletonConfig::staleVersionOverwrites()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(5, rate(7));
    QVERIFY(rig.up());
    for (const qint64 version : {4, 5}) {
        const Answer answer = rig.platform->ask(method::kConfigApply, envelope(version, rate(99)));
        QVERIFY(!isApplied(answer));
        QCOMPARE(firstPointer(answer), QStringLiteral("/version"));
    }
    QCOMPARE(rig.skeleton->configVersion(), 5);
    QCOMPARE(rig.skeleton->config().value(QStringLiteral("rate")), QJsonValue{7});
    QCOMPARE(given.configs.size(), 1U);
    QTRY_COMPARE(rig.platform->count(kRejected), 2);
    QCOMPARE(rig.platform->last(kRejected).value(QStringLiteral("previous")), QJsonValue{5});
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeletonConfig::rejectedChangeStaysCached()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(1, rate(7));
    QVERIFY(rig.up());
    const Answer refused = rig.platform->ask(method::kConfigApply, envelope(2, rate(1'000)));
    QVERIFY(!isApplied(refused));
    QCOMPARE(firstPointer(refused), QStringLiteral("/config/rate"));
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("config_rejected")});
    QCOMPARE(rig.skeleton->config().value(QStringLiteral("rate")), QJsonValue{7});
    // The number that the refused one had is free, and nothing of it shines through.
    QVERIFY(isApplied(
        rig.platform->ask(method::kConfigApply, envelope(2, {{QStringLiteral("name"), QStringLiteral("y")}}))));
    QCOMPARE(rig.skeleton->config().value(QStringLiteral("rate")), QJsonValue{5});
    QCOMPARE(rig.reasons(), QStringList{});
    QTRY_COMPARE(rig.platform->count(kApplied), 2);
    QCOMPARE(rig.platform->count(kRejected), 1);
    QCOMPARE(rig.platform->bad, QStringList{});
}

/// Two that save over version 1: one wins, the other is told once, and nothing is written back.
void TstSkeletonConfig::conflictOfTwoWriters()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(1, rate(7));
    QVERIFY(rig.up());
    QVERIFY(isApplied(rig.platform->ask(method::kConfigApply, envelope(2, rate(8)))));
    QVERIFY(!isApplied(rig.platform->ask(method::kConfigApply, envelope(2, rate(9)))));
    QTRY_COMPARE(rig.platform->count(kRejected), 1);
    QCOMPARE(rig.platform->count(kApplied), 2);
    QCOMPARE(given.configs.size(), 2U);
    QCOMPARE(rig.skeleton->config().value(QStringLiteral("rate")), QJsonValue{8});
}

void TstSkeletonConfig::missingOrExtraKeyStopsTheProgram()
{
    Rig rig{{}, requiredSchema()};
    QVERIFY(rig.up());
    const QJsonObject name{{QStringLiteral("name"), QStringLiteral("y")}};
    QJsonObject extra = name;
    extra.insert(QStringLiteral("no.such"), 1);
    for (const QJsonObject& params : {QJsonObject{}, envelope(1, rate(3)), envelope(1, extra),
             envelope(1, name, QStringLiteral("other_0@plant7"))}) {
        const Answer answer = rig.platform->ask(method::kConfigApply, params);
        QCOMPARE(codeOf(answer), 0);
        QVERIFY(!isApplied(answer) && !firstPointer(answer).isNull());
    }
    QCOMPARE(rig.stops, 0);
    QVERIFY(isApplied(rig.platform->ask(method::kConfigApply, envelope(1, name, QStringLiteral("beacon")))));
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeletonConfig::sameDocumentTwiceConfiguresOnce()
{
    Given given;
    Rig rig{given.handlers()};
    QVERIFY(rig.up());
    const QJsonObject document = envelope(3, rate(7));
    for (int i = 0; i < 2; ++i)
        QCOMPARE(resultOf(rig.platform->ask(method::kConfigApply, document)).value(QStringLiteral("version")),
            QJsonValue{3});
    QTRY_COMPARE(rig.platform->count(kApplied), 1);
    QCOMPARE(given.configs.size(), 2U); // the defaults, and this one
}

void TstSkeletonConfig::changedKeysOnly()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(1, {});
    QVERIFY(rig.up());
    QVERIFY(isApplied(rig.platform->ask(method::kConfigApply, envelope(2, rate(6)))));
    QCOMPARE(given.changed.back(), QStringList{QStringLiteral("rate")});
    // What was a default is now said, and the same: nothing changed.
    QVERIFY(isApplied(rig.platform->ask(method::kConfigApply,
        envelope(3, {{QStringLiteral("rate"), 6}, {QStringLiteral("name"), QStringLiteral("x")}}))));
    QCOMPARE(given.changed.back(), QStringList{});
    QTRY_COMPARE(rig.platform->count(kApplied), 3);
    QCOMPARE(rig.platform->last(kApplied).value(QStringLiteral("changed_keys")).toArray().size(), 0);
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeletonConfig::firstConfigurationListsAllKeys()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(4, {{QStringLiteral("extra"), QJsonArray{1}}});
    QVERIFY(rig.up());
    QCOMPARE(given.changed.size(), 1U);
    QCOMPARE(given.changed[0], (QStringList{QStringLiteral("extra"), QStringLiteral("name"), QStringLiteral("rate")}));
    QTRY_COMPARE(rig.platform->count(kApplied), 1);
    QVERIFY(rig.platform->last(kApplied).value(QStringLiteral("previous")).isNull());
    QCOMPARE(rig.platform->bad, QStringList{});
}

void TstSkeletonConfig::missingConfigurationTakesDefaults()
{
    Given given;
    Rig rig{given.handlers()};
    QVERIFY(rig.up());
    QCOMPARE(given.configs.size(), 1U);
    QCOMPARE(given.configs[0].value(QStringLiteral("rate")), QJsonValue{5});
    QCOMPARE(given.changed[0], (QStringList{QStringLiteral("name"), QStringLiteral("rate")}));
    QCOMPARE(rig.reasons(), QStringList{});
    QVERIFY(isApplied(rig.platform->ask(method::kConfigApply, envelope(1, rate(9)))));
    QCOMPARE(given.changed.back(), QStringList{QStringLiteral("rate")});
}

void TstSkeletonConfig::missingConfigurationWhereOneIsRequired()
{
    Given given;
    Rig rig{given.handlers(), requiredSchema()};
    QVERIFY(rig.up());
    QCOMPARE(given.configs.size(), 0U);
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("config_missing")});
    QVERIFY(rig.textOf("config_missing").contains(QStringLiteral("name")));
    QVERIFY(isApplied(
        rig.platform->ask(method::kConfigApply, envelope(1, {{QStringLiteral("name"), QStringLiteral("y")}}))));
    QCOMPARE(rig.reasons(), QStringList{});
}

void TstSkeletonConfig::resumedConnectionConfiguresOnce()
{
    Given given;
    Rig rig{given.handlers()};
    rig.platform->welcome.configuration = envelope(1, rate(7));
    QVERIFY(rig.up());
    for (const qint64 version : {1, 2}) {
        if (version == 2) // saved while the link was down
            rig.platform->welcome.configuration = envelope(2, rate(8));
        rig.platform->link->cut();
        QTRY_VERIFY(!rig.near->isUp());
        rig.platform->link->restore();
        QTRY_COMPARE(rig.skeleton->configVersion(), version);
        QTRY_COMPARE(rig.reasons(), QStringList{});
    }
    QCOMPARE(given.configs.size(), 2U);
    QCOMPARE(rig.platform->count(kRejected), 0);
}

void TstSkeletonConfig::whatTheSchemaCannotSay()
{
    Handlers handlers;
    handlers.check = [](const QJsonObject& config) -> std::vector<Fault> {
        if (config.value(QStringLiteral("rate")) == QJsonValue{13})
            return {{QStringLiteral("/rate"), QStringLiteral("is unlucky")}};
        return {};
    };
    Rig rig{std::move(handlers)};
    QVERIFY(rig.up());
    QCOMPARE(
        firstPointer(rig.platform->ask(method::kConfigApply, envelope(1, rate(13)))), QStringLiteral("/config/rate"));
    QCOMPARE(rig.reasons(), QStringList{QStringLiteral("config_rejected")}); // the defaults stay in force
}

void TstSkeletonConfig::standAloneFirstSaveCountsTheVersion()
{
    ManualClock clock;
    Given given;
    Manifest manifest;
    manifest.type = QStringLiteral("beacon");
    manifest.configuration = plainSchema();
    manifest.events = {QStringLiteral("instruments.beacon.*")};
    Skeleton skeleton{manifest, given.handlers(), nullptr, clock, {}};
    skeleton.start();
    QVERIFY(skeleton.standAlone());
    QVERIFY(skeleton.applyLocal(rate(7)).empty());
    QCOMPARE(skeleton.configVersion(), 1);
    QVERIFY(skeleton.applyLocal(rate(7)).empty());
    QCOMPARE(skeleton.configVersion(), 1); // nothing changed
    QVERIFY(skeleton.applyLocal(rate(8)).empty());
    QCOMPARE(skeleton.configVersion(), 2);
    QCOMPARE(given.configs.size(), 2U);
    QCOMPARE(
        skeleton.healthJson()[QStringLiteral("facts")][QStringLiteral("platform")], QJsonValue{QStringLiteral("none")});
}

void TstSkeletonConfig::standAloneRejects()
{
    ManualClock clock;
    Given given;
    Manifest manifest;
    manifest.type = QStringLiteral("beacon");
    manifest.configuration = plainSchema();
    manifest.events = {QStringLiteral("instruments.beacon.*")};
    Skeleton skeleton{manifest, given.handlers(), nullptr, clock, {}};
    skeleton.start();
    QString bad;
    QStringList types;
    connect(&skeleton, &Skeleton::published, this, [&](const Event& event) {
        types.append(event.type);
        bad += QString::fromStdString(schemaComplaint(toLine(event).toStdString()));
    });
    const std::vector<Fault> unreadable{{{}, QStringLiteral("is not JSON")}};
    skeleton.reject(unreadable);
    QCOMPARE(skeleton.health().reasons.at(0).code, std::string{"config_missing"});
    QVERIFY(skeleton.applyLocal(rate(7)).empty());
    QVERIFY(skeleton.health().reasons.empty());
    skeleton.reject(unreadable);
    QCOMPARE(skeleton.health().reasons.at(0).code, std::string{"config_rejected"});
    const auto faults = skeleton.applyLocal(rate(0));
    QCOMPARE(faults.size(), 1U);
    QVERIFY(faults[0].pointer.endsWith(QStringLiteral("/rate")));
    QVERIFY(skeleton.applyLocal(rate(7)).empty()); // back to what is in force
    QVERIFY(skeleton.health().reasons.empty());
    QCOMPARE(skeleton.configVersion(), 1);
    QCOMPARE(types, (QStringList{kRejected, kApplied, kRejected, kRejected, kApplied}));
    QCOMPARE(bad, QString{});
}

QTEST_GUILESS_MAIN(TstSkeletonConfig)
#include "tst_skeleton_config.moc"
