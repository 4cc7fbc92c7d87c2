#include "core/base/unique_fd.h"
#include "service/instrument/switch_port.h"
#include "tests/support/lldp_frame.h"
#include "tests/support/net_fixture.h"
#include "tests/support/without_capability.h"

#include <QDir>
#include <QProcess>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace beacon;
using namespace beacon::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

int indexOf(const char* interface)
{
    return static_cast<int>(::if_nametoindex(interface));
}

/// The switch at the other end of the cable.
class Switch {
public:
    Switch()
        : m_socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) // sends only
    {
    }
    bool send(const LldpFrame& frame) const { return send(frame.bytes()); }
    bool send(const ByteBuffer& bytes) const
    {
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = indexOf("seg1");
        return ::sendto(
                   m_socket.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to)
            == static_cast<ssize_t>(bytes.size());
    }

private:
    UniqueFd m_socket;
};

struct Rig {
    Rig() { followed = bool(port.follow(indexOf("seg0"))); }
    QString fact(const char* key) const { return port.facts().value(QLatin1String(key)).toString(); }

    ManualClock clock;
    SwitchPort port{clock};
    QSignalSpy changes{&port, &SwitchPort::changed};
    Switch peer;
    bool followed = false;
};

int openDescriptors()
{
    return static_cast<int>(QDir(QStringLiteral("/proc/self/fd")).entryList(QDir::Files | QDir::System).size());
}

} // namespace

class TstSwitchPort final : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup() { QVERIFY(ip(QStringLiteral("link del seg0 2>/dev/null || true"))); }
    void whatTheSwitchSaysIsTold();
    void whatIsKnownByAddressOnlyIsTold();
    void onlyDifferencesAreTold();
    void itHoldsForItsTimeToLive();
    void aGoodbyeEndsIt();
    void aGoodbyeOfAnotherDoesNot();
    void rubbishIsPassedOver();
    void otherFramesAndOtherInterfacesAreNotHeard();
    void manyNeighboursMakeNoStorm();
    void textsArePrintable();
    void aLinkThatWentDownAndUpIsHeardAgain();
    void anotherInterfaceBeginsAnew();
    void followingNoneForgetsAndCloses();
    void anAbsentInterfaceIsAnError();
    void fault54_withoutCapNetRawItIsAnError();
    void theGroupsAreJoinedAndLeft();
    void nothingIsSent();
    void lldpdIsHeard();
};

void TstSwitchPort::init()
{
    for (const char* arguments : {"link add seg0 type veth peer name seg1", "link set seg0 addrgenmode none up",
             "link set seg1 addrgenmode none up"})
        QVERIFY(ip(QString::fromLatin1(arguments)));
}

void TstSwitchPort::whatTheSwitchSaysIsTold()
{
    Rig rig;
    QVERIFY(rig.followed && rig.port.facts().isEmpty() && !rig.port.now());
    QVERIFY(rig.peer.send(LldpFrame::of("id", "Gi1/0/7")
                              .text(4, "cell 4")
                              .text(5, "sw-plant")
                              .portVlan(10)
                              .vlanName(20, "office")
                              .vlanName(10, "plant")
                              .end()));
    QVERIFY(rig.changes.wait());
    const QJsonObject expected{{QStringLiteral("switch"), QStringLiteral("sw-plant")},
        {QStringLiteral("switch_port"), QStringLiteral("Gi1/0/7")},
        {QStringLiteral("vlan"), QStringLiteral("10 (plant)")}};
    QCOMPARE(rig.port.facts(), expected);
    QCOMPARE(rig.port.now()->ttl, 120s);
}

void TstSwitchPort::whatIsKnownByAddressOnlyIsTold()
{
    Rig rig;
    const auto mac = "\x02\x00\x5e\x10\x00\x02"s;
    QVERIFY(rig.peer.send(LldpFrame{}.id(1, 4, mac).id(2, 3, mac).ttl(9).portVlan(10)));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.fact("switch"), QStringLiteral("02:00:5e:10:00:02"));
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("02:00:5e:10:00:02"));
    QCOMPARE(rig.fact("vlan"), QStringLiteral("10"));
    rig.clock.advance(SwitchPort::kBetween);
    QVERIFY(rig.peer.send(LldpFrame{}.id(1, 4, mac).id(2, 3, mac).ttl(9).text(4, "swp7")));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("swp7"));
    QVERIFY(!rig.port.facts().contains(QLatin1String("vlan")));
}

void TstSwitchPort::onlyDifferencesAreTold()
{
    Rig rig;
    for (int i = 0; i < 5; ++i)
        QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    rig.clock.advance(30s);
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1", 60))); // what it says of itself differs, the facts do not
    rig.clock.advance(SwitchPort::kBetween);
    QTRY_COMPARE(rig.port.now()->ttl, 60s);
    QCOMPARE(rig.changes.size(), 1);
    rig.clock.advance(SwitchPort::kBetween);
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "2")));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.changes.size(), 2);
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("2"));
}

void TstSwitchPort::itHoldsForItsTimeToLive()
{
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1", 120)));
    QVERIFY(rig.changes.wait());
    rig.clock.advance(120s - 1ms);
    QVERIFY(rig.port.now());
    rig.clock.advance(1ms);
    QVERIFY(!rig.port.now() && rig.port.facts().isEmpty());
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1", 120))); // the same again is news
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.changes.size(), 2);
    rig.clock.jumpWall(24h);
    QVERIFY(rig.port.now());
}

void TstSwitchPort::aGoodbyeEndsIt()
{
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1", 0)));
    QVERIFY(rig.changes.wait());
    QVERIFY(!rig.port.now() && rig.port.facts().isEmpty());
}

void TstSwitchPort::aGoodbyeOfAnotherDoesNot()
{
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    rig.clock.advance(SwitchPort::kBetween);
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "2", 0)) && rig.peer.send(LldpFrame::of("other", "1", 0)));
    QTest::qWait(50);
    QVERIFY(rig.port.now());
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1").portVlan(7))); // arrives after them
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.changes.size(), 2);
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("1"));
}

void TstSwitchPort::rubbishIsPassedOver()
{
    Rig rig;
    const auto whole = LldpFrame::of("sw", "1").text(5, "name").bytes();
    for (std::size_t size = 14; size < whole.size() - 6; ++size)
        QVERIFY(rig.peer.send(ByteBuffer(whole.begin(), whole.begin() + std::ptrdiff_t(size))));
    QVERIFY(ip(QStringLiteral("link set seg0 mtu 9000")) && ip(QStringLiteral("link set seg1 mtu 9000")));
    auto giant = LldpFrame::of("giant", "1");
    for (int i = 0; i < 9; ++i)
        giant.text(99, std::string(500, 'x'));
    QVERIFY(rig.peer.send(giant));
    QVERIFY(rig.peer.send(LldpFrame::of("last", "1")));
    QTRY_COMPARE(rig.fact("switch"), QStringLiteral("last"));
    QCOMPARE(rig.changes.size(), 1);
}

void TstSwitchPort::otherFramesAndOtherInterfacesAreNotHeard()
{
    Rig rig;
    SwitchPort other{rig.clock};
    QVERIFY(bool(other.follow(indexOf("seg1"))));
    auto arp = LldpFrame::of("arp", "1").bytes();
    arp[12] = 0x08;
    arp[13] = 0x06;
    QVERIFY(rig.peer.send(arp) && rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.changes.size(), 1);
    QCOMPARE(rig.fact("switch"), QStringLiteral("sw"));
    QVERIFY(!other.now()); // whose end only sent it
}

void TstSwitchPort::manyNeighboursMakeNoStorm()
{
    Rig rig;
    for (int i = 0; i < 1'000; ++i) {
        QVERIFY(rig.peer.send(LldpFrame::of("sw" + std::to_string(i), "1")));
        if (i % 50 == 0)
            QCoreApplication::processEvents();
    }
    for (int i = 0; i < 100; ++i) // each turn takes kMostFrames
        QCoreApplication::processEvents();
    QCOMPARE(rig.changes.size(), 1);
    rig.clock.advance(SwitchPort::kBetween);
    QVERIFY(rig.peer.send(LldpFrame::of("last", "1")));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.fact("switch"), QStringLiteral("last"));
}

void TstSwitchPort::textsArePrintable()
{
    Rig rig;
    QVERIFY(rig.peer.send(
        LldpFrame::of("sw", "\x1b[31mGi1\xff\n").text(5, " name\x01 ").portVlan(1).vlanName(1, "\x1b[2J")));
    QVERIFY(rig.changes.wait());
    QCOMPARE(rig.fact("switch"), QStringLiteral("name\ufffd"));
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("Gi1\ufffd\ufffd"));
    QCOMPARE(rig.fact("vlan"), QStringLiteral("1"));
}

void TstSwitchPort::aLinkThatWentDownAndUpIsHeardAgain()
{
    Rig rig;
    QVERIFY(ip(QStringLiteral("link set seg0 down")));
    QCoreApplication::processEvents();
    QVERIFY(ip(QStringLiteral("link set seg0 up")));
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
}

void TstSwitchPort::anotherInterfaceBeginsAnew()
{
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    QVERIFY(bool(rig.port.follow(indexOf("seg0")))); // the same: nothing is forgotten
    QVERIFY(rig.port.now());
    QVERIFY(ip(QStringLiteral("link del seg0")));
    init();
    QVERIFY(bool(rig.port.follow(indexOf("seg0"))));
    QVERIFY(!rig.port.now());
    QCOMPARE(rig.changes.size(), 2);
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
}

void TstSwitchPort::followingNoneForgetsAndCloses()
{
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    const int before = openDescriptors();
    QVERIFY(bool(rig.port.follow(0)));
    QVERIFY(!rig.port.now());
    QCOMPARE(rig.changes.size(), 2);
    QCOMPARE(openDescriptors(), before - 1);
    for (int i = 0; i < 50; ++i)
        QVERIFY(bool(rig.port.follow(indexOf("seg0"))) && bool(rig.port.follow(0)));
    QCOMPARE(openDescriptors(), before - 1);
    QCOMPARE(rig.changes.size(), 2);
}

void TstSwitchPort::anAbsentInterfaceIsAnError()
{
    Rig rig;
    const auto result = rig.port.follow(4'242);
    QVERIFY(!result);
    QCOMPARE(result.error().code, Errc::NotFound);
    QVERIFY(bool(rig.port.follow(indexOf("seg0")))); // and it can be tried again
}

void TstSwitchPort::fault54_withoutCapNetRawItIsAnError()
{
    Rig rig;
    QVERIFY(bool(rig.port.follow(0)));
    {
        const WithoutCapability dropped{CAP_NET_RAW};
        QVERIFY(dropped.worked());
        const auto result = rig.port.follow(indexOf("seg0"));
        QVERIFY(!result);
        QCOMPARE(result.error().code, Errc::Denied);
    }
    QVERIFY(bool(rig.port.follow(indexOf("seg0"))));
}

void TstSwitchPort::theGroupsAreJoinedAndLeft()
{
    const auto joined = [] {
        QFile file(QStringLiteral("/proc/thread-self/net/dev_mcast"));
        const bool opened = file.open(QIODevice::ReadOnly);
        QByteArrayList groups;
        for (const QByteArray& line : opened ? file.readAll().split('\n') : QByteArrayList{}) {
            const auto words = line.simplified().split(' ');
            if (words.size() == 5 && words[1] == "seg0" && words[4].startsWith("0180c2"))
                groups << words[4];
        }
        std::ranges::sort(groups);
        return groups;
    };
    Rig rig;
    QCOMPARE(joined(), (QByteArrayList{"0180c2000000", "0180c2000003", "0180c200000e"}));
    QVERIFY(bool(rig.port.follow(0)));
    QCOMPARE(joined(), QByteArrayList{});
}

void TstSwitchPort::nothingIsSent()
{
    const auto sent = [] {
        QFile file(QStringLiteral("/proc/thread-self/net/dev"));
        if (!file.open(QIODevice::ReadOnly))
            return -1LL;
        for (const QByteArray& line : file.readAll().split('\n'))
            if (line.trimmed().startsWith("seg0:"))
                return line.simplified().split(' ').value(10).toLongLong();
        return -1LL;
    };
    const auto before = sent();
    QVERIFY(before >= 0);
    Rig rig;
    QVERIFY(rig.peer.send(LldpFrame::of("sw", "1")));
    QVERIFY(rig.changes.wait());
    QVERIFY(bool(rig.port.follow(0)));
    QCOMPARE(sent(), before);
}

/// The distribution's lldpd is in no list of packages: installing it starts a daemon that sends on every interface.
void TstSwitchPort::lldpdIsHeard()
{
    const QString lldpd = QStandardPaths::findExecutable(QStringLiteral("lldpd"), {QStringLiteral("/usr/sbin")});
    if (lldpd.isEmpty() || ::geteuid() != 0) {
        qInfo("lldpd is not installed, or this is not root: only a frame that was captured from it is tried, by "
              "tst_lldp");
        return;
    }
    Rig rig;
    QProcess program;
    program.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    // A PID namespace, begun by a shell as lldpd sheds its death signal, so that all of it ends with us; its own /sys
    // as it shows our interfaces, /run as it is written to.
    program.start(QStringLiteral("unshare"),
        {QStringLiteral("-m"), QStringLiteral("-p"), QStringLiteral("-f"), QStringLiteral("--kill-child"),
            QStringLiteral("--mount-proc"), QStringLiteral("sh"), QStringLiteral("-c"),
            QStringLiteral("mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && mkdir /run/lldpd &&"
                           " { \"$0\" -d -I seg1 -C seg1 2>/dev/null & wait; }"),
            lldpd});
    QVERIFY(program.waitForStarted());
    QVERIFY(rig.changes.wait(20'000));
    QCOMPARE(rig.fact("switch_port"), QStringLiteral("seg1"));
    QCOMPARE(rig.port.now()->ttl, 120s);
    QVERIFY(rig.port.now()->port.kind == LldpId::Kind::Mac);
    program.kill(); // --kill-child takes the rest along
    QVERIFY(program.waitForFinished());
}

BEACON_NETNS_MAIN(TstSwitchPort)
#include "tst_switch_port.moc"
