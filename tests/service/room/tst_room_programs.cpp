// The programs that an Instrument is made of, in a room: the real ones.
#include "core/supervision/qt_process.h"
#include "tests/service/room/room_lab.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <csignal>
#include <linux/capability.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

QStringList launched(const QStringList& command)
{
    return QStringList{QStringLiteral("/tmp/bin/beacon-launch"), QStringLiteral("--user"), QStringLiteral("999:998"),
               QStringLiteral("--")}
    + command;
}

QByteArray fieldOf(const QByteArray& status, const QByteArray& name)
{
    for (const QByteArray& line : status.split('\n'))
        if (line.startsWith(name + ":\t"))
            return line.mid(name.size() + 2);
    return {};
}

} // namespace

class TstRoomPrograms : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { QVERIFY(makeUsual()); }
    void cleanupTestCase() { QVERIFY(dropUsual()); }

    void aBeaconIsContainedInTheRoom();
    void aBeaconMaySendRawPackets();
    void theKnownPositiveDrillEscapes();
    void qtProcessRunsAProgramInARoom();
    void qtProcessIsToldWhatIsMissing();
};

void TstRoomPrograms::aBeaconIsContainedInTheRoom()
{
    InRoom guest{launched({QStringLiteral("/bin/cat"), QStringLiteral("/proc/self/status")})};
    const Ran ran = guest.end();
    QCOMPARE(ran.code, 0);
    QCOMPARE(fieldOf(ran.out, "Uid"), QByteArray{"999\t999\t999\t999"});
    QCOMPARE(fieldOf(ran.out, "Gid"), QByteArray{"998\t998\t998\t998"});
    QCOMPARE(fieldOf(ran.out, "NSpid").count('\t'), 1); // a PID namespace below the room's
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        QCOMPARE(fieldOf(ran.out, set).toULongLong(nullptr, 16), quint64{1} << CAP_NET_RAW);

    InRoom killed{launched({QStringLiteral("/tmp/targets/misbehave"), QStringLiteral("ignore-term")})};
    QVERIFY(killed.start());
    QVERIFY(killed.process.waitForReadyRead());
    const QByteArray host = runProgram(QStringLiteral("/bin/ps"),
        {QStringLiteral("-o"), QStringLiteral("args="), QStringLiteral("-U"), QString::number(idBase() + 999)})
                                .out;
    QCOMPARE(host, QByteArray{"/tmp/targets/misbehave ignore-term\n"});
}

void TstRoomPrograms::aBeaconMaySendRawPackets()
{
    InRoom guest{launched({QStringLiteral("/bin/ping"), QStringLiteral("-c"), QStringLiteral("1"), QStringLiteral("-W"),
        QStringLiteral("5"), QStringLiteral("127.0.0.1")})};
    const Ran ran = guest.end();
    QVERIFY2(ran.code == 0 && ran.out.contains("1 received"), (ran.out + ran.err).constData());
}

void TstRoomPrograms::theKnownPositiveDrillEscapes()
{
    InRoom guest{{QStringLiteral("/tmp/bin/beacon-instrument"), QStringLiteral("--self-test"),
        QStringLiteral("--interface"), QStringLiteral("eth0")}};
    const Ran ran = guest.end();
    QVERIFY2(ran.code == 0, (ran.out + ran.err).constData());
    const QJsonObject result = QJsonDocument::fromJson(ran.out).object();
    QVERIFY(result.value(QStringLiteral("escaped")).toBool() && result.value(QStringLiteral("two_way")).toBool());
}

void TstRoomPrograms::qtProcessRunsAProgramInARoom()
{
    QtProcess process{kRoom.toStdString(),
        {"run", "--network-namespace", kNetPin.toStdString(), "--user-namespace", kUserPin.toStdString()}};
    QByteArray out;
    std::optional<Exit> ended;
    connect(&process, &Process::output, this, [&](Stream, const QByteArray& chunk) { out += chunk; });
    connect(&process, &Process::exited, this, [&](Exit exit) { ended = exit; });
    process.start({"/bin/sh", {"-c", "echo $SENSOR_SOCKET; id -u; cat"}, {{"SENSOR_SOCKET", "/run/sensor/s"}}});
    QTRY_VERIFY(ended.has_value());
    QCOMPARE(out, QByteArray{"/run/sensor/s\n0\n"});
    QCOMPARE(ended->how, Exit::How::Code);
    QCOMPARE(process.containment(), (Containment{"pid_namespace", idBase(), "none"}));

    ended.reset();
    process.setLauncherOptions({"run"});
    process.start({"/bin/sh", {"-c", "kill -TERM $$"}, {}});
    QTRY_VERIFY(ended.has_value());
    QCOMPARE(ended->how, Exit::How::Signal);
    QCOMPARE(ended->value, SIGTERM);
    QCOMPARE(process.containment(), (Containment{"pid_namespace", ::getuid(), "host"}));
}

void TstRoomPrograms::qtProcessIsToldWhatIsMissing()
{
    std::optional<Exit> ended;
    QtProcess process{kRoom.toStdString(), {"run", "--network-namespace", "/run/sensor/net/none"}};
    connect(&process, &Process::exited, this, [&](Exit exit) { ended = exit; });
    process.start({"/bin/true", {}, {}});
    QTRY_VERIFY(ended.has_value());
    QCOMPARE(ended->how, Exit::How::NoSpawn); // may come back
    QCOMPARE(ended->value, ENOENT);

    ended.reset();
    process.setLauncherOptions({"run"});
    process.start({"/opt/beacon/none", {}, {}});
    QTRY_VERIFY(ended.has_value());
    QCOMPARE(ended->how, Exit::How::Unrunnable);
    QCOMPARE(ended->value, ENOENT);
}

BEACON_ROOM_MAIN(TstRoomPrograms)
#include "tst_room_programs.moc"
