#include "service/instrument/admin_role.h"

#include <QTest>

#include <unistd.h>

using namespace beacon;

class TstAdminRole : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whoMayGiveCommands_data();
    void whoMayGiveCommands();
};

void TstAdminRole::whoMayGiveCommands_data()
{
    QTest::addColumn<int>("pid");
    QTest::addColumn<uint>("uid");
    QTest::addColumn<bool>("inARoom");
    QTest::addColumn<bool>("may");
    QTest::newRow("root") << 7 << 0U << false << true;
    QTest::newRow("our own user") << 7 << uint{::geteuid()} << false << true;
    QTest::newRow("anybody else") << 7 << 4'000U << false << false;
    QTest::newRow("nobody of this host") << 7 << 65'534U << false << false;
    QTest::newRow("root of the room") << 7 << 0U << true << true;
    QTest::newRow("the host's root, from without the room") << 0 << 65'534U << true << true;
    QTest::newRow("nobody of the room") << 7 << 65'534U << true << false;
    QTest::newRow("anybody else in the room") << 7 << 4'000U << true << false;
    QTest::newRow("a user of the room out of sight, which is no user of the host") << 0 << 4'000U << true << false;
    QTest::newRow("from without a container of another kind") << 0 << 65'534U << false << false;
    QTest::newRow("whose credentials could not be had") << 0 << ~0U << true << false;
}

void TstAdminRole::whoMayGiveCommands()
{
    QFETCH(int, pid);
    QFETCH(uint, uid);
    QFETCH(bool, inARoom);
    QFETCH(bool, may);
    rpc::Credentials credentials;
    credentials.pid = pid;
    credentials.uid = uid;
    credentials.gid = 65'534;
    QCOMPARE(roleOf(credentials, inARoom) == admin::Role::Admin, may);
}

QTEST_GUILESS_MAIN(TstAdminRole)
#include "tst_admin_role.moc"
