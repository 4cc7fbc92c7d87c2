#include "service/instrument/self_test.h"
#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <arpa/inet.h>
#include <csignal>
#include <grp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <map>
#include <memory>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kInstrument = QStringLiteral(BEACON_BIN_DIR "/beacon-instrument");
const QString kTargets = QStringLiteral(TARGETS_DIR "/");
constexpr int kPromisedMs = 20'000;

/// One drill by the real program.
struct SelfTest {
    explicit SelfTest(const QString& interface, const QString& beacon = {}, const QStringList& more = {})
        : program(kInstrument)
    {
        QStringList arguments{QStringLiteral("--self-test"), QStringLiteral("--interface"), interface,
            QStringLiteral("--runtime-dir"), dir.path(), QStringLiteral("--state-dir"), dir.path()};
        if (!beacon.isEmpty())
            arguments << QStringLiteral("--beacon") << beacon;
        program.setArguments(arguments + more);
        timer.start();
        started = program.start();
        name = interface;
    }
    /// Whether it ended in time, leaving no file.
    bool ended()
    {
        const bool inTime = program.waitForEnd(static_cast<int>(kPromisedMs - timer.elapsed()));
        tookMs = timer.elapsed();
        json = QJsonDocument::fromJson(program.output()).object();
        return started && inTime && leftFiles().isEmpty();
    }
    [[nodiscard]] QStringList leftFiles() const
    {
        return QDir{dir.path() + QLatin1Char('/') + name}.entryList(QDir::AllEntries | QDir::NoDotAndDotDot);
    }
    [[nodiscard]] bool is(const char* key) const { return json.value(QLatin1StringView(key)).toBool(); }
    [[nodiscard]] int number(const char* key) const { return json.value(QLatin1StringView(key)).toInt(-1); }
    [[nodiscard]] QString reason() const { return json.value(QStringLiteral("reason")).toString(); }
    [[nodiscard]] QByteArray all() const { return program.output() + program.log(); }

    QTemporaryDir dir;
    RunningProgram program;
    QString name;
    QElapsedTimer timer;
    qint64 tookMs = 0;
    bool started = false;
    QJsonObject json;
};

/// Everything below `pid`.
QList<qint64> descendantsOf(qint64 pid)
{
    QList<qint64> all = childrenOf(pid);
    for (qsizetype i = 0; i < all.size(); ++i)
        all += childrenOf(all.at(i));
    return all;
}

/// The network namespaces that processes are in, by inode.
QStringList namespacesOf(const QList<qint64>& pids)
{
    QStringList found;
    for (const qint64 pid : pids) {
        char link[64] = {};
        const QByteArray path = QStringLiteral("/proc/%1/ns/net").arg(pid).toLocal8Bit();
        if (::readlink(path.constData(), link, sizeof link - 1) > 0)
            found << QString::fromLatin1(link);
    }
    found.removeDuplicates();
    return found;
}

/// All frames of one interface, in and out.
struct Frames {
    explicit Frames(const char* interface)
        : fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)))
    {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
        bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~Frames() { ::close(fd); }
    int take() const
    {
        char buffer[2048];
        int count = 0;
        while (::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) >= 0)
            ++count;
        return count;
    }
    int fd;
    bool bound = false;
};

bool makeSegment()
{
    return ip(QStringLiteral("link add seg0 type veth peer name peer0"))
        && ip(QStringLiteral("link set seg0 addrgenmode none")) && ip(QStringLiteral("link set peer0 addrgenmode none"))
        && ip(QStringLiteral("link set seg0 up")) && ip(QStringLiteral("link set peer0 up"))
        && ip(QStringLiteral("addr add 10.20.30.2/24 dev seg0"))
        && ip(QStringLiteral("route add default via 10.20.30.1 dev seg0"));
}

} // namespace

#define ENDED(drill) QVERIFY2((drill).ended(), (drill).all().constData())
#define HOLDS(condition, drill) QVERIFY2(condition, (drill).all().constData())

class TstSelfTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void ourBeaconEscapesByEveryTechniqueAndBack();
    void onlyWhatIsConfiguredIsTried();
    void theBeaconHasAUserOfItsOwnThereToo();
    void anOrdinaryUserCanDrillToo();
    void nothingReachesTheSegment();
    void aForeignBeaconEscapesByItsPackets_data();
    void aForeignBeaconEscapesByItsPackets();
    void whatDoesNotEscapeIsSaidWithAReason();
    void nothingIsLeftWhereItIsKilled();
    void aDrillThatDiesIsAResult();
    void whatAnEarlierOneLeftIsRemoved();
    void whereItIsNotPossibleOneSentenceSaysWhy();
    void thePortsAreFew();
};

void TstSelfTest::ourBeaconEscapesByEveryTechniqueAndBack()
{
    SelfTest drill{QStringLiteral("eth0")};
    ENDED(drill);
    QCOMPARE(drill.program.exitCode(), 0);
    HOLDS(drill.is("escaped") && drill.is("two_way") && !drill.is("foreign"), drill);
    HOLDS(!drill.json.contains(QStringLiteral("reason")), drill);
    HOLDS(drill.number("escapes") > 0 && drill.number("frames") >= drill.number("recognised"), drill);
    HOLDS(drill.number("first_escape_ms") >= 0 && drill.json.value(QStringLiteral("seconds")).toDouble() > 0, drill);
    QCOMPARE(drill.json.value(QStringLiteral("version")).toString(), QStringLiteral(BEACON_VERSION));
    QCOMPARE(drill.json.value(QStringLiteral("beacon")).toString(), QStringLiteral(BEACON_BIN_DIR "/beacon"));
    const auto techniques = drill.json.value(QStringLiteral("techniques")).toObject();
    QCOMPARE(techniques.keys().join(QLatin1Char(' ')), QStringLiteral("DnsQuery IcmpEcho TcpConnection UdpDatagram"));
    for (const QJsonValue& value : techniques) {
        const QJsonObject counts = value.toObject();
        HOLDS(counts.value(QStringLiteral("attempts")).toInt() > 0, drill);
        HOLDS(counts.value(QStringLiteral("recognised")).toInt() > 0, drill);
    }
    for (const char* name : {"IcmpEcho", "TcpConnection", "UdpDatagram"})
        HOLDS(techniques.value(QLatin1StringView(name)).toObject().value(QStringLiteral("escapes")).toInt() > 0, drill);
    QCOMPARE(drill.program.output().count('\n'), 1);
}

void TstSelfTest::onlyWhatIsConfiguredIsTried()
{
    SelfTest drill{
        QStringLiteral("eth0"), {}, {QStringLiteral("--techniques=IcmpEcho"), QStringLiteral("--ports=1-65535")}};
    ENDED(drill);
    QCOMPARE(drill.program.exitCode(), 0);
    QCOMPARE(drill.json.value(QStringLiteral("techniques")).toObject().keys(), QStringList{QStringLiteral("IcmpEcho")});
}

void TstSelfTest::theBeaconHasAUserOfItsOwnThereToo()
{
    if (::geteuid() != 0)
        QSKIP("only root can become somebody else");
    SelfTest drill{QStringLiteral("ticks"), kTargets + QStringLiteral("misbehave"),
        {QStringLiteral("--user"), QStringLiteral("nobody")}};
    const auto isNobodys = [&] {
        const QList<qint64> all = descendantsOf(drill.program.pid());
        return std::any_of(all.begin(), all.end(),
            [](qint64 pid) { return QFileInfo{QStringLiteral("/proc/%1").arg(pid)}.ownerId() == 65'534; });
    };
    QVERIFY(QTest::qWaitFor(isNobodys, 10'000));
    QVERIFY(drill.program.end(SIGKILL, 5'000));

    QTemporaryDir dir; // in which nobody may go where he is sent
    QVERIFY(::chmod(dir.path().toLocal8Bit().constData(), 0711) == 0);
    RunningProgram ours{kInstrument,
        {QStringLiteral("--self-test"), QStringLiteral("--interface=eth0"), QStringLiteral("--user=nobody"),
            QStringLiteral("--runtime-dir=") + dir.path()}};
    QVERIFY(ours.start() && ours.waitForEnd(kPromisedMs));
    QVERIFY2(ours.exitCode() == 0, (ours.output() + ours.log()).constData()); // it could read its identity
}

void TstSelfTest::anOrdinaryUserCanDrillToo()
{
    if (::geteuid() != 0)
        QSKIP("this user is one already, and all other tests show it");
    QTemporaryDir dir;
    QVERIFY(::chown(dir.path().toLocal8Bit().constData(), 65'534, 65'534) == 0);
    QProcess process;
    process.setChildProcessModifier([] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(65'534, 65'534, 65'534) != 0
            || ::setresuid(65'534, 65'534, 65'534) != 0)
            ::_exit(EX_OSERR);
    });
    process.start(kInstrument,
        {QStringLiteral("--self-test"), QStringLiteral("--interface=eth0"),
            QStringLiteral("--runtime-dir=") + dir.path(), QStringLiteral("--state-dir=") + dir.path()});
    if (!process.waitForStarted())
        QSKIP("another user cannot execute what was built here");
    QVERIFY(process.waitForFinished(kPromisedMs));
    const QByteArray complaint = process.readAllStandardError();
    if (process.exitCode() == EX_NOPERM)
        QSKIP(complaint.constData());
    const auto json = QJsonDocument::fromJson(process.readAllStandardOutput()).object();
    QVERIFY2(process.exitCode() == 0 && json.value(QStringLiteral("two_way")).toBool(), complaint.constData());
}

void TstSelfTest::nothingReachesTheSegment()
{
    QVERIFY(makeSegment());
    const Frames atPeer{"peer0"}, onLoopback{"lo"};
    QVERIFY(atPeer.bound && onLoopback.bound);
    QTest::qWait(200); // for what the kernel says when a link comes up
    static_cast<void>(atPeer.take());
    SelfTest drill{QStringLiteral("seg0")};
    ENDED(drill);
    QCOMPARE(drill.program.exitCode(), 0);
    QCOMPARE(atPeer.take(), 0);
    QCOMPARE(onLoopback.take(), 0);
    QVERIFY(::if_nametoindex("seg0") != 0 && ::if_nametoindex("home0") == 0);

    QProcess outside; // the same Beacon without a drill is seen, so the silence above says something
    outside.start(kTargets + QStringLiteral("foreign_beacon"), {QStringLiteral("seg0")});
    QVERIFY(QTest::qWaitFor([&] { return atPeer.take() > 0; }, 10'000));
    outside.kill();
    QVERIFY(outside.waitForFinished());
    QVERIFY(ip(QStringLiteral("link del seg0")));
}

void TstSelfTest::aForeignBeaconEscapesByItsPackets_data()
{
    QTest::addColumn<QString>("interface");
    QTest::newRow("one that prints a line per probe") << QStringLiteral("eth0");
    QTest::newRow("one that prints nothing") << QStringLiteral("quiet");
}

void TstSelfTest::aForeignBeaconEscapesByItsPackets()
{
    QFETCH(QString, interface);
    SelfTest drill{interface, kTargets + QStringLiteral("foreign_beacon")};
    ENDED(drill);
    QCOMPARE(drill.program.exitCode(), 0);
    HOLDS(drill.is("escaped") && drill.is("foreign") && !drill.is("two_way"), drill);
    HOLDS(drill.number("frames") > 0 && drill.number("recognised") == 0 && drill.number("first_escape_ms") >= 0, drill);
    HOLDS(drill.json.value(QStringLiteral("version")).isNull(), drill);
    HOLDS((drill.number("attempts") > 0) == (interface != QStringLiteral("quiet")), drill);
}

void TstSelfTest::whatDoesNotEscapeIsSaidWithAReason()
{
    struct Case {
        QString interface, beacon, reason;
    };
    const QString misbehave = kTargets + QStringLiteral("misbehave");
    const Case cases[] = {
        {QStringLiteral("hang"), misbehave, QStringLiteral("told of no attempt")},
        {QStringLiteral("crash"), misbehave, QStringLiteral("ended by signal 11")},
        {QStringLiteral("exit3"), misbehave, QStringLiteral("exit code 3")},
        {QStringLiteral("exit127"), misbehave, QStringLiteral("exit code 127")},
        {QStringLiteral("ignore-term"), misbehave, QStringLiteral("no IP packet")},
        {QStringLiteral("flood"), misbehave, QStringLiteral("no IP packet")},
        {QStringLiteral("flood-stderr"), misbehave, QStringLiteral("told of no attempt")},
        {QStringLiteral("close-stdout"), misbehave, QStringLiteral("told of no attempt")},
        {QStringLiteral("grandchild"), misbehave, QStringLiteral("exit code 0")},
        {QStringLiteral("eth0"), kTargets + QStringLiteral("fake_beacon"), QStringLiteral("TcpConnection")},
        {QStringLiteral("eth0"), QStringLiteral("/nonexistent"), QStringLiteral("No such file or directory")},
        {QStringLiteral("eth0"), QStringLiteral("/etc/passwd"), QStringLiteral("Permission denied")},
    };
    std::vector<std::unique_ptr<SelfTest>> drills; // side by side, as some take all of their time
    for (const Case& one : cases)
        drills.push_back(std::make_unique<SelfTest>(one.interface, one.beacon));
    for (std::size_t i = 0; i < drills.size(); ++i) {
        SelfTest& drill = *drills[i];
        ENDED(drill);
        HOLDS(drill.program.exitCode() == 1 && !drill.program.crashed(), drill);
        HOLDS(drill.json.contains(QStringLiteral("escaped")) && !drill.is("escaped") && !drill.is("two_way"), drill);
        HOLDS(drill.reason().contains(cases[i].reason), drill);
        QVERIFY2(drill.tookMs < kPromisedMs, qPrintable(drill.name));
    }
}

void TstSelfTest::nothingIsLeftWhereItIsKilled()
{
    const QStringList ours = namespacesOf({::getpid()});
    SelfTest drill{QStringLiteral("ticks"), kTargets + QStringLiteral("misbehave")};
    const auto inDrill = [&] {
        const QList<qint64> all = descendantsOf(drill.program.pid());
        return all.size() >= 2 && namespacesOf(all).size() == 2; // Home's, and the segment's
    };
    QVERIFY(QTest::qWaitFor(inDrill, 10'000));
    const QList<qint64> all = descendantsOf(drill.program.pid());
    QVERIFY(!namespacesOf(all).contains(ours.value(0)));
    QCOMPARE(drill.leftFiles().size(), 1);
    QVERIFY(drill.program.end(SIGKILL, 5'000));
    const auto gone = [&] { return std::none_of(all.begin(), all.end(), isAlive) && drill.leftFiles().isEmpty(); };
    QVERIFY(QTest::qWaitFor(gone, 10'000));
}

void TstSelfTest::aDrillThatDiesIsAResult()
{
    SelfTest drill{QStringLiteral("ticks"), kTargets + QStringLiteral("misbehave")};
    QVERIFY(QTest::qWaitFor([&] { return descendantsOf(drill.program.pid()).size() >= 2; }, 10'000));
    const QList<qint64> all = descendantsOf(drill.program.pid());
    ::kill(static_cast<pid_t>(childrenOf(drill.program.pid()).value(0)), SIGKILL);
    ENDED(drill);
    QCOMPARE(drill.program.exitCode(), 1);
    HOLDS(drill.reason().contains(QStringLiteral("came to no end")), drill);
    QVERIFY(std::none_of(all.begin(), all.end(), isAlive));
}

void TstSelfTest::whatAnEarlierOneLeftIsRemoved()
{
    QTemporaryDir runtime;
    QDir dir{runtime.path()};
    QVERIFY(dir.mkpath(QStringLiteral("eth0/self-test.killed")));
    QVERIFY(dir.mkpath(QStringLiteral("eth0/kept")));
    RunningProgram program{kInstrument,
        {QStringLiteral("--self-test"), QStringLiteral("--interface=eth0"),
            QStringLiteral("--runtime-dir=") + runtime.path(), QStringLiteral("--beacon=/nonexistent")}};
    QVERIFY(program.start() && program.waitForEnd(kPromisedMs));
    dir.cd(QStringLiteral("eth0"));
    QCOMPARE(dir.entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList{QStringLiteral("kept")});
}

void TstSelfTest::whereItIsNotPossibleOneSentenceSaysWhy()
{
    SelfTest launcherless{QStringLiteral("eth0"), {}, {QStringLiteral("--launcher=/nonexistent")}};
    ENDED(launcherless);
    QCOMPARE(launcherless.program.exitCode(), EX_NOINPUT);
    SelfTest taken{QStringLiteral("lo")};
    ENDED(taken);
    QCOMPARE(taken.program.exitCode(), EX_OSERR);
    SelfTest nameless{QString{}};
    ENDED(nameless);
    QCOMPARE(nameless.program.exitCode(), EX_USAGE);
    for (const SelfTest* const drill : {&launcherless, &taken, &nameless}) {
        QVERIFY(drill->program.output().isEmpty());
        QVERIFY2(drill->program.log().startsWith("beacon-instrument: ") && drill->program.log().count('\n') == 1,
            drill->program.log().constData());
    }
}

void TstSelfTest::thePortsAreFew()
{
    QCOMPARE(drillPorts({}), (std::vector<std::uint16_t>{53, 80, 443}));
    QCOMPARE(drillPorts({22, 80}), (std::vector<std::uint16_t>{22, 53, 80, 443}));
    std::vector<std::uint16_t> many(1'000);
    for (std::size_t i = 0; i < many.size(); ++i)
        many[i] = static_cast<std::uint16_t>(i + 1);
    QCOMPARE(drillPorts(many).size(), std::size_t{20});
}

BEACON_NETNS_MAIN(TstSelfTest)
#include "tst_self_test.moc"
