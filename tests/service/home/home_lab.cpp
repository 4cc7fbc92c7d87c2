#include "tests/service/home/home_lab.h"

#include "core/base/sockaddr.h"
#include "core/packet/build.h"
#include "core/packet/parse.h"
#include "tests/support/net_fixture.h"

#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QThread>

#include <array>
#include <poll.h>
#include <sys/socket.h>

namespace beacon::test {

namespace {

const QString kHomeBinary = QStringLiteral(BEACON_BIN_DIR "/beacon-home");

ByteBuffer receive(int fd, int timeoutMs)
{
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    std::array<Byte, 2'048> buffer;
    if (::poll(&ready, 1, timeoutMs) <= 0)
        return {};
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    return got > 0 ? ByteBuffer{buffer.begin(), buffer.begin() + got} : ByteBuffer{};
}

QByteArray run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.start(program, arguments);
    process.waitForFinished(10'000);
    return process.readAllStandardOutput() + process.readAllStandardError();
}

} // namespace

HomeLab::HomeLab()
{
    m_holder.start(QStringLiteral("unshare"), {QStringLiteral("-n"), QStringLiteral("sleep"), QStringLiteral("600")});
    m_holder.waitForStarted();
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < 3'000 && !inside({QStringLiteral("ip"), QStringLiteral("link")}).contains("lo:"))
        QThread::msleep(10);
    const auto ownNamespace = QFile::symLinkTarget(QStringLiteral("/proc/self/ns/net"));
    while (timer.elapsed() < 3'000
        && QFile::symLinkTarget(QStringLiteral("/proc/%1/ns/net").arg(m_holder.processId())) == ownNamespace)
        QThread::msleep(10);
    inside({QStringLiteral("ip"), QStringLiteral("link"), QStringLiteral("set"), QStringLiteral("lo"),
        QStringLiteral("up")});
}

HomeLab::~HomeLab()
{
    if (running())
        killHome();
    m_holder.kill();
    m_holder.waitForFinished(2'000);
}

QStringList HomeLab::enter() const
{
    return {QStringLiteral("--preserve-credentials"), QStringLiteral("-t"), QString::number(m_holder.processId()),
        QStringLiteral("-n")};
}

QByteArray HomeLab::inside(const QStringList& command)
{
    return run(QStringLiteral("nsenter"), enter() + command);
}

bool HomeLab::link()
{
    const QString pid = QString::number(m_holder.processId());
    bool done = ip(QStringLiteral("link add seg0 type veth peer name later0 netns ") + pid)
        && ip(QStringLiteral("addr add 10.77.0.1/24 dev seg0"))
        && ip(QStringLiteral("addr add fd77::1/64 dev seg0 nodad")) && ip(QStringLiteral("link set seg0 up"));
    for (const char* command : {"addr add 10.77.0.2/24 dev later0", "addr add fd77::2/64 dev later0 nodad",
             "link set later0 name eth0", "link set eth0 up"})
        done = done
            && inside(QStringList{QStringLiteral("ip")} + QString::fromLatin1(command).split(QLatin1Char(' ')))
                   .isEmpty();
    return done;
}

bool HomeLab::issue()
{
    const QString file = m_dir.filePath(QStringLiteral("identity.json"));
    const QByteArray complaint = run(kHomeBinary,
        {QStringLiteral("issue"), QStringLiteral("plant7"), QStringLiteral("--home"),
            QStringLiteral("10.77.0.2,fd77::2"), QStringLiteral("--zone"), QStringLiteral("leak.example"),
            QStringLiteral("--database"), database(), QStringLiteral("--output"), file});
    auto identity = loadIdentity(file.toStdString());
    if (!identity)
        qWarning("%s %s", complaint.constData(), describe(identity.error()).c_str());
    else
        m_identity = *std::move(identity);
    return static_cast<bool>(identity);
}

void HomeLab::startHome(const QString& output)
{
    m_home.setStandardOutputFile(output);
    m_lines.clear();
    m_diagnostics.clear();
    m_partial.clear();
    m_home.start(QStringLiteral("nsenter"),
        enter()
            + QStringList{kHomeBinary, QStringLiteral("--interface"), QStringLiteral("eth0"), QStringLiteral("--zone"),
                QStringLiteral("leak.example"), QStringLiteral("--database"), database()});
    m_home.waitForStarted();
}

bool HomeLab::waitServing()
{
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < 30'000) {
        if (diagnostics().contains("every TCP port"))
            return true;
        m_home.waitForReadyRead(20);
    }
    qWarning("%s", m_diagnostics.constData());
    return false;
}

void HomeLab::killHome()
{
    m_home.kill();
    m_home.waitForFinished(5'000);
}

int HomeLab::stopHome()
{
    m_home.terminate();
    if (!m_home.waitForFinished(10'000))
        return -1;
    collect();
    return m_home.exitStatus() == QProcess::NormalExit ? m_home.exitCode() : -2;
}

void HomeLab::collect()
{
    m_diagnostics += m_home.readAllStandardError();
    m_partial += m_home.readAllStandardOutput();
    for (qsizetype end; (end = m_partial.indexOf('\n')) >= 0; m_partial.remove(0, end + 1))
        m_lines.append(m_partial.left(end));
}

QByteArray HomeLab::diagnostics()
{
    collect();
    return m_diagnostics;
}

std::vector<QJsonObject> HomeLab::events(const QString& type, std::size_t count, int timeoutMs)
{
    QElapsedTimer timer;
    timer.start();
    for (;;) {
        collect();
        std::vector<QJsonObject> found;
        for (const QByteArray& line : m_lines) {
            const QJsonObject event = QJsonDocument::fromJson(line).object();
            if (event.value(QLatin1StringView("type")).toString() == type)
                found.push_back(event);
        }
        if ((count > 0 && found.size() >= count) || timer.elapsed() >= timeoutMs || !running())
            return found;
        m_home.waitForReadyRead(20);
    }
}

std::vector<QJsonObject> HomeLab::print(const QString& verb)
{
    QProcess process;
    process.start(kHomeBinary, {verb, QStringLiteral("--database"), database()});
    process.waitForFinished(10'000);
    std::vector<QJsonObject> objects;
    for (const QByteArray& line : process.readAllStandardOutput().split('\n')) {
        if (!line.isEmpty())
            objects.push_back(QJsonDocument::fromJson(line).object());
    }
    return objects;
}

ByteBuffer askUdp(const IpAddress& to, std::uint16_t port, ByteView payload, int timeoutMs)
{
    const SockAddr address{to, port};
    const UniqueFd fd{::socket(address.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), address.get(), address.length) != 0) // only what comes back from there is taken
        return {};
    ::send(fd.get(), payload.data(), payload.size(), 0);
    return timeoutMs > 0 ? receive(fd.get(), timeoutMs) : ByteBuffer{};
}

ByteBuffer askTcp(const IpAddress& to, std::uint16_t port, ByteView payload, int timeoutMs)
{
    const SockAddr address{to, port};
    const UniqueFd fd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    ::connect(fd.get(), address.get(), address.length);
    pollfd ready{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, timeoutMs) <= 0
        || ::send(fd.get(), payload.data(), payload.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(payload.size()))
        return {};
    return receive(fd.get(), timeoutMs);
}

ByteBuffer askEcho(const IpAddress& to, ByteView payload, int timeoutMs)
{
    const bool ipv4 = to.family() == Family::Ipv4;
    const SockAddr address{to, 0};
    const UniqueFd fd{
        ::socket(address.get()->sa_family, SOCK_RAW | SOCK_CLOEXEC, ipv4 ? ip_protocol::kIcmp : ip_protocol::kIcmpv6)};
    // Only the ICMP message of the packet is sent: a raw socket makes the header itself, and ICMPv6's checksum.
    const IpAddress self = *IpAddress::parse(ipv4 ? "10.77.0.1" : "fd77::1");
    const ByteBuffer packet = buildEcho({self, to}, false, 0x1234, 1, payload);
    const auto message = parseIp(packet)->payload;
    ::sendto(fd.get(), message.data(), message.size(), 0, address.get(), address.length);
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < timeoutMs) {
        const ByteBuffer got = receive(fd.get(), 20);
        const auto ip = ipv4 ? parseIp(got) : std::nullopt;
        const auto icmp = parseIcmp(ip ? ip->payload : ByteView{got});
        if (icmp && icmp->type == (ipv4 ? 0 : 129) && icmp->rest == 0x12340001)
            return {icmp->payload.begin(), icmp->payload.end()};
    }
    return {};
}

bool isRefused(const IpAddress& to, std::uint16_t port)
{
    const SockAddr address{to, port};
    const UniqueFd fd{::socket(address.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ::connect(fd.get(), address.get(), address.length);
    ::send(fd.get(), "x", 1, 0);
    (void)receive(fd.get(), 200);
    return ::send(fd.get(), "x", 1, 0) < 0; // the error of the one before
}

int openTcp(const IpAddress& to, std::uint16_t port)
{
    const SockAddr address{to, port};
    UniqueFd fd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return ::connect(fd.get(), address.get(), address.length) == 0 ? fd.release() : -1;
}

} // namespace beacon::test
