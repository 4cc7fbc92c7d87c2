#include "tests/service/room/room_lab.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTest>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

const QString kSegment = QStringLiteral("/run/sensor/net/segment-a.net");

QStringList makeArguments(const QString& net, const QString& user = {}, std::uint32_t base = idBase())
{
    QStringList arguments{QStringLiteral("make"), QStringLiteral("--network-namespace"), net};
    if (!user.isEmpty())
        arguments << QStringLiteral("--user-namespace") << user << QStringLiteral("--id-base") << QString::number(base);
    return arguments;
}

ino_t inodeOf(const QString& path)
{
    struct stat facts { };
    return ::stat(qPrintable(path), &facts) == 0 ? facts.st_ino : 0;
}

int nsfsMounts()
{
    return static_cast<int>(contentOf(QStringLiteral("/proc/self/mountinfo")).count(" - nsfs "));
}

QStringList filesIn(const QString& folder)
{
    return QDir{folder}.entryList(QDir::AllEntries | QDir::System | QDir::Hidden | QDir::NoDotAndDotDot);
}

} // namespace

class TstPins : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void cleanup();

    void whatIsMadeIsKept();
    void nothingIsForwarded_data();
    void nothingIsForwarded();
    void anInstrumentsLoopbackIsUp();
    void aSegmentHasNoAddressAndCallsNoFirewall();
    void twoThatMakeTheSameMakeItOnce();
    void aLostUserPinIsFoundAgain();
    void aLostNetworkPinIsMadeAnew();
    void whatIsSomethingElseIsRefused_data();
    void whatIsSomethingElseIsRefused();
    void anEmptyFileIsUsed();
    void linksAreNotFollowed();
    void dropLeavesAloneWhatIsNoPin_data();
    void dropLeavesAloneWhatIsNoPin();
    void dropGoesOnAfterAnError();
    void nothingIsLeftOfAFailure();
    void itsFilesAreRootsOnly();
};

void TstPins::cleanup()
{
    for (const QString& folder : {QStringLiteral("/run/sensor/net"), QStringLiteral("/mnt")}) {
        for (const QString& name : filesIn(folder)) {
            QVERIFY(room({QStringLiteral("drop"), folder + QLatin1Char('/') + name}).code == 0);
            QFile::remove(folder + QLatin1Char('/') + name);
            QDir{folder + QLatin1Char('/') + name}.removeRecursively();
        }
        QCOMPARE(filesIn(folder), QStringList{});
    }
    QCOMPARE(nsfsMounts(), 0);
}

void TstPins::whatIsMadeIsKept()
{
    QVERIFY(makeUsual());
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    const QList<ino_t> first{inodeOf(kNetPin), inodeOf(kUserPin), inodeOf(kSegment)};
    QVERIFY(makeUsual());
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    QCOMPARE((QList<ino_t>{inodeOf(kNetPin), inodeOf(kUserPin), inodeOf(kSegment)}), first);
    QCOMPARE(nsfsMounts(), 3);
    QVERIFY(dropUsual());
    QCOMPARE(room({QStringLiteral("drop"), kSegment}).code, 0);
    QCOMPARE(nsfsMounts(), 0);
    QCOMPARE(filesIn(QStringLiteral("/run/sensor/net")), QStringList{});
    QVERIFY(dropUsual()); // again: there is nothing to be done
}

void TstPins::nothingIsForwarded_data()
{
    QTest::addColumn<bool>("instruments");
    QTest::newRow("in an Instrument's namespace") << true;
    QTest::newRow("in a segment's namespace") << false;
}

void TstPins::nothingIsForwarded()
{
    QFETCH(bool, instruments);
    const QString pin = instruments ? kNetPin : kSegment;
    const auto make = [=] { return instruments ? makeUsual() : room(makeArguments(kSegment)).code == 0; };
    const QString all =
        QStringLiteral("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv[46]/conf/*/forwarding | sort -u");
    QVERIFY(make());
    QCOMPARE(inNetwork(pin, all), QByteArray{"0"});
    // A host that forwards hands that on to a new namespace, each of these by itself; so does whoever sets it by hand.
    QCOMPARE(inNetwork(pin,
                 QStringLiteral("ip link add near type veth peer name far; cd /proc/sys/net; "
                                "for f in ipv4/conf/default ipv4/conf/lo ipv4/conf/near ipv6/conf/default; do echo 1 > "
                                "$f/forwarding; done; cat ipv4/ip_forward")),
        QByteArray{"0"});
    QVERIFY(make());
    QCOMPARE(inNetwork(pin, all), QByteArray{"0"});
    QCOMPARE(
        inNetwork(pin,
            QStringLiteral("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > "
                           "/proc/sys/net/ipv6/conf/all/forwarding; cat /proc/sys/net/ipv[46]/conf/near/forwarding")),
        QByteArray{"1\n1"});
    QVERIFY(make());
    QCOMPARE(inNetwork(pin, all), QByteArray{"0"});
    QCOMPARE(inNetwork(pin,
                 QStringLiteral("ip link add later type veth peer name later2; cat "
                                "/proc/sys/net/ipv[46]/conf/later*/forwarding | sort -u")),
        QByteArray{"0"});
}

void TstPins::anInstrumentsLoopbackIsUp()
{
    QVERIFY(makeUsual());
    QCOMPARE(inNetwork(kNetPin, QStringLiteral("ip -o addr show dev lo up | wc -l")), QByteArray{"2"});
    QCOMPARE(
        inNetwork(kNetPin, QStringLiteral("cat /proc/sys/net/ipv6/conf/*/disable_ipv6 | sort -u")), QByteArray{"0"});
}

void TstPins::aSegmentHasNoAddressAndCallsNoFirewall()
{
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    QCOMPARE(inNetwork(kSegment,
                 QStringLiteral("cat /proc/sys/net/ipv6/conf/*/disable_ipv6 | sort -u; ip link add p type veth peer "
                                "name q; ip link set p up; ip link set q up; ip -o addr | wc -l")),
        QByteArray{"1\n0"});
    QCOMPARE(inNetwork(kSegment,
                 QStringLiteral("cd /proc/sys/net/bridge 2>/dev/null && cat bridge-nf-call-iptables "
                                "bridge-nf-call-ip6tables bridge-nf-call-arptables | sort -u || echo 0")),
        QByteArray{"0"});
}

void TstPins::twoThatMakeTheSameMakeItOnce()
{
    QProcess many[4];
    for (QProcess& process : many)
        process.start(kRoom, makeArguments(kNetPin, kUserPin));
    for (QProcess& process : many) {
        QVERIFY(process.waitForFinished());
        QCOMPARE(process.exitCode(), 0);
    }
    QCOMPARE(nsfsMounts(), 2);
}

void TstPins::aLostUserPinIsFoundAgain()
{
    QVERIFY(makeUsual());
    const ino_t net = inodeOf(kNetPin), user = inodeOf(kUserPin);
    QCOMPARE(room({QStringLiteral("drop"), kUserPin}).code, 0);
    QCOMPARE(room(makeArguments(kNetPin, kUserPin, idBase() + 65'536)).code, 65);
    QVERIFY(makeUsual());
    QCOMPARE(inodeOf(kNetPin), net);
    QCOMPARE(inodeOf(kUserPin), user);
}

void TstPins::aLostNetworkPinIsMadeAnew()
{
    QVERIFY(makeUsual());
    const ino_t user = inodeOf(kUserPin);
    QCOMPARE(room({QStringLiteral("drop"), kNetPin}).code, 0);
    QVERIFY(makeUsual());
    QCOMPARE(inodeOf(kUserPin), user);
    InRoom guest{{QStringLiteral("/bin/sh"), QStringLiteral("-c"),
        QStringLiteral("ip link add x type veth peer name y && echo owner")}};
    QCOMPARE(guest.end().out, QByteArray{"owner\n"});
}

void TstPins::whatIsSomethingElseIsRefused_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QByteArray>("words");
    const QString other = QStringLiteral("/mnt/other");
    QTest::newRow("a file with text") << makeArguments(QStringLiteral("/mnt/text"))
                                      << QByteArray{"/mnt/text is something else than a pin"};
    QTest::newRow("a folder") << makeArguments(QStringLiteral("/mnt/folder"))
                              << QByteArray{"/mnt/folder is something else than a pin"};
    QTest::newRow("a FIFO") << makeArguments(QStringLiteral("/mnt/fifo"))
                            << QByteArray{"/mnt/fifo is something else than a pin"};
    QTest::newRow("a user namespace") << makeArguments(kUserPin) << QByteArray{"does not pin a network namespace"};
    QTest::newRow("an Instrument's network for a segment")
        << makeArguments(kNetPin) << QByteArray{"belongs to another user namespace"};
    QTest::newRow("a segment's network for an Instrument")
        << makeArguments(kSegment, kUserPin) << QByteArray{"belongs to another user namespace"};
    QTest::newRow("a segment's network for a new Instrument")
        << makeArguments(kSegment, other) << QByteArray{"belongs to another user namespace"};
    QTest::newRow("other ids") << makeArguments(kNetPin, kUserPin, idBase() + 65'536)
                               << "has the ids from " + QByteArray::number(idBase()) + " on, not from "
            + QByteArray::number(idBase() + 65'536) + "; unpin it with: sensor-room drop " + kUserPin.toLatin1();
    QTest::newRow("a folder that is not there")
        << makeArguments(QStringLiteral("/mnt/none/x.net")) << QByteArray{"lock the folder /mnt/none"};
}

void TstPins::whatIsSomethingElseIsRefused()
{
    QFETCH(QStringList, arguments);
    QFETCH(QByteArray, words);
    QVERIFY(makeUsual());
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    QVERIFY(writeFile(QStringLiteral("/mnt/text"), "text"));
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/folder")));
    QCOMPARE(::mkfifo("/mnt/fifo", 0600), 0);
    const Ran ran = room(arguments);
    QVERIFY(ran.code != 0);
    QCOMPARE(ran.err.count('\n'), 1);
    QVERIFY2(ran.err.contains(words), ran.err.constData());
    QCOMPARE(nsfsMounts(), 3); // nothing was added
    QCOMPARE(contentOf(QStringLiteral("/mnt/text")), QByteArray{"text"});
}

void TstPins::anEmptyFileIsUsed()
{
    QVERIFY(writeFile(kSegment, ""));
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    QCOMPARE(nsfsMounts(), 1);
}

void TstPins::linksAreNotFollowed()
{
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    const QString link = QStringLiteral("/mnt/link"), dangling = QStringLiteral("/mnt/dangling");
    QVERIFY(QFile::link(kSegment, link) && QFile::link(QStringLiteral("/mnt/none"), dangling));
    for (const QString& path : {link, dangling}) {
        QVERIFY(room(makeArguments(path)).code != 0);
        QCOMPARE(room({QStringLiteral("drop"), path}).code, 0);
        QVERIFY(QFileInfo{path}.isSymbolicLink());
    }
    QCOMPARE(nsfsMounts(), 1);
    QVERIFY(!QFile::exists(QStringLiteral("/mnt/none")));
}

void TstPins::dropLeavesAloneWhatIsNoPin_data()
{
    QTest::addColumn<QString>("path");
    QTest::newRow("a file") << "/mnt/text";
    QTest::newRow("an empty file") << "/mnt/empty";
    QTest::newRow("a folder") << "/mnt/folder";
    QTest::newRow("another file system") << "/mnt/mounted";
    QTest::newRow("a file that is bound") << "/mnt/bound";
}

void TstPins::dropLeavesAloneWhatIsNoPin()
{
    QFETCH(QString, path);
    for (const char* name : {"text", "bound"})
        QVERIFY(writeFile(QStringLiteral("/mnt/") + QString::fromLatin1(name), "text"));
    QVERIFY(writeFile(QStringLiteral("/mnt/empty"), ""));
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/folder")) && QDir{}.mkpath(QStringLiteral("/mnt/mounted")));
    QCOMPARE(::mount("tmpfs", "/mnt/mounted", "tmpfs", 0, nullptr), 0);
    QCOMPARE(::mount("/mnt/text", "/mnt/bound", nullptr, MS_BIND, nullptr), 0);
    const QByteArray before = contentOf(QStringLiteral("/proc/self/mountinfo"));
    const Ran ran = room({QStringLiteral("drop"), path});
    const QByteArray after = contentOf(QStringLiteral("/proc/self/mountinfo"));
    const bool isThere = QFile::exists(path);
    ::umount("/mnt/mounted");
    ::umount("/mnt/bound");
    QCOMPARE(ran.code, 0);
    QVERIFY(ran.err.isEmpty());
    QCOMPARE(after, before);
    QVERIFY(isThere);
}

void TstPins::dropGoesOnAfterAnError()
{
    QVERIFY(makeUsual());
    QCOMPARE(room({QStringLiteral("drop"), QStringLiteral("/mnt/") + QString{300, QLatin1Char('x')}, kNetPin, kUserPin})
                 .code,
        71);
    QCOMPARE(nsfsMounts(), 0);
}

void TstPins::nothingIsLeftOfAFailure()
{
    QCOMPARE(::mount("tmpfs", "/mnt", "tmpfs", 0, nullptr), 0);
    QCOMPARE(::mount(nullptr, "/mnt", nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    const Ran ran = room(makeArguments(QStringLiteral("/mnt/x.net")));
    ::umount("/mnt");
    QVERIFY(ran.code != 0);
    QCOMPARE(ran.err, QByteArray{"sensor-room: make the file /mnt/x.net: Read-only file system\n"});
    QCOMPARE(nsfsMounts(), 0);
}

void TstPins::itsFilesAreRootsOnly()
{
    QCOMPARE(room(makeArguments(kSegment)).code, 0);
    QCOMPARE(::umount("/run/sensor/net/segment-a.net"), 0);
    struct stat facts { };
    QCOMPARE(::stat(qPrintable(kSegment), &facts), 0);
    QCOMPARE(facts.st_mode & 07777u, 0600u);
    QCOMPARE(facts.st_size, off_t{0});
}

BEACON_ROOM_MAIN(TstPins)
#include "tst_pins.moc"
