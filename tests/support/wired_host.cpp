#include "tests/support/wired_host.h"

#include "core/packet/build.h"

#include <QElapsedTimer>
#include <QFile>
#include <QProcess>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace beacon::test {

namespace {

constexpr std::size_t kMostFrameBytes = 65'536;

[[noreturn]] void giveUp(const char* what)
{
    qFatal("%s: %s", what, std::strerror(errno));
    std::abort();
}

bool run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::ForwardedChannels);
    process.start(program, arguments);
    return process.waitForFinished() && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
}

/// nsenter(1), because a QProcess belongs to the thread of its event loop.
QStringList inside(const NetworkNamespace& where, const QStringList& command)
{
    return QStringList{QStringLiteral("--net=/proc/%1/fd/%2").arg(::getpid()).arg(where.descriptor())} + command;
}

QByteArray bytes(ByteView view)
{
    return {reinterpret_cast<const char*>(view.data()), static_cast<qsizetype>(view.size())};
}

ByteView view(const QByteArray& bytes)
{
    return {reinterpret_cast<const Byte*>(bytes.data()), static_cast<std::size_t>(bytes.size())};
}

} // namespace

bool enterWiredHost(QString& why)
{
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0
        || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        why = QStringLiteral("no namespaces can be made: %1").arg(QString::fromLocal8Bit(std::strerror(errno)));
        return false;
    }
    return true;
}

bool ipIn(const NetworkNamespace& where, const QString& arguments)
{
    return run(QStringLiteral("nsenter"),
        inside(where, QStringList{QStringLiteral("ip")} + arguments.split(QLatin1Char{' '}, Qt::SkipEmptyParts)));
}

QByteArray saidIn(const NetworkNamespace& where, const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.start(QStringLiteral("nsenter"), inside(where, QStringList{program} + arguments));
    return process.waitForFinished() ? process.readAllStandardOutput() : QByteArray{};
}

Island::Island(Bare)
    : m_dir(std::make_unique<QTemporaryDir>())
{
}

Island::Island()
    : Island(Bare{})
{
    QFile pin{QString::fromStdString(this->pin())};
    if (!pin.open(QIODevice::WriteOnly))
        giveUp("make a pin");
    bool made = false;
    std::thread{[&made, path = this->pin()] {
        made = ::unshare(CLONE_NEWNET) == 0
            && ::mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) == 0;
    }}.join();
    auto network = NetworkNamespace::open(this->pin());
    if (!made || !network)
        giveUp("make a network namespace");
    m_network = std::move(*network);
    if (!ip(QStringLiteral("link set lo up")))
        giveUp("switch on lo");
}

Island Island::ofInstrument(std::uint32_t idBase)
{
    Island island{Bare{}};
    const QString pin = QString::fromStdString(island.pin());
    if (!run(QStringLiteral(BEACON_BIN_DIR "/sensor-room"),
            {QStringLiteral("make"), QStringLiteral("--network-namespace"), pin, QStringLiteral("--user-namespace"),
                pin + QStringLiteral(".user"), QStringLiteral("--id-base"), QString::number(idBase)}))
        giveUp("make an Instrument's namespaces");
    auto network = NetworkNamespace::open(island.pin());
    if (!network)
        giveUp("open an Instrument's namespace");
    island.m_network = std::move(*network);
    return island;
}

Island::~Island()
{
    if (m_dir)
        drop();
}

std::string Island::pin() const
{
    return m_dir->filePath(QStringLiteral("net")).toStdString();
}

void Island::drop()
{
    m_network.reset();
    ::umount2(pin().c_str(), MNT_DETACH);
    ::umount2((pin() + ".user").c_str(), MNT_DETACH);
    ::unlink(pin().c_str());
    ::unlink((pin() + ".user").c_str());
}

std::optional<Link> Island::link(const QString& name) const
{
    auto links = Links::in(*m_network);
    auto found = links ? links->find(name.toStdString()) : Result<std::optional<Link>>{links.error()};
    return found ? *found : std::nullopt;
}

RawPort::RawPort(const NetworkNamespace& where, const QString& interface, Way way)
{
    auto socket = where.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    auto links = Links::in(where);
    const auto link = links ? links->find(interface.toStdString()) : Result<std::optional<Link>>{std::nullopt};
    if (!socket || !link || !*link)
        return;
    const int on = 1;
    const int bypass = way == Way::Bypass ? 1 : 0;
    const int room = 4 * 1024 * 1024;
    ::setsockopt(socket->get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
    ::setsockopt(socket->get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    ::setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = (*link)->index;
    packet_mreq all{};
    all.mr_ifindex = at.sll_ifindex;
    all.mr_type = PACKET_MR_PROMISC;
    if (::setsockopt(socket->get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) == 0
        && ::setsockopt(socket->get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) == 0
        && ::bind(socket->get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0)
        m_socket = std::move(*socket);
}

bool RawPort::send(const QByteArray& frame) const
{
    const bool sent = ::send(m_socket.get(), frame.data(), static_cast<std::size_t>(frame.size()), 0) == frame.size();
    if (!sent)
        qWarning("a frame was not sent: %s", std::strerror(errno));
    return sent;
}

bool RawPort::take(int withinMs)
{
    pollfd readable{m_socket.get(), POLLIN, 0};
    if (::poll(&readable, 1, withinMs) != 1)
        return false;
    QByteArray frame(kMostFrameBytes, '\0');
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec part{frame.data(), static_cast<std::size_t>(frame.size())};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(m_socket.get(), &message, 0);
    if (got <= 0)
        return got > 0;
    frame.truncate(got);
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level != SOL_PACKET || each->cmsg_type != PACKET_AUXDATA)
            continue;
        tpacket_auxdata about{};
        std::memcpy(&about, CMSG_DATA(each), sizeof about);
        if ((about.tp_status & TP_STATUS_VLAN_VALID) != 0) {
            const std::array<std::uint16_t, 2> tag{htons(about.tp_vlan_tpid), htons(about.tp_vlan_tci)};
            frame.insert(12, QByteArray{reinterpret_cast<const char*>(tag.data()), sizeof tag});
        }
    }
    m_seen.append(frame);
    return true;
}

QList<QByteArray> RawPort::seen()
{
    while (take(0)) { }
    return std::exchange(m_seen, {});
}

QList<QByteArray> RawPort::await(const QByteArray& marker, int withinMs)
{
    QElapsedTimer clock;
    clock.start();
    QList<QByteArray> found;
    do {
        for (const QByteArray& frame : seen()) {
            if (frame.contains(marker))
                found.append(frame);
        }
        if (found.isEmpty())
            take(static_cast<int>(std::clamp<qint64>(withinMs - clock.elapsed(), 0, 20)));
    } while (found.isEmpty() && clock.elapsed() < withinMs);
    return found;
}

QByteArray etherFrame(const MacAddress& to, const MacAddress& from, std::uint16_t type, const QByteArray& payload)
{
    const std::array<char, 2> raw{static_cast<char>(type >> 8), static_cast<char>(type & 0xff)};
    return bytes(to.bytes) + bytes(from.bytes) + QByteArray{raw.data(), 2} + payload.leftJustified(46, '\0');
}

QByteArray udpFrame(
    const MacAddress& to, const MacAddress& from, const char* toIp, const char* fromIp, const QByteArray& payload)
{
    const IpEnds ends{*IpAddress::parse(fromIp), *IpAddress::parse(toIp)};
    return bytes(buildEthernet(to, from, buildUdp(ends, 40'000, 4'000, view(payload))));
}

MacAddress macOf(const NetworkNamespace& where, const QString& interface)
{
    auto links = Links::in(where);
    const auto link = links ? links->find(interface.toStdString()) : Result<std::optional<Link>>{std::nullopt};
    return link && *link ? (*link)->mac : MacAddress{};
}

} // namespace beacon::test
