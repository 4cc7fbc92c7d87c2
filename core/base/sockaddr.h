#pragma once

#include "core/base/address.h"

#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace beacon {

/// An address and a port in the form that system calls take.
struct SockAddr {
    sockaddr_storage storage{};
    socklen_t length = 0;

    SockAddr(const IpAddress& address, std::uint16_t port) noexcept
    {
        if (address.family() == Family::Ipv4) {
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_port = htons(port);
            std::memcpy(&in.sin_addr, address.bytes().data(), 4);
            std::memcpy(&storage, &in, length = sizeof in);
        } else {
            sockaddr_in6 in{};
            in.sin6_family = AF_INET6;
            in.sin6_port = htons(port);
            std::memcpy(&in.sin6_addr, address.bytes().data(), 16);
            std::memcpy(&storage, &in, length = sizeof in);
        }
    }
    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// The local port of a bound socket, 0 where there is none.
[[nodiscard]] inline std::uint16_t localPort(int fd) noexcept
{
    sockaddr_in6 address{}; // sin_port and sin6_port lie at the same place
    socklen_t length = sizeof address;
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 ? ntohs(address.sin6_port)
                                                                                  : std::uint16_t{0};
}

} // namespace beacon
