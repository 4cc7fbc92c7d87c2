// Programs that nobody here wrote, that know nothing of us, and that print a line per attempt: as the vendor's Beacon.
#include "running_instrument.h"
#include "tests/support/net_fixture.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

#include <csignal>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 20'000;

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)

class TstForeignBeacons : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void oneThatNobodyHereWroteIsWatched_data();
    void oneThatNobodyHereWroteIsWatched();

private:
    QProcess m_far;
};

void TstForeignBeacons::initTestCase()
{
    // The far end is in a namespace of its own, so that something answers.
    m_far.start(
        QStringLiteral("/usr/bin/unshare"), {QStringLiteral("-n"), QStringLiteral("sleep"), QStringLiteral("300")});
    QVERIFY(m_far.waitForStarted());
    const auto ownNetwork = [](qint64 pid) {
        return QFileInfo{QStringLiteral("/proc/%1/ns/net").arg(pid)}.symLinkTarget();
    };
    TRY(nameOf(m_far.processId()) == "sleep" && ownNetwork(m_far.processId()) != ownNetwork(::getpid()));
    const auto far = [this](const QString& arguments) {
        const QStringList enter{
            QStringLiteral("-n"), QStringLiteral("-t"), QString::number(m_far.processId()), QStringLiteral("ip")};
        return QProcess::execute(QStringLiteral("/usr/bin/nsenter"), enter + arguments.split(QLatin1Char(' '))) == 0;
    };
    QVERIFY(ip(QStringLiteral("link add seg0 type veth peer name peer0 netns %1").arg(m_far.processId())));
    QVERIFY(ip(QStringLiteral("addr add 192.0.2.2/24 dev seg0")) && ip(QStringLiteral("link set seg0 up")));
    QVERIFY(far(QStringLiteral("addr add 192.0.2.1/24 dev peer0")) && far(QStringLiteral("link set peer0 up")));
}

void TstForeignBeacons::cleanupTestCase()
{
    m_far.kill();
    QVERIFY(m_far.waitForFinished());
}

void TstForeignBeacons::oneThatNobodyHereWroteIsWatched_data()
{
    QTest::addColumn<QString>("program");
    QTest::addColumn<QByteArray>("arguments");
    QTest::newRow("ping -I") << QStringLiteral("ping") << QByteArray{"-n -I \"$1\" 192.0.2.1"};
    QTest::newRow("ping -I that nobody answers") << QStringLiteral("ping") << QByteArray{"-O -n -I \"$1\" 192.0.2.9"};
    // These hold their lines back where stdout is a pipe.
    QTest::newRow("arping -I") << QStringLiteral("arping") << QByteArray{"-I \"$1\" 192.0.2.1"};
    QTest::newRow("busybox ping") << QStringLiteral("busybox") << QByteArray{"ping -I \"$1\" 192.0.2.1"};
    QTest::newRow("busybox arping") << QStringLiteral("busybox") << QByteArray{"arping -I \"$1\" 192.0.2.1"};
}

void TstForeignBeacons::oneThatNobodyHereWroteIsWatched()
{
    QFETCH(QString, program);
    QFETCH(QByteArray, arguments);
    const QString path = QStandardPaths::findExecutable(program, {QStringLiteral("/usr/bin"), QStringLiteral("/bin")});
    QVERIFY2(!path.isEmpty(), qPrintable(program + QStringLiteral(" is missing; see deploy/packages")));
    QTemporaryDir dir;
    const QString beacon = dir.filePath(QStringLiteral("beacon")); // it wants more than an interface
    {
        QFile file{beacon};
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("#!/bin/sh\nexec " + path.toUtf8() + ' ' + arguments + '\n');
        QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
    }
    RunningInstrument instrument{QStringLiteral("seg0"), beacon,
        {QStringLiteral("--grace"), QStringLiteral("3"), QStringLiteral("--stall"), QStringLiteral("10")}};
    QVERIFY(instrument.start());
    TRY(instrument.healthStatus() == QStringLiteral("OK"));
    TRY(instrument.count("beacon.output") >= 3);
    const QJsonObject ended = instrument.last("beacon.process.exited"); // at most for want of a terminal
    const QJsonValue signal = ended.value(QStringLiteral("data")).toObject().value(QStringLiteral("signal"));
    QVERIFY2(ended.isEmpty() || signal.isDouble() || instrument.count("beacon.process.exited") == 1,
        QJsonDocument{ended}.toJson().constData());
    const qint64 before = instrument.beaconPid();
    QVERIFY(before != 0);
    ::kill(static_cast<pid_t>(before), SIGKILL);
    TRY(instrument.beaconPid() != 0 && instrument.beaconPid() != before);
    const qint64 seq = instrument.lastSeq();
    TRY(!instrument.last("beacon.output", seq).isEmpty());
    QVERIFY(instrument.end(SIGTERM, 10'000));
    QVERIFY(!isAlive(before));
    QVERIFY2(instrument.complaints().isEmpty(), qPrintable(instrument.complaints()));
}

BEACON_NETNS_MAIN(TstForeignBeacons)
#include "tst_foreign_beacons.moc"
