// beacon-instrument in a Sensor's room: root of a user namespace with a range of 65,536 ids, a PID namespace of its
// own, the host's files read-only, /run its own and 0700.

#include "tests/support/net_fixture.h"
#include "tests/support/running_program.h"
#include "tests/support/scripted_platform.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLocalSocket>
#include <QProcess>
#include <QTest>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <memory>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace beacon::test;

namespace {

constexpr int kPatienceMs = 20'000;
constexpr uid_t kIdBase = 1'200'000'000;
constexpr uid_t kNobody = 65'534;
const QString kRoom = QStringLiteral(BEACON_BIN_DIR "/sensor-room"); // NOLINT(cert-err58-cpp)
const QString kUser = QStringLiteral("daemon"); // for the Beacon: there is one everywhere // NOLINT(cert-err58-cpp)

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

QJsonObject resultOf(const QJsonObject& answer)
{
    return answer.value(QLatin1StringView("result")).toObject();
}

QString identity()
{
    return QStringLiteral(R"({"name":"plant7","key_id":"1a2b3c4d","key":"%1","home":["192.0.2.10"]})")
        .arg(QString::fromLatin1(QByteArray(32, 'k').toBase64()));
}

bool give(const QString& path)
{
    return ::chown(qPrintable(path), kIdBase, kIdBase) == 0 && ::chmod(qPrintable(path), 0700) == 0;
}

/// What a Sensor does for an Instrument, in the same layout.
struct Scene {
    QTemporaryDir dir;
    QString run = dir.filePath(text("run")), pins = dir.filePath(text("net"));
    std::unique_ptr<ScriptedPlatform> platform;
    RunningProgram room{kRoom};

    bool make()
    {
        if (!QDir{}.mkpath(run + text("/sensor/persistent")) || !QDir{}.mkpath(pins))
            return false;
        platform = std::make_unique<ScriptedPlatform>(run + text("/sensor/platform.sock"));
        const QStringList made{text("make"), text("--user-namespace"), pins + text("/user"), text("--id-base"),
            QString::number(kIdBase), text("--network-namespace"), pins + text("/net")};
        if (QProcess::execute(kRoom, made) != 0)
            return false;
        platform->welcome.insert(text("storage"),
            QJsonObject{{text("transient"), QJsonValue::Null}, {text("persistent"), text("/run/sensor/persistent")}});
        room.setEnvironment(text("SENSOR_SOCKET"), text("/run/sensor/platform.sock"));
        room.setArguments({text("run"), text("--user-namespace"), pins + text("/user"), text("--network-namespace"),
            pins + text("/net"), text("--processes"), text("64"), text("--bind-writable"), run + text(":/run"),
            text("--bind"), text(BEACON_BIN_DIR ":" BEACON_BIN_DIR), text("--"),
            text(BEACON_BIN_DIR "/beacon-instrument")});
        return ip(QStringLiteral("link add seg0 type veth peer name peer0")) && ip(QStringLiteral("link set peer0 up"))
            && QProcess::execute(text("nsenter"),
                   {text("--net=") + pins + text("/net"), text("ip"), text("link"), text("set"), text("lo"),
                       text("up")})
            == 0
            && ip(QStringLiteral("link set seg0 netns ") + pins + text("/net"));
    }
    bool begin(QJsonObject config)
    {
        config.insert(text("user"), kUser);
        platform->welcome.insert(text("configuration"), platform->envelope(config));
        const bool listens = platform->appear();
        return listens && give(run) && give(run + text("/sensor")) && give(run + text("/sensor/persistent"))
            && give(platform->path()) && room.start() && platform->waitForHello(1, kPatienceMs);
    }
    ~Scene()
    {
        if (room.isRunning())
            room.end(SIGTERM, 12'000);
        QProcess::execute(kRoom, {text("drop"), pins + text("/net"), pins + text("/user")});
        ip(QStringLiteral("link del peer0 2>/dev/null || true"));
    }
    [[nodiscard]] QString adminSocket() const { return run + text("/beacon-instrument/seg0/admin.sock"); }
    [[nodiscard]] QJsonObject facts() const
    {
        return resultOf(platform->call(text("health.get"))).value(text("facts")).toObject();
    }
    /// Of the Instrument, as the host sees it; 0: it is not there.
    [[nodiscard]] pid_t instrumentPid() const { return find(room.pid(), "beacon-instrume"); }
    [[nodiscard]] pid_t beaconPid() const { return find(room.pid(), "beacon"); }

private:
    static pid_t find(qint64 below, const QByteArray& name)
    {
        const auto children = childrenOf(below);
        for (const qint64 child : children) {
            if (nameOf(child) == name)
                return static_cast<pid_t>(child);
            if (const pid_t found = find(child, name); found != 0)
                return found;
        }
        return 0;
    }
};

/// The line that comes back for `line`, or "errno N".
QByteArray ask(const char* path, const QByteArray& line)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
        || ::write(fd, line.constData(), static_cast<std::size_t>(line.size())) != line.size())
        return "errno " + QByteArray::number(errno);
    std::array<char, 4'096> buffer{};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    ::close(fd);
    return {buffer.data(), got > 0 ? got : 0};
}

/// From a process of the room, whose user and group within are these; -1: from the host, as root.
QByteArray askAs(pid_t inRoomOf, uid_t uid, gid_t gid, const QString& path, const QByteArray& line)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return {};
    const QByteArray name = path.toLocal8Bit();
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (inRoomOf > 0) {
            const int process = static_cast<int>(::syscall(SYS_pidfd_open, inRoomOf, 0));
            if (process < 0 || ::setns(process, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) != 0)
                ::_exit(3);
            if (const pid_t inside = ::fork(); inside != 0) { // it is this one who is in the PID namespace
                ::waitpid(inside, nullptr, 0);
                ::_exit(0);
            }
            // Root of the room first: only whoever leaves that user leaves his capabilities behind.
            if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 || ::setresuid(0, 0, 0) != 0
                || ::setresuid(uid, uid, uid) != 0)
                ::_exit(4);
        }
        const QByteArray answer = ask(name.constData(), line);
        const bool told = ::write(ends[1], answer.constData(), static_cast<std::size_t>(answer.size())) >= 0;
        ::_exit(told ? 0 : 5);
    }
    ::close(ends[1]);
    std::array<char, 4'096> buffer{};
    const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return {buffer.data(), got > 0 ? got : 0};
}

QString roleIn(const QByteArray& answer)
{
    return QJsonDocument::fromJson(answer.left(answer.indexOf('\n')))[text("result")][text("role")].toString();
}

const QByteArray kHello = R"({"jsonrpc":"2.0","id":1,"method":"admin.hello","params":{"protocol":1}})"
                          "\n"; // NOLINT(cert-err58-cpp)

} // namespace

class TstInARoom : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theBeaconRunsAsItsUserAndReadsItsIdentity();
    void itEscapesFromADrill();
    void whoComesFromTheHostIsAdminAndNobodyInsideIs();
    void stopEndsAllAndLeavesNoSecret();
};

void TstInARoom::theBeaconRunsAsItsUserAndReadsItsIdentity()
{
    Scene scene;
    QVERIFY(scene.make());
    QVERIFY(scene.begin({{text("identity_text"), identity()}}));
    QVERIFY2(!scene.platform->waitForEvent(text("instruments.beacon.process.started"), 0, kPatienceMs).isEmpty(),
        scene.room.log().constData());
    const passwd* user = ::getpwnam(qPrintable(kUser));
    const uid_t outside = kIdBase + user->pw_uid;
    struct stat status { };
    QCOMPARE(::stat(qPrintable(scene.run + text("/beacon-instrument/seg0/identity.json")), &status), 0);
    QCOMPARE(status.st_uid, outside);
    QCOMPARE(status.st_mode & 07777U, 0600U);
    QTRY_VERIFY_WITH_TIMEOUT(scene.facts().value(text("format")).toString() == text("ours"), kPatienceMs);
    QVERIFY2(scene.facts().value(text("containment")).toString().startsWith(text("pid_namespace, user ")),
        qPrintable(scene.facts().value(text("containment")).toString()));
    const pid_t beacon = scene.beaconPid();
    QVERIFY(beacon != 0);
    QCOMPARE(::stat(qPrintable(QStringLiteral("/proc/%1").arg(beacon)), &status), 0);
    QCOMPARE(status.st_uid, outside);
    QCOMPARE(::stat(qPrintable(scene.run), &status), 0);
    QCOMPARE(status.st_mode & 07777U, 0710U); // the Beacon passes by its group, and nobody of the host
    QCOMPARE(status.st_uid, kIdBase);
    QCOMPARE(status.st_gid, kIdBase + user->pw_gid);
    QVERIFY(!scene.room.log().contains("/var/lib"));
    QVERIFY2(scene.platform->complaints().isEmpty(), qPrintable(scene.platform->complaints()));
}

void TstInARoom::itEscapesFromADrill()
{
    Scene scene;
    QVERIFY(scene.make());
    QVERIFY(scene.begin({}));
    QVERIFY(ScriptedPlatform::waitFor([&] { return QFile::exists(scene.adminSocket()); }, kPatienceMs));
    const QJsonObject answer = scene.platform->call(text("selftest.run"), {}, 30'000);
    QVERIFY2(resultOf(answer).value(text("escaped")).toBool(), QJsonDocument{answer}.toJson());
    QVERIFY(resultOf(answer).value(text("two_way")).toBool());
}

void TstInARoom::whoComesFromTheHostIsAdminAndNobodyInsideIs()
{
    Scene scene;
    QVERIFY(scene.make());
    QVERIFY(scene.begin({}));
    QVERIFY(!scene.platform->waitForEvent(text("instruments.beacon.process.started"), 0, kPatienceMs).isEmpty());
    const QByteArray fromHost = askAs(-1, 0, 0, scene.adminSocket(), kHello);
    QVERIFY2(roleIn(fromHost) == text("admin"), fromHost.constData());
    const QString inside = text("/run/beacon-instrument/seg0/admin.sock");
    const pid_t instrument = scene.instrumentPid();
    QVERIFY(instrument != 0);
    const QByteArray fromRoot = askAs(instrument, 0, 0, inside, kHello);
    QVERIFY2(roleIn(fromRoot) == text("admin"), fromRoot.constData());
    const gid_t passing = ::getpwnam(qPrintable(kUser))->pw_gid;
    const QByteArray fromNobody = askAs(instrument, kNobody, passing, inside, kHello);
    QVERIFY2(roleIn(fromNobody) == text("observer"), fromNobody.constData());
    QCOMPARE(askAs(instrument, kNobody, kNobody, inside, kHello), "errno " + QByteArray::number(EACCES));
}

void TstInARoom::stopEndsAllAndLeavesNoSecret()
{
    Scene scene;
    QVERIFY(scene.make());
    QVERIFY(scene.begin({{text("identity_text"), identity()}}));
    QVERIFY(!scene.platform->waitForEvent(text("instruments.beacon.process.started"), 0, kPatienceMs).isEmpty());
    const pid_t beacon = scene.beaconPid();
    scene.platform->vanish();
    QVERIFY(scene.room.end(SIGTERM, 10'000));
    QCOMPARE(scene.room.exitCode(), 0);
    QVERIFY(beacon == 0 || !isAlive(beacon));
    QVERIFY(!QFile::exists(scene.run + text("/beacon-instrument/seg0/identity.json")));
    QVERIFY(scene.platform->eventsOf(text("instruments.beacon.process.exited")).empty());
    QVERIFY(scene.platform->appear() && give(scene.platform->path()));
    QVERIFY(scene.room.start());
    QVERIFY(!scene.platform->waitForEvent(text("instruments.beacon.process.exited"), 0, kPatienceMs).isEmpty());
}

/// Pins are mounts: a mount namespace takes them along when it ends.
int main(int argc, char** argv)
{
    QString why;
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0
        || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || !enterOwnNetwork(why)) {
        std::fprintf(stderr, "skipped: a room needs root, and namespaces\n");
        return 77;
    }
    QCoreApplication application(argc, argv);
    TstInARoom test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_in_a_room.moc"
