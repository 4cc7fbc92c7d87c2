#include "core/observe/responder.h"

#include "core/base/sockaddr.h"
#include "core/packet/parse.h"

#include <cerrno>

namespace beacon {

namespace {

Result<UniqueFd> rawSocket(int domain)
{
    UniqueFd fd{::socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW)}; // the header is ours
    if (!fd)
        return systemError("open a raw socket");
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &kResponderMark, sizeof kResponderMark) != 0)
        return systemError("mark a raw socket");
    return fd;
}

} // namespace

Responder::Responder(UniqueFd socket4, UniqueFd socket6)
    : m_socket4(std::move(socket4))
    , m_socket6(std::move(socket6))
{
}

Result<Responder> Responder::open()
{
    auto socket4 = rawSocket(AF_INET);
    if (!socket4)
        return socket4.error();
    auto socket6 = rawSocket(AF_INET6);
    if (!socket6 && socket6.error().sys != EAFNOSUPPORT) // a kernel without IPv6 brings nothing that wants an answer
        return socket6.error();
    return Responder{std::move(*socket4), socket6 ? std::move(*socket6) : UniqueFd{}};
}

Result<> Responder::send(ByteView packet)
{
    const auto ip = parseIp(packet);
    if (!ip)
        return Error{Errc::BadInput, 0, "answer"};
    const SockAddr to{ip->destination, 0};
    const int fd = ip->destination.family() == Family::Ipv4 ? m_socket4.get() : m_socket6.get();
    if (::sendto(fd, packet.data(), packet.size(), 0, to.get(), to.length) < 0)
        return systemError("answer " + ip->destination.text());
    return {};
}

} // namespace beacon
