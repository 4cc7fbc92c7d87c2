#include "service/listener/frame_tap.h"

#include <array>
#include <cerrno>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace beacon {

Result<FrameTap> FrameTap::open(const std::string& interface)
{
    const unsigned index = ::if_nametoindex(interface.c_str());
    if (index == 0)
        return Error{Errc::NotFound, ENODEV, "listen on " + interface};
    // Protocol 0: nothing arrives before bind(), so that no frame of another interface is taken for one of this.
    UniqueFd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket)
        return systemError("open a packet socket");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(index);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return systemError("listen on " + interface);
    packet_mreq promiscuous{};
    promiscuous.mr_ifindex = static_cast<int>(index);
    promiscuous.mr_type = PACKET_MR_PROMISC;
    if (::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return systemError("listen to all frames on " + interface);
    return FrameTap{std::move(socket)};
}

Result<> FrameTap::drain(const std::function<void(ByteView frame)>& handle, unsigned most)
{
    std::array<Byte, kSnapBytes> frame{};
    for (unsigned count = 0; count < most; ++count) {
        sockaddr_ll from{};
        socklen_t length = sizeof from;
        const ssize_t size =
            ::recvfrom(m_socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return {};
        if (size < 0)
            return systemError("receive a frame");
        if (from.sll_pkttype != PACKET_OUTGOING)
            handle(ByteView{frame.data(), static_cast<std::size_t>(size)});
    }
    return {};
}

std::uint64_t FrameTap::takeDrops()
{
    tpacket_stats stats{};
    socklen_t length = sizeof stats;
    return ::getsockopt(m_socket.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0 ? stats.tp_drops : 0;
}

} // namespace beacon
