#include "core/observe/capture.h"

#include "core/packet/parse.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <vector>

namespace beacon {

namespace {

/// The frames' ethertype decides in the kernel: IPv4, IPv6, or a tag whose inside we look at ourselves.
constexpr auto kFilter = std::to_array<sock_filter>({
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_PROTOCOL)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 4, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, Capture::kSnapBytes),
});

template <class T> Result<> setOption(int fd, int name, const T& value, const char* what)
{
    if (::setsockopt(fd, SOL_PACKET, name, &value, sizeof value) != 0)
        return systemError(std::string{"set "} + what);
    return {};
}

/// The IP packet in a frame of the ring; empty where there is none.
ByteView packetOf(const tpacket3_hdr& header, const Byte* base)
{
    const auto* const address = reinterpret_cast<const sockaddr_ll*>(base + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
    const ByteView frame{base + header.tp_mac, header.tp_snaplen};
    if (address->sll_hatype != ARPHRD_ETHER && address->sll_hatype != ARPHRD_LOOPBACK)
        return frame; // a tunnel: no link header
    const auto ethernet = parseEthernet(frame);
    const bool ip = ethernet && (ethernet->etherType == ether_type::kIpv4 || ethernet->etherType == ether_type::kIpv6);
    return ip ? ethernet->payload : ByteView{};
}

} // namespace

Result<std::unique_ptr<Capture>> Capture::open(const std::string& interface)
{
    const unsigned index = ::if_nametoindex(interface.c_str());
    if (index == 0)
        return systemError("interface " + interface);
    UniqueFd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket)
        return systemError("open a packet socket");
    std::unique_ptr<Capture> capture{new Capture(interface, index, std::move(socket))};
    if (const auto mapped = capture->mapRing(); !mapped)
        return mapped.error();
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(index);
    if (::bind(capture->fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return systemError("capture on " + interface);
    return capture;
}

Result<> Capture::mapRing()
{
    if (auto set = setOption(fd(), PACKET_VERSION, int{TPACKET_V3}, "TPACKET_V3"); !set)
        return set;
    if (auto set = setOption(fd(), PACKET_IGNORE_OUTGOING, int{1}, "PACKET_IGNORE_OUTGOING"); !set)
        return set;
    auto filter = kFilter;
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return systemError("attach the capture filter");
    tpacket_req3 request{};
    request.tp_block_size = kBlockBytes;
    request.tp_block_nr = kBlocks;
    request.tp_frame_size = 1U << 12;
    request.tp_frame_nr = kBlockBytes / request.tp_frame_size * kBlocks;
    request.tp_retire_blk_tov = kBlockTimeoutMs;
    if (auto set = setOption(fd(), PACKET_RX_RING, request, "PACKET_RX_RING"); !set)
        return set;
    void* const mapped =
        ::mmap(nullptr, std::size_t{kBlockBytes} * kBlocks, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
    if (mapped == MAP_FAILED)
        return systemError("map the capture ring");
    m_ring = static_cast<Byte*>(mapped);
    return {};
}

Capture::~Capture()
{
    if (m_ring)
        ::munmap(m_ring, std::size_t{kBlockBytes} * kBlocks);
}

Result<std::size_t> Capture::drain(const std::function<void(Batch)>& handle, unsigned maxBlocks)
{
    std::size_t packets = 0;
    std::vector<ByteView> batch;
    for (unsigned block = 0; block < maxBlocks; ++block) {
        auto* const base = m_ring + std::size_t{m_next} * kBlockBytes;
        auto& header = reinterpret_cast<tpacket_block_desc*>(base)->hdr.bh1;
        const std::atomic_ref<std::uint32_t> status{header.block_status};
        if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0)
            break;
        batch.clear();
        const Byte* at = base + header.offset_to_first_pkt;
        for (std::uint32_t i = 0; i < header.num_pkts; ++i) {
            const auto& packet = *reinterpret_cast<const tpacket3_hdr*>(at);
            if (const ByteView ip = packetOf(packet, at); !ip.empty())
                batch.push_back(ip);
            at += packet.tp_next_offset;
        }
        if (!batch.empty())
            handle(batch);
        packets += batch.size();
        status.store(TP_STATUS_KERNEL, std::memory_order_release);
        m_next = (m_next + 1) % kBlocks;
    }
    if (packets > 0)
        return packets;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0 && error != ENETDOWN) {
        errno = error;
        return systemError("capture on " + m_interface);
    }
    if (stale())
        return Error{Errc::NotFound, ENODEV, "interface " + m_interface};
    return packets;
}

std::uint64_t Capture::takeDrops()
{
    tpacket_stats_v3 statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0)
        return 0;
    return statistics.tp_drops;
}

bool Capture::stale() const
{
    return ::if_nametoindex(m_interface.c_str()) != m_index;
}

} // namespace beacon
