#include "service/sensor/uplink_tap.h"

#include "core/netlink/network_namespace.h"
#include "core/packet/parse.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace beacon {

namespace {

constexpr unsigned kFramesPerCall = 64;

/// Only what leaves: what arrives costs a run of this filter, and nothing else.
constexpr auto kOutgoing = std::to_array<sock_filter>({
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, UplinkTap::kSnapBytes),
    BPF_STMT(BPF_RET | BPF_K, 0),
});

/// In the namespace of the calling thread.
Result<> listen(const std::string& device, UniqueFd& socket, unsigned& index)
{
    index = ::if_nametoindex(device.c_str());
    if (index == 0)
        return Error{Errc::NotFound, ENODEV, "uplink " + device};
    // Protocol 0: nothing arrives before bind(), so that no frame of another interface is taken for one of this.
    socket.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return systemError("open a packet socket for uplink " + device);
    auto filter = kOutgoing;
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return systemError("attach a filter for uplink " + device);
    const int bytes = UplinkTap::kQueueBytes;
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes)); // what is allowed
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL); // no other is given what leaves
    address.sll_ifindex = static_cast<int>(index);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return systemError("listen on uplink " + device);
    return {};
}

} // namespace

struct UplinkTap::Buffer {
    std::array<std::array<Byte, kSnapBytes>, kFramesPerCall> frames{};
    std::array<iovec, kFramesPerCall> parts{};
    std::array<mmsghdr, kFramesPerCall> messages{};

    Buffer()
    {
        for (std::size_t i = 0; i < kFramesPerCall; ++i) {
            parts.at(i) = {frames.at(i).data(), kSnapBytes};
            messages.at(i).msg_hdr.msg_iov = &parts.at(i);
            messages.at(i).msg_hdr.msg_iovlen = 1;
        }
    }
};

UplinkTap::UplinkTap(std::string networkNamespace, std::string device, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_networkNamespace(std::move(networkNamespace))
    , m_device(std::move(device))
    , m_clock(clock)
    , m_buffer(std::make_unique<Buffer>())
{
    m_pause.setSingleShot(true);
    m_report.setSingleShot(true);
    m_report.setInterval(1'000);
    m_watch.setInterval(1'000);
    connect(&m_pause, &QTimer::timeout, this, &UplinkTap::drain);
    connect(&m_watch, &QTimer::timeout, this, &UplinkTap::watch);
    connect(&m_report, &QTimer::timeout, this, &UplinkTap::tell);
}

UplinkTap::~UplinkTap() = default;

Result<> UplinkTap::start()
{
    stop();
    m_since = m_clock.wall();
    m_whole = {};
    m_shares.clear();
    m_dropped = 0;
    m_changed = false;
    m_watch.start();
    return open();
}

void UplinkTap::stop()
{
    close();
    m_watch.stop();
    m_report.stop();
}

Result<> UplinkTap::open()
{
    const auto entered = NetworkNamespace::open(m_networkNamespace);
    if (!entered)
        return entered.error();
    struct stat about { };
    if (::fstat(entered->descriptor(), &about) != 0)
        return systemError("look at network namespace " + m_networkNamespace);
    UniqueFd socket;
    if (auto listening = entered->run([&] { return listen(m_device, socket, m_index); }); !listening)
        return listening;
    m_namespaceInode = about.st_ino;
    m_socket = std::move(socket);
    m_notifier = std::make_unique<QSocketNotifier>(m_socket.get(), QSocketNotifier::Read);
    // What comes soon after the first is taken with it: a turn a frame would cost more than the frames do.
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        m_notifier->setEnabled(false);
        m_pause.start(kPause);
    });
    return {};
}

void UplinkTap::close()
{
    m_pause.stop();
    m_notifier.reset();
    m_socket.reset();
}

/// The uplink has been deleted or taken away, or its name is another's; or the pin names another namespace.
bool UplinkTap::isStale() const
{
    struct stat about { };
    if (::stat(m_networkNamespace.c_str(), &about) != 0 || about.st_ino != m_namespaceInode)
        return true;
    ifreq request{};
    std::strncpy(request.ifr_name, m_device.c_str(), sizeof request.ifr_name - 1);
    return ::ioctl(m_socket.get(), SIOCGIFINDEX, &request) != 0
        || static_cast<unsigned>(request.ifr_ifindex) != m_index;
}

void UplinkTap::watch()
{
    if (m_socket && isStale()) {
        drain(); // what has left before that
        close();
    }
    if (!m_socket)
        static_cast<void>(open()); // isOpen() tells, and it is tried again
}

void UplinkTap::drain()
{
    if (!m_socket)
        return;
    m_now = m_clock.wall();
    bool more = true;
    for (unsigned count = 0; more && count < kFramesPerTurn;) {
        const int got = ::recvmmsg(m_socket.get(), m_buffer->messages.data(), kFramesPerCall, 0, nullptr);
        // An uplink that is switched off says so once (ENETDOWN), and goes on when it is on again.
        more = got == static_cast<int>(kFramesPerCall);
        for (int i = 0; i < got; ++i) {
            const auto at = static_cast<std::size_t>(i);
            take(ByteView{m_buffer->frames.at(at)}.first(m_buffer->messages.at(at).msg_len));
        }
        count += static_cast<unsigned>(std::max(got, 0));
    }
    tpacket_stats statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(m_socket.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0
        && statistics.tp_drops > 0) {
        m_dropped += statistics.tp_drops;
        m_changed = true;
    }
    if (m_changed && !m_report.isActive())
        tell();
    if (more)
        m_pause.start(std::chrono::milliseconds{0}); // others have their turn first
    else if (m_notifier)
        m_notifier->setEnabled(true);
}

void UplinkTap::take(ByteView frame)
{
    const auto ethernet = parseEthernet(frame);
    const auto port = ethernet ? m_ports.find(ethernet->source) : m_ports.end();
    Share& share = m_shares[port == m_ports.end() ? QString{} : port->second];
    m_changed = true;
    ++m_whole.frames;
    ++share.count.frames;
    if (!ethernet || (ethernet->etherType != ether_type::kIpv4 && ethernet->etherType != ether_type::kIpv6))
        return;
    const auto kind = tokenShapeIn(ethernet->payload);
    if (!kind)
        return;
    for (UplinkCount* const count : {&m_whole, &share.count}) {
        ++count->tokens;
        count->lastToken = m_now;
    }
    if (share.kinds.size() < kMostKinds || share.kinds.contains(*kind))
        ++share.kinds[*kind];
}

void UplinkTap::tell()
{
    if (!m_changed)
        return;
    m_changed = false;
    m_report.start();
    Q_EMIT counted();
}

void UplinkTap::setPorts(const std::vector<UplinkPort>& ports)
{
    m_ports.clear();
    for (const UplinkPort& port : ports)
        m_ports[port.mac] = port.instrument;
}

UplinkCount UplinkTap::of(const QString& instrument) const
{
    const auto found = m_shares.find(instrument);
    return found == m_shares.end() ? UplinkCount{} : found->second.count;
}

std::map<TokenKind, std::uint64_t> UplinkTap::kindsOf(const QString& instrument) const
{
    const auto found = m_shares.find(instrument);
    return found == m_shares.end() ? std::map<TokenKind, std::uint64_t>{} : found->second.kinds;
}

} // namespace beacon
