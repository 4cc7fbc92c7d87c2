#include "service/beacon/tap.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

namespace beacon {

namespace {

constexpr int kReceiveBufferBytes = 4 * 1024 * 1024;
constexpr int kMaxBatches = 128;

Result<UniqueFd> packetSocket(int interfaceIndex, int protocol)
{
    UniqueFd fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return systemError("open a packet socket");
    if (protocol != 0) // the default is small for a burst; the limit of the host decides where we may not exceed it
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(static_cast<std::uint16_t>(protocol));
    address.sll_ifindex = interfaceIndex;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return systemError("bind a packet socket");
    return fd;
}

} // namespace

Tap::Tap(UniqueFd receive, UniqueFd transmit)
    : m_receive(std::move(receive))
    , m_transmit(std::move(transmit))
    , m_buffers(std::make_unique<std::array<std::array<Byte, kSnapBytes>, kBatch>>())
{
}

Result<Tap> Tap::open(int interfaceIndex)
{
    auto receive = packetSocket(interfaceIndex, ETH_P_ALL);
    if (!receive)
        return receive.error();
    auto transmit = packetSocket(interfaceIndex, 0);
    if (!transmit)
        return transmit.error();
    return Tap{std::move(*receive), std::move(*transmit)};
}

void Tap::read(const std::function<void(const Frame&)>& take)
{
    for (int batch = 0; batch < kMaxBatches; ++batch) {
        std::array<mmsghdr, kBatch> messages{};
        std::array<iovec, kBatch> vectors{};
        std::array<sockaddr_ll, kBatch> addresses{};
        for (std::size_t i = 0; i < kBatch; ++i) {
            vectors[i] = {(*m_buffers)[i].data(), kSnapBytes};
            messages[i].msg_hdr = {.msg_name = &addresses[i],
                .msg_namelen = sizeof addresses[i],
                .msg_iov = &vectors[i],
                .msg_iovlen = 1,
                .msg_control = nullptr,
                .msg_controllen = 0,
                .msg_flags = 0};
        }
        const int count = ::recvmmsg(m_receive.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < count; ++i) {
            const auto at = static_cast<std::size_t>(i);
            take(
                {ByteView{(*m_buffers)[at]}.first(messages[at].msg_len), addresses[at].sll_pkttype == PACKET_OUTGOING});
        }
        if (count < kBatch)
            return;
    }
}

Result<> Tap::send(ByteView frame)
{
    if (::send(m_transmit.get(), frame.data(), frame.size(), MSG_DONTWAIT) < 0)
        return systemError("send a frame");
    return {};
}

} // namespace beacon
