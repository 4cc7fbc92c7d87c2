#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/free_with.h"
#include "core/base/result.h"

#include <netlink/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// An address of an interface, as the kernel has it.
struct InterfaceAddress {
    IpAddress address;
    int prefixLength = 0;
    bool permanent = false; ///< it has no end, and no router advertised it
    bool tentative = false; ///< being checked for duplicates
    bool duplicate = false; ///< another host has it (RFC 4862)
    std::vector<Byte> message; ///< rtnetlink's own words, by which it is removed

    [[nodiscard]] std::string text() const { return address.text() + '/' + std::to_string(prefixLength); }
};

/// A route of the main table by an interface.
struct InterfaceRoute {
    Family family = Family::Ipv4;
    bool isDefault = false;
    std::optional<IpAddress> gateway;
    std::uint32_t metric = 0;
    std::uint8_t protocol = 0; ///< RTPROT_KERNEL, RTPROT_RA, RTPROT_DHCP, …
    std::vector<Byte> message;
};

struct NewAddress {
    IpAddress address;
    int prefixLength = 0;
    std::optional<std::chrono::seconds> lifetime; ///< none: for ever
};

struct NewDefaultRoute {
    IpAddress gateway;
    std::uint32_t metric = 0;
    std::uint8_t protocol = 0;
    bool onLink = false; ///< the gateway lies in no prefix of the interface
    std::optional<IpAddress> source; ///< the route goes when this address goes
};

/// Reads and changes addresses and routes of one interface in the network namespace of the thread that opened it.
///
/// Thread:  any one at a time; every call is a short exchange with the kernel.
/// Errors:  NotFound: the interface is not there. Denied: CAP_NET_ADMIN is missing.
/// Limits:  of a list kMostRows are read: whoever added more, removes them in turns.
/// Source:  rtnetlink(7)
class InterfaceAddresses {
public:
    static constexpr std::size_t kMostRows = 1'024;

    [[nodiscard]] static Result<InterfaceAddresses> open(const std::string& interface);

    [[nodiscard]] int index() const noexcept { return m_index; }

    struct Link {
        MacAddress mac;
        bool up = false, carrier = false;
    };
    [[nodiscard]] Result<Link> link();
    Result<> switchOn();

    [[nodiscard]] Result<std::vector<InterfaceAddress>> addresses();
    [[nodiscard]] Result<std::vector<InterfaceRoute>> routes(); ///< unicast ones
    Result<> add(const NewAddress& address); ///< or gives the one that is there this lifetime
    Result<> add(const NewDefaultRoute& route); ///< or puts it in the place of the one of the same metric
    Result<> remove(const InterfaceAddress& address); ///< no error where it is gone already
    Result<> remove(const InterfaceRoute& route);

private:
    using Socket = std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>;
    InterfaceAddresses(std::string interface, int index, Socket socket);

    Result<> removeBy(const std::vector<Byte>& message, int type, const std::string& attempt);

    std::string m_interface;
    int m_index;
    Socket m_socket;
};

} // namespace beacon
