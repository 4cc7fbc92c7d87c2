#include "service/beacon/held_ports.h"

#include "core/base/sockaddr.h"

#include <cerrno>
#include <linux/filter.h>

namespace beacon {

namespace {

Result<UniqueFd> hold(const std::string& interface, Family family)
{
    UniqueFd fd{::socket(family == Family::Ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return errno == EAFNOSUPPORT ? Result<UniqueFd>{UniqueFd{}} : systemError("open a UDP socket");
    const int on = 1;
    sock_filter dropAll{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    const sock_fprog filter{.len = 1, .filter = &dropAll};
    const std::string address = family == Family::Ipv4 ? "0.0.0.0" : "::";
    const SockAddr any{*IpAddress::parse(address), 0};
    if (family == Family::Ipv6)
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0
        || ::setsockopt(
               fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(), static_cast<socklen_t>(interface.size() + 1))
            != 0
        || ::bind(fd.get(), any.get(), any.length) != 0)
        return systemError("hold a UDP port on " + interface);
    return fd;
}

} // namespace

Result<HeldPorts> HeldPorts::open(const std::string& interface)
{
    auto socket4 = hold(interface, Family::Ipv4);
    if (!socket4)
        return socket4.error();
    auto socket6 = hold(interface, Family::Ipv6);
    if (!socket6)
        return socket6.error();
    HeldPorts ports;
    ports.m_port4 = localPort(socket4->get());
    ports.m_port6 = localPort(socket6->get());
    ports.m_socket4 = std::move(*socket4);
    ports.m_socket6 = std::move(*socket6);
    return ports;
}

} // namespace beacon
