// Rows 58 to 63 of the faults, against the real beacon-instrument.
#include "core/rpc/listener.h"
#include "running_instrument.h"
#include "tests/support/net_fixture.h"
#include "tests/support/other_user.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QProcess>
#include <QRandomGenerator>
#include <QTest>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace beacon;
using namespace beacon::test;

namespace {

const QString kFake = QStringLiteral(TARGETS_DIR "/fake_beacon");
constexpr int kPatienceMs = 20'000;
constexpr gid_t kAdmins = 4'712; ///< of "beacon-admin" in the group file that main() puts in place

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr qint64 kMostKb = 1'000'000, kMostGrowthKb = 500'000; // shadow memory and quarantine
#else
constexpr qint64 kMostKb = 80'000, kMostGrowthKb = 40'000;
#endif

/// A client without manners: bytes in, bytes out, and it reads only when it is told to.
class RawClient {
public:
    explicit RawClient(const QString& path)
        : m_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
    {
        const QByteArray name = QFile::encodeName(path);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), static_cast<std::size_t>(name.size()));
        if (::connect(m_socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            m_socket.reset();
    }
    [[nodiscard]] bool isConnected() const { return static_cast<bool>(m_socket); }
    /// All of it, unless the other end stops reading or goes.
    bool write(QByteArray bytes)
    {
        return QTest::qWaitFor(
                   [&] {
                       const ssize_t written =
                           ::send(m_socket.get(), bytes.data(), static_cast<std::size_t>(bytes.size()), MSG_NOSIGNAL);
                       m_gone = m_gone || (written < 0 && errno != EAGAIN);
                       bytes.remove(0, qMax<ssize_t>(0, written));
                       return bytes.isEmpty() || m_gone;
                   },
                   kPatienceMs)
            && bytes.isEmpty();
    }
    void ask(const QByteArray& method, const QByteArray& params = "{}")
    {
        write(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}\n");
    }
    /// What is there now.
    void read()
    {
        char bytes[65'536];
        ssize_t got = 0;
        while ((got = ::read(m_socket.get(), bytes, sizeof bytes)) > 0)
            m_heard.append(bytes, got);
        m_gone = m_gone || got == 0 || (got < 0 && errno != EAGAIN);
    }
    /// A whole line; empty: none came.
    QByteArray line()
    {
        (void)QTest::qWaitFor(
            [this] {
                read();
                return m_heard.contains('\n') || m_gone;
            },
            kPatienceMs);
        const qsizetype end = m_heard.indexOf('\n');
        const QByteArray text = m_heard.left(end + 1);
        m_heard.remove(0, end + 1);
        return text;
    }
    bool waitForTheEnd()
    {
        return QTest::qWaitFor(
            [this] {
                read();
                return m_gone;
            },
            kPatienceMs);
    }
    void shutdown() { ::shutdown(m_socket.get(), SHUT_WR); }
    [[nodiscard]] const QByteArray& heard() const { return m_heard; }

private:
    UniqueFd m_socket;
    QByteArray m_heard;
    bool m_gone = false;
};

bool isServed(const QString& path)
{
    RawClient client{path};
    if (!client.isConnected())
        return false;
    client.ask("health.get");
    return client.line().contains("\"status\"");
}

ino_t inodeOf(const QString& path)
{
    struct stat status { };
    return ::lstat(QFile::encodeName(path).constData(), &status) == 0 ? status.st_ino : 0;
}

} // namespace

#define TRY(condition) QTRY_VERIFY_WITH_TIMEOUT(condition, kPatienceMs)

class TstAdminSocketFaults : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void fault58_aReaderThatNeverReads();
    void fault59_aThousandConnects();
    void fault60_wrongUserOrRightUserByASupplementaryGroup_data();
    void fault60_wrongUserOrRightUserByASupplementaryGroup();
    void fault61_malformedTruncatedOversizedDeeplyNestedFrames_data();
    void fault61_malformedTruncatedOversizedDeeplyNestedFrames();
    void fault61_randomBytes();
    void fault62_descriptorsExhaustedThenFreed();
    void fault63_aStaleSocketFileIsReplaced();
    void fault63_aSecondInstanceIsRefused();
    void fault63_aForeignListenerIsRespected();

private:
    [[nodiscard]] QString path() const { return m_instrument->runtimeFile("admin.sock"); }
    /// The same process, in memory, and no descriptor more than before within a while.
    void unharmed();
    std::unique_ptr<RunningInstrument> m_instrument;
    qint64 m_pid = 0;
    qsizetype m_descriptors = 0;
};

void TstAdminSocketFaults::init()
{
    m_instrument = std::make_unique<RunningInstrument>(QStringLiteral("seg0"), kFake);
    QVERIFY(m_instrument->start());
    TRY(!m_instrument->healthStatus().isEmpty());
    m_pid = m_instrument->pid();
    do { // its journal is opened in another thread
        m_descriptors = descriptorsOf(m_pid);
        QTest::qWait(300);
    } while (descriptorsOf(m_pid) != m_descriptors);
}

void TstAdminSocketFaults::cleanup()
{
    m_instrument.reset();
    ip(QStringLiteral("link del peer0 2>/dev/null || true"));
}

void TstAdminSocketFaults::unharmed()
{
    QVERIFY2(isAlive(m_pid), m_instrument->log().constData());
    QVERIFY(isServed(path()));
    TRY(descriptorsOf(m_pid) <= m_descriptors);
    QVERIFY2(residentKbOf(m_pid) < kMostKb, qPrintable(QString::number(residentKbOf(m_pid))));
    QVERIFY2(m_instrument->complaints().isEmpty(), qPrintable(m_instrument->complaints()));
}

void TstAdminSocketFaults::fault58_aReaderThatNeverReads()
{
    QTemporaryDir dir;
    const QString beacon = dir.filePath(QStringLiteral("beacon"));
    m_instrument->writeFile(beacon, R"(#!/bin/sh
# About 10,000 lines/s, which is more than the rings hold after a few seconds.
echo '{"v":1,"t":"hello","version":"1","interface":"seg0","rate_pps":1,"run":7,"techniques":["TcpConnection"]}'
line='{"v":1,"t":"attempt","n":1,"technique":"TcpConnection","family":"ipv4","dst":"192.0.2.10","proto":6,'
line="$line"'"port":443,"via":"02:00:5e:10:00:01","outcome":"sent"}'
for i in 1 2 3 4 5 6; do lines="$lines$line
$line
"; done
while printf %s "$lines$lines$lines$lines"; do sleep 0.005; done
)");
    QVERIFY(QFile::setPermissions(beacon, QFile::ReadOwner | QFile::ExeOwner | QFile::ReadOther | QFile::ExeOther));
    m_instrument = std::make_unique<RunningInstrument>(QStringLiteral("seg0"), beacon);
    QVERIFY(m_instrument->start());
    m_pid = m_instrument->pid();
    RawClient client{path()};
    client.ask("admin.hello", R"({"protocol":1})");
    client.ask("admin.subscribe", R"({"since_seq":0})");
    QVERIFY(ip(QStringLiteral("link add seg0 type veth peer name peer0")));
    QVERIFY(ip(QStringLiteral("link set peer0 up")) && ip(QStringLiteral("link set seg0 up")));

    TRY(m_instrument->lastSeq() > 8'000); // long since too much for this client's buffers
    const qint64 early = residentKbOf(m_pid);
    QTRY_VERIFY_WITH_TIMEOUT(m_instrument->lastSeq() > 40'000, 60'000);
    const qint64 late = residentKbOf(m_pid);
    QVERIFY2(late < kMostKb, qPrintable(QString::number(late)));
    QVERIFY2(late - early < kMostGrowthKb, qPrintable(QStringLiteral("%1 kB, then %2 kB").arg(early).arg(late)));

    qint64 seq = 0, entries = 0, missed = 0;
    while (seq < 40'000) { // it reads after all
        const QByteArray line = client.line();
        QVERIFY2(!line.isEmpty(), qPrintable(QString::number(seq)));
        const QJsonObject params = QJsonDocument::fromJson(line).object().value(QStringLiteral("params")).toObject();
        missed += params.value(QStringLiteral("missed")).toInteger();
        QList<qint64> numbers;
        for (const char* list : {"events", "attempts"})
            for (const QJsonValue& entry : params.value(QLatin1StringView(list)).toArray())
                numbers << entry.toObject().value(QStringLiteral("seq")).toInteger();
        std::sort(numbers.begin(), numbers.end());
        for (const qint64 number : numbers) {
            QVERIFY2(number > seq, qPrintable(QStringLiteral("%1 after %2").arg(number).arg(seq)));
            seq = number;
        }
        entries += numbers.size();
    }
    QVERIFY(missed > 0);
    QCOMPARE(entries + missed, seq); // told exactly what it missed
    m_descriptors = descriptorsOf(m_pid);
    unharmed(); // and the other client was not held up
}

void TstAdminSocketFaults::fault59_aThousandConnects()
{
    rlimit before{};
    QCOMPARE(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit wide = before;
    wide.rlim_cur = qMin<rlim_t>(before.rlim_max, 4'096);
    QCOMPARE(::setrlimit(RLIMIT_NOFILE, &wide), 0);
    {
        std::vector<std::unique_ptr<RawClient>> clients;
        int connected = 0;
        for (int i = 0; i < 1'000; ++i) {
            clients.push_back(std::make_unique<RawClient>(path()));
            connected += clients.back()->isConnected() ? 1 : 0;
        }
        QCOMPARE(connected, 1'000);
        clients.front()->ask("health.get");
        QVERIFY(clients.front()->line().contains("\"status\"")); // the first is served among them
        const QByteArray told = clients.back()->line();
        QVERIFY2(told.contains("-32000") && told.contains("32 clients"), told.constData());
        QVERIFY(clients.back()->waitForTheEnd());
        QVERIFY2(descriptorsOf(m_pid) < m_descriptors + 32 + 20, "every client costs a descriptor");
        QVERIFY(isAlive(m_pid));
    }
    QCOMPARE(::setrlimit(RLIMIT_NOFILE, &before), 0);
    TRY(isServed(path()));
    unharmed();
}

void TstAdminSocketFaults::fault60_wrongUserOrRightUserByASupplementaryGroup_data()
{
    QTest::addColumn<OtherUser>("user");
    QTest::addColumn<QByteArray>("role");
    QTest::newRow("a wrong user observes") << OtherUser{65'534, 65'534, {}} << QByteArray{"observer"};
    QTest::newRow("a wrong user with other groups observes")
        << OtherUser{65'534, 65'534, {4'711, 4'713}} << QByteArray{"observer"};
    QTest::newRow("the right user by a supplementary group commands")
        << OtherUser{65'534, 65'534, {4'711, kAdmins}} << QByteArray{"admin"};
    QTest::newRow("the right user by the primary group commands")
        << OtherUser{65'534, kAdmins, {}} << QByteArray{"admin"};
}

void TstAdminSocketFaults::fault60_wrongUserOrRightUserByASupplementaryGroup()
{
    QFETCH(OtherUser, user);
    QFETCH(QByteArray, role);
    if (!canBecomeOthers())
        QSKIP("only root can become another user");
    QFile::setPermissions( // the temporary directory, which is ours alone
        QFileInfo{m_instrument->configPath()}.path(),
        QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner | QFile::ExeOther);
    const QByteArray hello = R"({"jsonrpc":"2.0","id":1,"method":"admin.hello","params":{"protocol":1}})";
    const QByteArray answer = sayAs(user, path(), hello + '\n');
    const QJsonObject result = QJsonDocument::fromJson(answer).object().value(QStringLiteral("result")).toObject();
    QVERIFY2(result.value(QStringLiteral("role")).toString().toLatin1() == role, answer.constData());

    const QByteArray stop = R"({"jsonrpc":"2.0","id":2,"method":"beacon.stop"})";
    static_cast<void>(sayAs(user, path(), hello + '\n' + stop + '\n'));
    TRY(m_instrument->count("beacon.audit") == 1);
    const QJsonObject audit = m_instrument->last("beacon.audit").value(QStringLiteral("data")).toObject();
    QCOMPARE(audit.value(QStringLiteral("who")).toInteger(), qint64{user.uid});
    const bool refused = audit.value(QStringLiteral("answer")).toString().startsWith(QStringLiteral("refused"));
    QCOMPARE(refused, role != "admin");
    unharmed();
}

void TstAdminSocketFaults::fault61_malformedTruncatedOversizedDeeplyNestedFrames_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("code"); // empty: nothing is said
    const QByteArray ask = R"({"jsonrpc":"2.0","id":1,"method":"health.get","params":)";
    QTest::newRow("malformed") << QByteArray("GET / HTTP/1.1\n") << QByteArray("-32700");
    QTest::newRow("malformed: NUL, control characters, bad UTF-8")
        << QByteArray("\0\x01\xff\xc0\xaf{\"jsonrpc\"\n", 16) << QByteArray("-32700");
    QTest::newRow("malformed: a batch") << QByteArray("[{}]\n") << QByteArray("-32600");
    QTest::newRow("malformed: params that are no object") << ask + "\"x\"}\n" << QByteArray("-32600");
    QTest::newRow("truncated, with a newline") << ask + "{\n" << QByteArray("-32700");
    QTest::newRow("truncated by the end") << ask + "{" << QByteArray();
    QTest::newRow("oversized, without an end") << QByteArray(3 << 20, 'x') << QByteArray("-32003");
    QTest::newRow("oversized, a valid request") << ask + "{\"x\":\"" + QByteArray(1 << 20, 'x') + "\"}}\n"
                                                << QByteArray("-32003");
    QTest::newRow("deeply nested") << QByteArray(500'000, '[') + '\n' << QByteArray("-32700");
    QByteArray deep = ask;
    for (int i = 0; i < 100'000; ++i)
        deep += "{\"a\":";
    QTest::newRow("deeply nested params") << deep + "1" + QByteArray(100'001, '}') + '\n' << QByteArray("-32700");
}

void TstAdminSocketFaults::fault61_malformedTruncatedOversizedDeeplyNestedFrames()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, code);
    for (int i = 0; i < 3; ++i) {
        RawClient client{path()};
        QVERIFY(client.isConnected());
        client.write(bytes);
        client.shutdown();
        QVERIFY(client.waitForTheEnd());
        if (code.isEmpty())
            QCOMPARE(client.heard(), QByteArray());
        else
            QVERIFY2(
                client.heard().contains(code) && client.heard().contains("\"id\":null"), client.heard().constData());
    }
    unharmed();
}

void TstAdminSocketFaults::fault61_randomBytes()
{
    QRandomGenerator random(61);
    const QByteArray spice = "{}[]\":,\\ \n0eE-.truefalsnidmhod\xff\xc0";
    for (int i = 0; i < 200; ++i) {
        RawClient client{path()};
        QVERIFY(client.isConnected());
        QByteArray bytes(random.bounded(1, 4'000), Qt::Uninitialized);
        for (char& byte : bytes)
            byte = spice.at(random.bounded(static_cast<int>(spice.size())));
        client.write(bytes);
        client.shutdown();
        QVERIFY(client.waitForTheEnd());
    }
    unharmed();
}

void TstAdminSocketFaults::fault62_descriptorsExhaustedThenFreed()
{
#if defined(__SANITIZE_ADDRESS__)
    // UBSan, which comes with it, opens a pipe to check a virtual call and takes its lack of descriptors for our fault.
    // tst_listener has the row, too.
    return;
#endif
    rlimit before{};
    const auto pid = static_cast<pid_t>(m_pid);
    QCOMPARE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
    rlimit tight = before; // the lowest number that is free is forbidden, so that each new descriptor fails
    tight.rlim_cur = 0;
    while (QFileInfo{QStringLiteral("/proc/%1/fd/%2").arg(pid).arg(tight.rlim_cur)}.isSymLink())
        ++tight.rlim_cur;
    QCOMPARE(::prlimit(pid, RLIMIT_NOFILE, &tight, nullptr), 0);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(std::make_unique<RawClient>(path()));
        QVERIFY(clients.back()->isConnected()); // by the kernel
        clients.back()->ask("health.get");
    }
    const auto exhausted = [this] { return m_instrument->log().contains("out of file descriptors"); };
    QVERIFY2(QTest::qWaitFor(exhausted, kPatienceMs), m_instrument->log().constData());
    QTest::qWait(1'000); // some more tries
    for (const auto& client : clients)
        client->read();
    const bool none =
        std::all_of(clients.begin(), clients.end(), [](const auto& each) { return each->heard().isEmpty(); });
    QCOMPARE(::prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
    QVERIFY2(none, "a client was accepted: the limit was not tight");
    for (const auto& client : clients)
        QVERIFY(client->line().contains("\"status\""));
    QCOMPARE(m_instrument->log().count("out of file descriptors"), 1);
    clients.clear();
    unharmed();
}

void TstAdminSocketFaults::fault63_aStaleSocketFileIsReplaced()
{
    QVERIFY(m_instrument->end(SIGKILL, 5'000));
    const ino_t stale = inodeOf(path());
    QVERIFY(stale != 0);
    QVERIFY(!RawClient{path()}.isConnected());
    QVERIFY(m_instrument->start());
    QVERIFY(inodeOf(path()) != 0);
    m_pid = m_instrument->pid();
    unharmed();
}

void TstAdminSocketFaults::fault63_aSecondInstanceIsRefused()
{
    const ino_t socket = inodeOf(path());
    RunningProgram second{QStringLiteral(BEACON_BIN_DIR "/beacon-instrument"), m_instrument->arguments()};
    QVERIFY(second.start());
    QVERIFY(second.waitForEnd(kPatienceMs));
    QCOMPARE(second.exitCode(), 75);
    QVERIFY2(second.log().contains("another process holds"), second.log().constData());
    QCOMPARE(inodeOf(path()), socket);
    unharmed();
}

void TstAdminSocketFaults::fault63_aForeignListenerIsRespected()
{
    QVERIFY(m_instrument->end(SIGTERM, kPatienceMs));
    rpc::Listener foreign;
    QVERIFY(foreign.listen({.path = path()}));
    RunningProgram late{QStringLiteral(BEACON_BIN_DIR "/beacon-instrument"), m_instrument->arguments()};
    QVERIFY(late.start());
    QVERIFY(late.waitForEnd(kPatienceMs));
    QCOMPARE(late.exitCode(), 75);
    QVERIFY2(late.log().contains("listens on"), late.log().constData());
    QVERIFY(RawClient{path()}.isConnected());
}

namespace {

/// The group beacon-admin, without touching the machine's: for this process and what it starts.
bool putGroupsInPlace(const QString& file)
{
    QFile groups{file};
    if (!groups.open(QIODevice::WriteOnly))
        return false;
    groups.write("root:x:0:\nbeacon-admin:x:" + QByteArray::number(kAdmins) + ":\n");
    groups.close();
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
        && ::mount(QFile::encodeName(file).constData(), "/etc/group", nullptr, MS_BIND, nullptr) == 0;
}

} // namespace

int main(int argc, char** argv)
{
    QString why;
    const QTemporaryDir dir;
    if (!enterOwnNetwork(why) || (canBecomeOthers() && !putGroupsInPlace(dir.filePath(QStringLiteral("group"))))) {
        std::fprintf(stderr, "skipped: no namespaces can be made: %s\n", qPrintable(why));
        return 77;
    }
    QCoreApplication application(argc, argv);
    TstAdminSocketFaults test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_admin_socket_faults.moc"
