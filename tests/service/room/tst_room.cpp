#include "tests/service/room/room_lab.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLocalServer>
#include <QTest>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

QStringList shell(const QString& words)
{
    return {QStringLiteral("/bin/sh"), QStringLiteral("-c"), words};
}

QByteArray said(const QString& words, const QStringList& options = {})
{
    InRoom guest{shell(words), options};
    const Ran ran = guest.end();
    return (ran.out + ran.err).trimmed();
}

/// A line's words of /proc/PID/status.
QByteArray statusOf(qint64 pid, const QByteArray& field)
{
    for (const QByteArray& line : contentOf(QStringLiteral("/proc/%1/status").arg(pid)).split('\n'))
        if (line.startsWith(field + ":\t"))
            return line.mid(field.size() + 2);
    return {};
}

} // namespace

class TstRoom : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();

    void itIsRootInsideAndNobodyOutside();
    void whatItMayNotDo_data();
    void whatItMayNotDo();
    void itSeesItsOwnProcessesOnly();
    void itSeesItsOwnInterfacesOnly();
    void whatProcTellsOfItsInitIsTheRooms();
    void itsTemporaryFilesAreItsOwn();
    void itHasSixDevicesAndTerminals();
    void whatIsHiddenIsEmpty_data();
    void whatIsHiddenIsEmpty();
    void aHiddenFolderMayShowOneOfIts();
    void whatIsBoundIsSeen_data();
    void whatIsBoundIsSeen();
    void runIsItsOwnUnlessItIsBound();
    void resolvConfIsItsOwn_data();
    void resolvConfIsItsOwn();
    void aLinkThatItLeftLeadsNowhereElse();
    void aTargetThatCannotBeMadeIsOneSentence();
    void theHostsSecretsAreNotReadable();
    void pinsAreNotSeenNorHeld();
    void nothingOfItIsMountedOutside();
    void itHasANameOfItsOwn();
    void withoutNamespacesItStillHasARoom();
};

void TstRoom::initTestCase()
{
    QVERIFY(makeUsual());
}

void TstRoom::cleanupTestCase()
{
    QVERIFY(dropUsual());
}

void TstRoom::itIsRootInsideAndNobodyOutside()
{
    InRoom guest{shell(QStringLiteral(
        "id -u; id -g; id -G; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; umask; ulimit -c; sleep 60"))};
    QVERIFY(guest.start());
    QTRY_VERIFY(guest.reported("capabilities") == "none");
    const QByteArray base = QByteArray::number(idBase());
    QTRY_COMPARE(statusOf(guest.pid(), "Uid"), base + '\t' + base + '\t' + base + '\t' + base);
    QCOMPARE(statusOf(guest.pid(), "Gid"), base + '\t' + base + '\t' + base + '\t' + base);
    QCOMPARE(statusOf(guest.pid(), "Groups").trimmed(), QByteArray{});
    QCOMPARE(guest.reported("uid"), base);
    QCOMPARE(guest.reported("containment"), QByteArray{"pid_namespace"});
    QTRY_VERIFY(guest.process.bytesAvailable() > 0 && guest.process.peek(1'000).count('\n') == 7);
    const auto lines = guest.process.readAll().split('\n');
    QCOMPARE(lines.mid(0, 3), (QList<QByteArray>{"0", "0", "0"}));
    QVERIFY2(lines.contains("NoNewPrivs:\t1"), lines.join('\n').constData());
    // modules, raw I/O, boot, time, audit x3, syslog, wake alarm, block suspend, immutable, MAC x2: bits of
    // capability.h
    const quint64 never = 1ull << 16 | 1ull << 17 | 1ull << 22 | 1ull << 25 | 1ull << 29 | 1ull << 30 | 1ull << 37
        | 1ull << 34 | 1ull << 35 | 1ull << 36 | 1ull << 9 | 1ull << 32 | 1ull << 33;
    QCOMPARE(statusOf(guest.pid(), "CapBnd").toULongLong(nullptr, 16) & never, 0u);
    QCOMPARE(statusOf(guest.pid(), "CapEff"), statusOf(guest.pid(), "CapBnd"));
    QVERIFY((statusOf(guest.pid(), "CapEff").toULongLong(nullptr, 16) & 1ull << 13) != 0); // CAP_NET_RAW
    QCOMPARE(lines.at(5), QByteArray{"0077"});
    QCOMPARE(lines.at(6), QByteArray{"0"});
}

void TstRoom::whatItMayNotDo_data()
{
    QTest::addColumn<QString>("how");
    QTest::addColumn<QString>("argument");
    QTest::addColumn<QByteArray>("answer");
    const auto row = [](const char* name, const char* how, const char* argument, const char* answer) {
        QTest::newRow(name) << QString::fromLatin1(how) << QString::fromLatin1(argument) << QByteArray{answer};
    };
    row("write a file of the host's", "create", "/etc/mine", "EROFS");
    row("write a file of the root folder's", "create", "/mine", "EROFS");
    row("make the root writable", "remount", "/", "EPERM");
    row("make the root's file system writable", "remount-all", "/", "EPERM");
    row("make /proc/sys writable", "remount", "/proc/sys", "EPERM");
    row("take /proc/sys away", "unmount", "/proc/sys", "EINVAL");
    row("take the mask of /proc/keys away", "unmount", "/proc/keys", "EINVAL");
    row("move the mask of /proc/keys away", "move", "/proc/keys", "EINVAL");
    row("move /run away", "move", "/run", "EINVAL");
    row("take /proc away", "unmount", "/proc", "EINVAL");
    row("take /tmp away", "unmount", "/tmp", "EINVAL");
    row("take /dev away", "unmount", "/dev", "EINVAL");
    row("take /sys away", "unmount", "/sys", "EINVAL");
    row("take /run away", "unmount", "/run", "EINVAL");
    row("make /dev writable", "remount", "/dev", "EPERM");
    row("make a bind writable", "remount", "/tmp/bin", "EPERM");
    row("look under what is mounted", "look-under", "/", "EINVAL");
    row("look under what is mounted below /tmp", "look-under", "/tmp", "EINVAL");
    row("change a setting of the kernel", "write", "/proc/sys/net/ipv4/ip_forward", "EROFS");
    row("give its /tmp more room", "remount-all", "/tmp", "EPERM");
    row("have a /proc without masks", "mount", "proc", "EPERM");
    row("have a /sys without masks", "mount", "sysfs", "EPERM");
    row("have the host's devices", "mount", "devtmpfs", "EPERM");
    row("have control groups", "mount", "cgroup2", "EPERM");
    row("make a device", "make-device", "/tmp/disk", "EPERM");
    row("set the host's clock", "set-clock", "", "EPERM");
    row("set its own name", "name-host", "other", "EPERM");
    row("enter its init's network namespace", "enter", "/proc/1/ns/net", "EACCES");
    row("enter its init's mount namespace", "enter", "/proc/1/ns/mnt", "EACCES");
    row("look into its init's root", "read", "/proc/1/root/etc/passwd", "EACCES");
    row("read its init's environment", "read", "/proc/1/environ", "EACCES");
    row("trace its init", "trace", "1", "EPERM");
    row("kill its init", "kill", "1", "EPERM");
}

void TstRoom::whatItMayNotDo()
{
    QFETCH(QString, how);
    QFETCH(QString, argument);
    QFETCH(QByteArray, answer);
    QCOMPARE(tried({how, argument}), answer);
}

void TstRoom::itSeesItsOwnProcessesOnly()
{
    const QByteArray ours = QByteArray::number(::getpid());
    const QByteArray seen = said(QStringLiteral("cd /proc; echo [0-9]*"));
    QCOMPARE(seen, QByteArray{"1 2"});
    QCOMPARE(
        tried({QStringLiteral("kill"), QString::fromLatin1(ours), QStringLiteral("trace"), QString::fromLatin1(ours)}),
        QByteArray{"ESRCH\nESRCH"});
}

void TstRoom::itSeesItsOwnInterfacesOnly()
{
    QCOMPARE(runProgram(QStringLiteral("/bin/sh"),
                 shell(QStringLiteral("exec ip link add outside type veth peer name outside2")).mid(1))
                 .code,
        0);
    QCOMPARE(said(QStringLiteral("ls /sys/class/net; cut -d: -f1 -s /proc/net/dev; cut -d: -f1 -s /proc/1/net/dev; cat "
                                 "/sys/class/net/lo/flags"))
                 .simplified(),
        QByteArray{"lo Inter-| lo lo 0x9"}.replace("Inter-| ", ""));

    QLocalServer host; // abstract names belong to a network namespace
    host.setSocketOptions(QLocalServer::AbstractNamespaceOption);
    QVERIFY(host.listen(QStringLiteral("beacon-host")));
    QLocalServer hostsFile;
    QVERIFY(hostsFile.listen(QStringLiteral("/run/host.sock")));
    QVERIFY(QFile::setPermissions(QStringLiteral("/run/host.sock"), QFile::Permissions{0x6666}));
    QCOMPARE(tried({QStringLiteral("connect-abstract"), QStringLiteral("beacon-host"), QStringLiteral("connect"),
                 QStringLiteral("/run/host.sock")}),
        QByteArray{"ECONNREFUSED\nENOENT"});
}

void TstRoom::whatProcTellsOfItsInitIsTheRooms()
{
    // None of these ask who reads them.
    const auto differs = said(QStringLiteral(
        "cut -d' ' -f5 /proc/1/mountinfo | sort -u > /tmp/1; cut -d' ' -f5 /proc/self/mountinfo | sort -u > /tmp/2; "
        "cmp /tmp/1 /tmp/2 && grep -c /run/sensor/net /tmp/1"));
    QCOMPARE(differs, QByteArray{"0"});
}

void TstRoom::itsTemporaryFilesAreItsOwn()
{
    QTemporaryDir host;
    QVERIFY(host.path().startsWith(QStringLiteral("/tmp/")));
    for (const auto& folder : {QStringLiteral("/tmp"), QStringLiteral("/var/tmp"), QStringLiteral("/dev/shm")}) {
        QCOMPARE(said(QStringLiteral("cd %1 && touch mine && stat -c %a . && ls | grep -vE '^(bin|targets)$' && df -k "
                                     ". | tail -n 1 | tr -s ' ' | cut -d' ' -f2")
                          .arg(folder)),
            QByteArray{"1777\nmine\n65536"});
        QVERIFY(!QFile::exists(folder + QStringLiteral("/mine")));
    }
    const QByteArray full = said(QStringLiteral("head -c 70000000 /dev/zero > /tmp/big; stat -c %s /tmp/big"));
    QVERIFY2(full.contains("No space left") && !full.contains("70000000"), full.constData());
}

void TstRoom::itHasSixDevicesAndTerminals()
{
    QCOMPARE(
        said(QStringLiteral("ls /dev; ls /dev/pts; find / -xdev -type b -o -type c 2>/dev/null | head -n 1; head -c 1 "
                            "/dev/urandom | wc -c; echo x > /dev/null"))
            .simplified(),
        QByteArray{"fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ptmx 1"});
    QCOMPARE(tried({QStringLiteral("terminal"), {}, QStringLiteral("create"), QStringLiteral("/dev/mine")}),
        QByteArray{"done\nEROFS"});
}

void TstRoom::whatIsHiddenIsEmpty_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("words");
    QTest::addColumn<QByteArray>("answer");
    QTest::newRow("a folder") << "/mnt/folder"
                              << "ls -A /mnt/folder; touch /mnt/folder/x"
                              << QByteArray{"touch: cannot touch '/mnt/folder/x': Read-only file system"};
    QTest::newRow("a folder with another file system")
        << "/mnt/mounted"
        << "ls -A /mnt/mounted; ls -A /mnt/mounted/deep"
        << QByteArray{"ls: cannot access '/mnt/mounted/deep': No such file or directory"};
    QTest::newRow("a file") << "/mnt/file"
                            << "cat /mnt/file" << QByteArray{};
    QTest::newRow("what a link leads to")
        << "/mnt/link"
        << "ls -A /mnt/folder /mnt/link/" << QByteArray{"/mnt/folder:\n\n/mnt/link/:"};
    QTest::newRow("nothing") << "/mnt/missing/more"
                             << "echo runs" << QByteArray{"runs"};
    QTest::newRow("what is below a file") << "/mnt/file/more"
                                          << "cat /mnt/file" << QByteArray{"secret"};
}

void TstRoom::whatIsHiddenIsEmpty()
{
    QFETCH(QString, path);
    QFETCH(QString, words);
    QFETCH(QByteArray, answer);
    const QDir mnt{QStringLiteral("/mnt")};
    QVERIFY(mnt.mkpath(QStringLiteral("folder")) && mnt.mkpath(QStringLiteral("mounted")));
    QVERIFY(
        writeFile(QStringLiteral("/mnt/file"), "secret") && writeFile(QStringLiteral("/mnt/folder/file"), "secret"));
    QFile::link(QStringLiteral("folder"), QStringLiteral("/mnt/link"));
    QCOMPARE(::mount("tmpfs", "/mnt/mounted", "tmpfs", 0, nullptr), 0);
    mnt.mkpath(QStringLiteral("mounted/deep"));
    const QByteArray seen = said(words, {QStringLiteral("--hide"), path});
    ::umount("/mnt/mounted");
    QCOMPARE(seen, answer);
    QCOMPARE(contentOf(QStringLiteral("/mnt/file")), QByteArray{"secret"});
}

void TstRoom::aHiddenFolderMayShowOneOfIts()
{
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/tree/own")) && QDir{}.mkpath(QStringLiteral("/mnt/tree/others")));
    QCOMPARE(::chown("/mnt/tree/own", idBase(), idBase()), 0);
    const QStringList options{QStringLiteral("--hide"), QStringLiteral("/mnt/tree"), QStringLiteral("--bind-writable"),
        QStringLiteral("/mnt/tree/own:/mnt/tree/own")};
    QCOMPARE(said(QStringLiteral("cd /mnt/tree && ls; touch own/x; mkdir y 2>&1 | grep -o Read-only"), options),
        QByteArray{"own\nRead-only"});
    QVERIFY(QFile::exists(QStringLiteral("/mnt/tree/own/x")));
}

void TstRoom::whatIsBoundIsSeen_data()
{
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<QString>("words");
    QTest::addColumn<QByteArray>("answer");
    const auto bind = [](const char* how, const char* what) {
        return QStringList{QString::fromLatin1(how), QString::fromLatin1(what)};
    };
    QTest::newRow("a file, read-only") << bind("--bind", "/mnt/b/file:/tmp/a/b/file")
                                       << "cat /tmp/a/b/file; echo x > /tmp/a/b/file"
                                       << QByteArray{
                                              "text/bin/sh: 1: cannot create /tmp/a/b/file: Read-only file system"};
    QTest::newRow("a folder, writable") << bind("--bind-writable", "/mnt/b/own:/tmp/own")
                                        << "touch /tmp/own/y && ls /tmp/own" << QByteArray{"y"};
    QTest::newRow("over what is there") << bind("--bind", "/mnt/b/file:/etc/hostname") << "cat /etc/hostname"
                                        << QByteArray{"text"};
    QTest::newRow("what is mounted below it, too")
        << bind("--bind", "/mnt/b:/tmp/b/") << "ls /tmp/b/mounted; touch /tmp/b/mounted/y 2>&1 | grep -o Read-only"
        << QByteArray{"deep\nRead-only"};
    QTest::newRow("no device of it") << bind("--bind", "/mnt/b:/tmp/b") << "head -c 1 /tmp/b/zero 2>&1 | grep -o denied"
                                     << QByteArray{"denied"};
    QTest::newRow("made folders are its own")
        << bind("--bind", "/mnt/b/file:/tmp/a/b/file") << "stat -c %u /tmp/a /tmp/a/b && touch /tmp/a/b/more"
        << QByteArray{"0\n0"};
}

void TstRoom::whatIsBoundIsSeen()
{
    QFETCH(QStringList, options);
    QFETCH(QString, words);
    QFETCH(QByteArray, answer);
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/b/own")) && QDir{}.mkpath(QStringLiteral("/mnt/b/mounted")));
    QVERIFY(writeFile(QStringLiteral("/mnt/b/file"), "text"));
    QCOMPARE(::chown("/mnt/b/own", idBase(), idBase()), 0);
    ::mknod("/mnt/b/zero", S_IFCHR | 0666, makedev(1, 5));
    ::chmod("/mnt/b/zero", 0666);
    QCOMPARE(::mount("tmpfs", "/mnt/b/mounted", "tmpfs", 0, "mode=777"), 0);
    QDir{}.mkpath(QStringLiteral("/mnt/b/mounted/deep"));
    const QByteArray seen = said(words, options);
    ::umount("/mnt/b/mounted");
    QCOMPARE(seen, answer);
    QCOMPARE(contentOf(QStringLiteral("/mnt/b/file")), QByteArray{"text"});
}

void TstRoom::runIsItsOwnUnlessItIsBound()
{
    QCOMPARE(said(QStringLiteral("ls -A /run; touch /run/x && stat -c %u /run")), QByteArray{"0"});
    const QStringList options{QStringLiteral("--bind-writable"), QStringLiteral("/run/sensor/instruments/x:/run")};
    QCOMPARE(said(QStringLiteral("touch /run/here && ls -A /run"), options), QByteArray{"here"});
    QVERIFY(QFile::remove(QStringLiteral("/run/sensor/instruments/x/here")));
}

void TstRoom::resolvConfIsItsOwn_data()
{
    QTest::addColumn<QByteArray>("host"); // what stands at /etc/resolv.conf: a file's text, or "-> target"
    QTest::newRow("where the host's is a file") << QByteArray{"nameserver 192.0.2.1\n"};
    QTest::newRow("where it is a link to a file below /run")
        << QByteArray{"-> ../run/systemd/resolve/stub-resolv.conf"};
    QTest::newRow("where it is an absolute link") << QByteArray{"-> /run/resolvconf/resolv.conf"};
    QTest::newRow("where it is a link to a link") << QByteArray{"-> resolv.link"};
}

void TstRoom::resolvConfIsItsOwn()
{
    QFETCH(QByteArray, host);
    // An /etc of this test's: the host's stays as it is.
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/etc")));
    QCOMPARE(runProgram(QStringLiteral("/bin/cp"),
                 {QStringLiteral("/etc/passwd"), QStringLiteral("/etc/ld.so.cache"), QStringLiteral("/mnt/etc/")})
                 .code,
        0);
    QFile::remove(QStringLiteral("/mnt/etc/resolv.conf"));
    QFile::link(QStringLiteral("/run/deep/link/resolv.conf"), QStringLiteral("/mnt/etc/resolv.link"));
    if (host.startsWith("-> "))
        QVERIFY(QFile::link(QString::fromLatin1(host.mid(3)), QStringLiteral("/mnt/etc/resolv.conf")));
    else
        QVERIFY(writeFile(QStringLiteral("/mnt/etc/resolv.conf"), host));
    QVERIFY(writeFile(QStringLiteral("/mnt/own.resolv"), "nameserver 198.51.100.1\n"));
    QCOMPARE(::mount("/mnt/etc", "/etc", nullptr, MS_BIND, nullptr), 0);
    const QByteArray seen = said(QStringLiteral("cat /etc/resolv.conf; echo x > /etc/resolv.conf"),
        {QStringLiteral("--bind-writable"), QStringLiteral("/run/sensor/instruments/x:/run"), QStringLiteral("--bind"),
            QStringLiteral("/mnt/own.resolv:/etc/resolv.conf")});
    ::umount("/etc");
    QVERIFY2(seen.startsWith("nameserver 198.51.100.1\n") && seen.endsWith("Read-only file system"), seen.constData());
    QCOMPARE(contentOf(QStringLiteral("/mnt/own.resolv")), QByteArray{"nameserver 198.51.100.1\n"});
    if (!host.startsWith("-> "))
        QCOMPARE(contentOf(QStringLiteral("/mnt/etc/resolv.conf")), host);
    // The host's own /run is as it was.
    QVERIFY(!QFile::exists(QStringLiteral("/run/systemd")) && !QFile::exists(QStringLiteral("/run/resolvconf"))
        && !QFile::exists(QStringLiteral("/run/deep")));
}

void TstRoom::aLinkThatItLeftLeadsNowhereElse()
{
    // As an Instrument could: the first leads to a process outside, and by way of it to the host's files.
    const QString own = QStringLiteral("/run/sensor/instruments/x/");
    QVERIFY(QFile::link(QStringLiteral("/proc/%1/root/mnt").arg(::getpid()), own + QStringLiteral("magic")));
    QVERIFY(QFile::link(QStringLiteral("/mnt"), own + QStringLiteral("plain")));
    QVERIFY(QFile::link(QStringLiteral("loop"), own + QStringLiteral("loop")));
    QVERIFY(writeFile(QStringLiteral("/mnt/source"), "text"));
    for (const char* target : {"/run/magic/made", "/run/plain/made", "/run/loop/made", "/run/loop"}) {
        InRoom guest{{QStringLiteral("/bin/true")},
            {QStringLiteral("--bind-writable"), QStringLiteral("/run/sensor/instruments/x:/run"),
                QStringLiteral("--bind"), QStringLiteral("/mnt/source:") + QString::fromLatin1(target)}};
        const Ran ran = guest.end();
        QCOMPARE(ran.code, 71);
        QCOMPARE(ran.err.count('\n'), 1);
        QVERIFY(!QFile::exists(QStringLiteral("/mnt/made")));
    }
    for (const char* name : {"magic", "plain", "loop"})
        QVERIFY(QFile::remove(own + QString::fromLatin1(name)));
}

void TstRoom::aTargetThatCannotBeMadeIsOneSentence()
{
    QVERIFY(writeFile(QStringLiteral("/mnt/source"), "text"));
    InRoom guest{
        {QStringLiteral("/bin/true")}, {QStringLiteral("--bind"), QStringLiteral("/mnt/source:/opt/beacon/none")}};
    const Ran ran = guest.end();
    QCOMPARE(ran.code, 71);
    QCOMPARE(ran.err, QByteArray{"sensor-room: make /opt/beacon/none in the room: Read-only file system\n"});
    QCOMPARE(guest.reported("failed"), QByteArray::number(EROFS));

    InRoom other{{QStringLiteral("/bin/true")}, {QStringLiteral("--bind"), QStringLiteral("/mnt/nowhere:/tmp/x")}};
    QCOMPARE(other.end().err, QByteArray{"sensor-room: open /mnt/nowhere: No such file or directory\n"});
}

void TstRoom::theHostsSecretsAreNotReadable()
{
    QVERIFY(writeFile(QStringLiteral("/mnt/key"), "secret", 0600));
    QVERIFY(writeFile(QStringLiteral("/mnt/group"), "secret", 0640));
    QVERIFY(writeFile(QStringLiteral("/mnt/setuid"), "secret", 04700));
    QVERIFY(QFile::exists(QStringLiteral("/etc/shadow")));
    for (const char* path : {"/mnt/key", "/mnt/group", "/mnt/setuid", "/etc/shadow", "/proc/kmsg"})
        QCOMPARE(tried({QStringLiteral("read"), QString::fromLatin1(path)}), QByteArray{"EACCES"});
    QVERIFY(!contentOf(QStringLiteral("/proc/timer_list")).isEmpty());
    QCOMPARE(said(QStringLiteral("cat /proc/timer_list /proc/keys | wc -c")), QByteArray{"0"});
}

void TstRoom::pinsAreNotSeenNorHeld()
{
    // Where they are not below /run, which is covered, too.
    const QString net = QStringLiteral("/mnt/y.net"), user = QStringLiteral("/mnt/y.user");
    const QStringList make{QStringLiteral("make"), QStringLiteral("--network-namespace"), net,
        QStringLiteral("--user-namespace"), user, QStringLiteral("--id-base"), QString::number(idBase())};
    QCOMPARE(room(make).code, 0);
    const QStringList plug{QStringLiteral("link"), QStringLiteral("add"), QStringLiteral("near"),
        QStringLiteral("type"), QStringLiteral("veth"), QStringLiteral("peer"), QStringLiteral("name"),
        QStringLiteral("far"), QStringLiteral("netns"), net};
    QCOMPARE(runProgram(QStringLiteral("/bin/ip"), plug).err, QByteArray{});
    QVERIFY(contentOf(QStringLiteral("/proc/net/dev")).contains("near:"));
    QCOMPARE(tried({QStringLiteral("enter"), net, QStringLiteral("enter"), user, QStringLiteral("read"), kNetPin}),
        QByteArray{"EACCES\nEACCES\nENOENT"});

    InRoom other{{QStringLiteral("/bin/sleep"), QStringLiteral("60")}}; // runs on while the pin goes
    QVERIFY(other.start());
    QTRY_VERIFY(other.pid() > 0);
    QTRY_COMPARE(contentOf(QStringLiteral("/proc/%1/comm").arg(other.pid())), QByteArray{"sleep\n"});
    QVERIFY(!contentOf(QStringLiteral("/proc/%1/mountinfo").arg(other.pid())).contains("nsfs"));
    QVERIFY(!contentOf(QStringLiteral("/proc/%1/mountinfo").arg(other.process.processId())).contains("nsfs"));
    QCOMPARE(room({QStringLiteral("drop"), net, user}).code, 0);
    QTRY_VERIFY(
        !contentOf(QStringLiteral("/proc/net/dev")).contains("near:")); // the other end is gone with its namespace
}

void TstRoom::nothingOfItIsMountedOutside()
{
    const QByteArray before = contentOf(QStringLiteral("/proc/self/mountinfo"));
    QVERIFY(QDir{}.mkpath(QStringLiteral("/mnt/hidden")));
    QCOMPARE(said(QStringLiteral("mount -t tmpfs none /mnt/hidden && mount -t tmpfs none /tmp && echo mounted"),
                 {QStringLiteral("--hide"), QStringLiteral("/mnt/hidden")}),
        QByteArray{"mounted"});
    QCOMPARE(contentOf(QStringLiteral("/proc/self/mountinfo")), before);
}

void TstRoom::itHasANameOfItsOwn()
{
    const QByteArray host = contentOf(QStringLiteral("/proc/sys/kernel/hostname"));
    QCOMPARE(said(QStringLiteral("uname -n"), {QStringLiteral("--hostname"), QStringLiteral("beacon-0")}),
        QByteArray{"beacon-0"});
    QCOMPARE(contentOf(QStringLiteral("/proc/sys/kernel/hostname")), host);
}

void TstRoom::withoutNamespacesItStillHasARoom()
{
    InRoom guest{shell(QStringLiteral(
        "echo $$; touch /etc/mine 2>&1 | grep -o Read-only; ls /tmp; ls /dev | grep -c disk; cd /proc; echo [0-9]*"))};
    guest.inUsualNamespaces = false;
    const Ran ran = guest.end();
    QCOMPARE(ran.out + ran.err, QByteArray{"2\nRead-only\nbin\ntargets\n0\n1 2\n"});
    QCOMPARE(guest.reported("capabilities"), QByteArray{"host"});
    QCOMPARE(guest.reported("uid"), QByteArray{"0"});
}

BEACON_ROOM_MAIN(TstRoom)
#include "tst_room.moc"
