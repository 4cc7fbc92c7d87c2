#pragma once

#include "core/base/address.h"
#include "core/base/sockaddr.h"
#include "core/base/unique_fd.h"
#include "core/netlink/network_namespace.h"

#include <QByteArray>
#include <QSocketNotifier>

#include <algorithm>
#include <functional>
#include <memory>
#include <net/if.h>
#include <string>
#include <sys/socket.h>

namespace beacon::test {

/// A DHCP server (RFC 2131) that says whatever a test wants: real ones refuse to lie.
class ScriptedDhcpServer {
public:
    enum Message : char { Discover = 1, Offer = 2, Request = 3, Ack = 5, Nak = 6 };

    QByteArray address = QByteArray::fromHex("c6336432"); ///< 198.51.100.50
    QByteArray options = netmask("ffffff00"); ///< beside message type, server and lease time
    quint32 seconds = 600;
    bool refuses = false; ///< what it has offered
    bool answers = true;
    int discovers = 0, requests = 0;
    QByteArray requested; ///< option 50 of the last discovery

    static QByteArray option(int code, const QByteArray& value)
    {
        QByteArray text;
        for (qsizetype at = 0; at < std::max<qsizetype>(value.size(), 1); at += 255) { // RFC 3396
            const QByteArray part = value.mid(at, 255);
            text += static_cast<char>(code);
            text += static_cast<char>(part.size());
            text += part;
        }
        return text;
    }
    static QByteArray netmask(const char* hex) { return option(1, QByteArray::fromHex(hex)); }

    /// Serves the segment of `interface`, which has an address.
    bool open(const std::string& networkNamespace, const char* interface)
    {
        const auto entered = NetworkNamespace::open(networkNamespace);
        auto socket =
            entered ? entered->socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) : Result<UniqueFd>{entered.error()};
        if (!socket)
            return false;
        m_socket = std::move(*socket);
        const int on = 1;
        const SockAddr any{*IpAddress::parse("0.0.0.0"), 67};
        if (::setsockopt(m_socket.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0
            || ::setsockopt(m_socket.get(), SOL_SOCKET, SO_BINDTODEVICE, interface, IFNAMSIZ - 1) != 0
            || ::bind(m_socket.get(), any.get(), any.length) != 0)
            return false;
        m_notifier = std::make_unique<QSocketNotifier>(m_socket.get(), QSocketNotifier::Read);
        QObject::connect(m_notifier.get(), &QSocketNotifier::activated, [this] { receive(); });
        return true;
    }

private:
    void receive()
    {
        QByteArray packet(1'500, '\0');
        const ssize_t size = ::recv(m_socket.get(), packet.data(), std::size_t(packet.size()), 0);
        packet.truncate(std::max<qsizetype>(size, 0));
        if (packet.size() < 244)
            return;
        const QByteArray kind = find(packet, 53);
        const bool discover = kind == QByteArray(1, char{Discover});
        discovers += discover ? 1 : 0;
        requests += kind == QByteArray(1, char{Request}) ? 1 : 0;
        if (discover)
            requested = find(packet, 50);
        if (answers && (discover || kind == QByteArray(1, char{Request})))
            answer(packet, discover ? Offer : refuses ? Nak : Ack);
    }
    static QByteArray find(const QByteArray& packet, char code)
    {
        for (qsizetype at = 240; at + 1 < packet.size() && packet[at] != char(255);) {
            if (packet[at] == 0) {
                ++at;
                continue;
            }
            const auto length = static_cast<unsigned char>(packet[at + 1]);
            if (packet[at] == code)
                return packet.mid(at + 2, length);
            at += 2 + length;
        }
        return {};
    }
    void answer(const QByteArray& question, Message kind)
    {
        QByteArray packet = question.left(236); // the transaction, and whose it is
        packet[0] = 2;
        packet.replace(16, 4, kind == Nak ? QByteArray(4, '\0') : address); // yiaddr
        packet += QByteArray::fromHex("63825363");
        packet += option(53, QByteArray(1, char{kind})) + option(54, QByteArray::fromHex("c6336401"));
        if (kind != Nak) {
            const quint32 s = seconds;
            const char bytes[] = {char(s >> 24), char(s >> 16), char(s >> 8), char(s)};
            packet += option(51, QByteArray(bytes, 4)) + options;
        }
        packet += char(255);
        const SockAddr everybody{*IpAddress::parse("255.255.255.255"), 68};
        ::sendto(m_socket.get(), packet.constData(), std::size_t(packet.size()), 0, everybody.get(), everybody.length);
    }

    UniqueFd m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

} // namespace beacon::test
