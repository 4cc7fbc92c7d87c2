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

QTEST_GUILESS_MAIN(TstBeaconCommand)
#include "tst_beacon_command.moc"
