#include "core/base/run_place.h"
#include "service/instrument/beacon_command.h"
#include "tests/support/without_capability.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace beacon;

namespace {

constexpr const char* kSecret = R"({"key":"not for everybody"})";

struct Rig {
    Rig()
    {
        settings.interface = settings.name = "eth0";
        settings.beacon = "/usr/bin/beacon";
        settings.runtimeDir = dir.path().toStdString();
        settings.identity = dir.filePath(QStringLiteral("plant7.json")).toStdString();
        settings.user = "nobody";
        static_cast<void>(writePrivateFile(settings.identity, kSecret));
    }
    [[nodiscard]] QString toldIdentity() const
    {
        return QJsonDocument::fromJson(contentOf(settings.beaconConfigPath()))
            .object()
            .value(QStringLiteral("identity"))
            .toString();
    }
    static QByteArray contentOf(const std::string& path)
    {
        QFile file{QString::fromStdString(path)};
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray{};
    }

    QTemporaryDir dir;
    Settings settings;
};

struct stat statusOf(const std::string& path)
{
    struct stat status { };
    ::stat(path.c_str(), &status);
    return status;
}

} // namespace

class TstBeaconCommand : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theBeaconGetsItsInterfaceAndNothingElse();
    void anotherUserGetsACopyOfThePrivateIdentity();
    void anIdentityOfItsOwnIsNotCopied();
    void whereThereIsNoSuchUserItStaysOurs();
    void rootThatMayNotBecomeAnotherStaysRoot_data();
    void rootThatMayNotBecomeAnotherStaysRoot();
    void aFileThatOthersCanReadIsLeftForTheBeaconToRefuse();
    void anIdentityAsTextBecomesAPrivateFile_data();
    void anIdentityAsTextBecomesAPrivateFile();
    void inARoomTheBeaconMayPassAndNobodyElse();
    void elsewhereNothingIsOpened();
};

void TstBeaconCommand::theBeaconGetsItsInterfaceAndNothingElse()
{
    Rig rig;
    rig.settings.netAdmin = true;
    const auto made = prepareBeacon(rig.settings, "other0");
    QVERIFY(made.prepared);
    QCOMPARE(made.command.program, rig.settings.beacon);
    QCOMPARE(made.command.arguments, std::vector<std::string>{"other0"});
    QVERIFY(made.command.netAdmin && !made.command.terminal);
    QCOMPARE(made.command.environment.size(), std::size_t{1});
    QCOMPARE(made.command.environment.front().first, std::string{"BEACON_CONFIG"});
}

void TstBeaconCommand::anotherUserGetsACopyOfThePrivateIdentity()
{
    const passwd* nobody = ::getpwnam("nobody");
    if (::geteuid() != 0 || nobody == nullptr)
        QSKIP("needs root, and a user nobody");
    const uid_t uid = nobody->pw_uid;
    Rig rig;
    const auto made = prepareBeacon(rig.settings, "eth0");
    QVERIFY(made.prepared);
    QVERIFY(made.command.user && made.command.user->uid == uid);
    const std::string copy = rig.settings.identityCopyPath();
    QCOMPARE(rig.toldIdentity().toStdString(), copy);
    QCOMPARE(Rig::contentOf(copy), QByteArray{kSecret});
    for (const std::string& path : {copy, rig.settings.beaconConfigPath()}) {
        QCOMPARE(statusOf(path).st_uid, uid);
        QCOMPARE(statusOf(path).st_mode & 0777U, 0600U);
    }
    QCOMPARE(statusOf(rig.settings.identity).st_uid, uid_t{0}); // the original stays as it was
    forgetBeaconFiles(rig.settings);
    QVERIFY(!QFile::exists(QString::fromStdString(copy)));
}

void TstBeaconCommand::anIdentityOfItsOwnIsNotCopied()
{
    const passwd* nobody = ::getpwnam("nobody");
    if (::geteuid() != 0 || nobody == nullptr)
        QSKIP("needs root, and a user nobody");
    Rig rig;
    QCOMPARE(::chown(rig.settings.identity.c_str(), nobody->pw_uid, nobody->pw_gid), 0);
    QVERIFY(prepareBeacon(rig.settings, "eth0").prepared);
    QCOMPARE(rig.toldIdentity().toStdString(), rig.settings.identity);
    QVERIFY(!QFile::exists(QString::fromStdString(rig.settings.identityCopyPath())));
}

void TstBeaconCommand::whereThereIsNoSuchUserItStaysOurs()
{
    Rig rig;
    rig.settings.user = "no-such-user-here";
    const auto made = prepareBeacon(rig.settings, "eth0");
    QVERIFY(made.prepared && !made.command.user);
    QCOMPARE(rig.toldIdentity().toStdString(), rig.settings.identity);
}

void TstBeaconCommand::rootThatMayNotBecomeAnotherStaysRoot_data()
{
    QTest::addColumn<int>("lacking");
    QTest::newRow("without CAP_SETUID") << CAP_SETUID;
    QTest::newRow("without CAP_SETGID") << CAP_SETGID;
    QTest::newRow("without CAP_CHOWN, for its files") << CAP_CHOWN;
}

void TstBeaconCommand::rootThatMayNotBecomeAnotherStaysRoot()
{
    QFETCH(int, lacking);
    const Rig rig;
    if (!beaconUser(rig.settings))
        QSKIP("needs root, and a user nobody");
    const test::WithoutCapability without{lacking};
    QVERIFY(without.worked());
    const auto made = prepareBeacon(rig.settings, "eth0");
    QVERIFY(made.prepared && !made.command.user);
    QCOMPARE(rig.toldIdentity().toStdString(), rig.settings.identity);
}

void TstBeaconCommand::aFileThatOthersCanReadIsLeftForTheBeaconToRefuse()
{
    Rig rig;
    QCOMPARE(::chmod(rig.settings.identity.c_str(), 0644), 0);
    QVERIFY(prepareBeacon(rig.settings, "eth0").prepared);
    QCOMPARE(rig.toldIdentity().toStdString(), rig.settings.identity);
}

void TstBeaconCommand::anIdentityAsTextBecomesAPrivateFile_data()
{
    QTest::addColumn<QByteArray>("user");
    QTest::newRow("of the Beacon's user") << QByteArray{"nobody"};
    QTest::newRow("of ours, where there is no other") << QByteArray{"no-such-user-here"};
}

void TstBeaconCommand::anIdentityAsTextBecomesAPrivateFile()
{
    QFETCH(QByteArray, user);
    Rig rig;
    rig.settings.user = user.toStdString();
    rig.settings.identity.clear();
    rig.settings.identityText = kSecret;
    const auto made = prepareBeacon(rig.settings, "eth0");
    QVERIFY(made.prepared);
    const std::string path = rig.settings.identityCopyPath();
    QCOMPARE(rig.toldIdentity().toStdString(), path);
    QCOMPARE(Rig::contentOf(path), QByteArray{kSecret});
    QCOMPARE(statusOf(path).st_mode & 07777U, 0600U);
    QCOMPARE(statusOf(path).st_uid, made.command.user ? made.command.user->uid : ::geteuid());
    QVERIFY(!Rig::contentOf(rig.settings.beaconConfigPath()).contains("not for everybody"));
    for (const auto& [name, value] : made.command.environment)
        QVERIFY(value.find("not for everybody") == std::string::npos);

    rig.settings.identityText = R"({"key":"another"})";
    QVERIFY(prepareBeacon(rig.settings, "eth0").prepared);
    QCOMPARE(Rig::contentOf(path), QByteArray{R"({"key":"another"})"});
    rig.settings.identityText.clear();
    QVERIFY(prepareBeacon(rig.settings, "eth0").prepared);
    QVERIFY(!QFile::exists(QString::fromStdString(path)));
}

void TstBeaconCommand::inARoomTheBeaconMayPassAndNobodyElse()
{
    Rig rig;
    rig.settings.ownsRuntimeRoot = true;
    const auto user = beaconUser(rig.settings);
    if (!user)
        QSKIP("needs root, and a user nobody");
    const std::string run = rig.settings.runtimeDir, below = run + "/beacon-instrument/eth0";
    rig.settings.runtimeDir = below;
    QVERIFY(makeDirectories(below));
    QCOMPARE(::chmod(run.c_str(), 0700), 0);
    QVERIFY(letBeaconPass(rig.settings));
    QCOMPARE(statusOf(run).st_mode & 07777U, 0710U);
    QCOMPARE(statusOf(run).st_gid, user->gid);
    QCOMPARE(statusOf(run).st_uid, uid_t{0});
    QCOMPARE(statusOf(below).st_mode & 07777U, 0755U);
    QVERIFY(letBeaconPass(rig.settings)); // once more changes nothing
    QCOMPARE(statusOf(run).st_mode & 07777U, 0710U);
    QCOMPARE(::chmod(run.c_str(), 0750), 0); // a group has it already
    const auto refused = letBeaconPass(rig.settings);
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, Errc::Denied);
}

void TstBeaconCommand::elsewhereNothingIsOpened()
{
    const Rig rig;
    QCOMPARE(::chmod(rig.settings.runtimeDir.c_str(), 0700), 0);
    QVERIFY(letBeaconPass(rig.settings));
    QCOMPARE(statusOf(rig.settings.runtimeDir).st_mode & 07777U, 0700U);
}

QTEST_GUILESS_MAIN(TstBeaconCommand)
#include "tst_beacon_command.moc"
