#include "service/instrument/loopback_home.h"

#include "core/packet/build.h"

#include <array>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace beacon {

namespace {

constexpr std::uint8_t kIgmp = 2; // RFC 3376
constexpr unsigned kBlocksAtOnce = 4; // of the capture; then the rest has its turn

/// What a kernel sends of itself on a link that it comes to: multicast listener reports (RFC 3810) and all of
/// neighbour discovery (RFC 4861).
bool isKernelsOwn(const PacketView& packet)
{
    if (packet.ip.protocol == kIgmp)
        return true;
    if (packet.ip.protocol != ip_protocol::kIcmpv6 || !packet.icmp)
        return false;
    const std::uint8_t type = packet.icmp->type;
    return (type >= 130 && type <= 137) || type == 143;
}

/// At every address of both families, or of IPv4 only.
Result<UniqueFd> boundSocket(int type, std::uint16_t port, bool ipv6)
{
    UniqueFd fd{::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return systemError("open a socket");
    const int off = 0, on = 1;
    if (ipv6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        return systemError("set IPV6_V6ONLY");
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    const auto* const address =
        ipv6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    if (::bind(fd.get(), address, ipv6 ? sizeof six : sizeof four) != 0)
        return systemError("bind port " + std::to_string(port));
    return fd;
}

} // namespace

LoopbackHome::LoopbackHome(const Setup& setup, const Clock& clock, DrillFigures& figures, Responder responder)
    : m_clock(clock)
    , m_figures(figures)
    , m_classifier(m_keyring, clock, kTokens)
    , m_zone(setup.identity.zone)
    , m_responder(std::move(responder))
{
    m_keyring.put({.id = setup.identity.keyId,
        .name = setup.identity.name,
        .key = TokenKey{setup.identity.key},
        .retired = false,
        .ranges = {}});
}

Result<std::unique_ptr<LoopbackHome>> LoopbackHome::open(const Setup& setup, const Clock& clock, DrillFigures& figures)
{
    auto responder = Responder::open();
    if (!responder)
        return responder.error();
    std::unique_ptr<LoopbackHome> home{new LoopbackHome{setup, clock, figures, std::move(*responder)}};
    home->m_epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!home->m_epoll)
        return systemError("epoll");
    auto capture = Capture::open(setup.interface);
    if (!capture)
        return capture.error();
    home->m_capture = std::move(*capture);
    if (auto watched = home->watch(home->m_capture->fd()); !watched)
        return watched.error();
    if (auto listens = home->listen(setup); !listens)
        return listens.error();
    return home;
}

Result<> LoopbackHome::listen(const Setup& setup)
{
    for (const std::uint16_t port : setup.ports) {
        auto absorber = boundSocket(SOCK_DGRAM, port, setup.ipv6);
        if (!absorber)
            return absorber.error();
        m_absorbers.push_back(std::move(*absorber));
        auto listener = boundSocket(SOCK_STREAM, port, setup.ipv6);
        if (!listener)
            return listener.error();
        const int fd = listener->get();
        if (::listen(fd, kMaxConnections) != 0)
            return systemError("listen on port " + std::to_string(port));
        if (auto watched = watch(fd); !watched)
            return watched;
        m_listeners.emplace(fd, std::move(*listener));
    }
    return {};
}

Result<> LoopbackHome::watch(int fd)
{
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return systemError("watch a socket");
    return {};
}

void LoopbackHome::take()
{
    std::array<epoll_event, 128> events;
    const int count = ::epoll_wait(m_epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    // The capture first: whoever tells of an escape must have been seen arriving.
    static_cast<void>(m_capture->drain( // its interface cannot go away: it is ours
        [this](Capture::Batch batch) {
            for (const ByteView packet : batch)
                onPacket(packet);
        },
        kBlocksAtOnce));
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (m_listeners.contains(fd))
            accept(fd);
        else if (m_open.contains(fd))
            read(fd);
    }
    sweep();
}

void LoopbackHome::onPacket(ByteView bytes)
{
    const auto packet = viewPacket(bytes);
    if (!packet || isKernelsOwn(*packet))
        return;
    m_figures.onFrame();
    for (const Carrier* const carrier : carriers()) {
        const auto token = carrier->recognise(*packet, m_zone);
        if (!token || m_keyring.verify(*token) == nullptr)
            continue;
        const Verdict verdict = m_classifier.classify({.token = *token,
            .carrier = carrier,
            .source = packet->ip.source,
            .destination = packet->ip.destination,
            .twoWay = false});
        if (verdict.tokenClass == TokenClass::Fresh && !verdict.confirm)
            m_figures.onToken(verdict.fields);
        if (!verdict.confirm && (verdict.fields.flags & token_flag::kReply) == 0)
            answer(*packet, *token, verdict.fields);
        return;
    }
}

void LoopbackHome::answer(const PacketView& packet, const Token& token, const TokenFields& fields)
{
    const bool asData = tokenAtFront(packet.udp ? packet.udp->payload : ByteView{}).has_value();
    if (!asData && !packet.icmp)
        return; // TCP is answered by the connection
    const Token reply = m_keyring.find(fields.keyId)->key.reply(token);
    const IpEnds back{packet.ip.destination, packet.ip.source};
    const ByteBuffer bytes = packet.udp ? buildUdp(back, packet.udp->destinationPort, packet.udp->sourcePort, reply)
                                        : buildEcho(back, true, static_cast<std::uint16_t>(packet.icmp->rest >> 16),
                                            static_cast<std::uint16_t>(packet.icmp->rest), reply);
    if (m_responder.send(bytes))
        m_figures.onAnswer(fields);
}

void LoopbackHome::accept(int listener)
{
    while (m_open.size() < kMaxConnections) {
        UniqueFd socket{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!socket || !watch(socket.get()))
            return;
        const int fd = socket.get();
        m_open.emplace(fd, Connection{.socket = std::move(socket), .since = m_clock.now(), .data = {}, .bytes = 0});
    }
}

void LoopbackHome::read(int fd)
{
    Connection& connection = m_open.at(fd);
    const ssize_t got =
        ::recv(fd, connection.data.data() + connection.bytes, connection.data.size() - connection.bytes, MSG_DONTWAIT);
    if (got <= 0) {
        m_open.erase(fd);
        return;
    }
    connection.bytes += static_cast<std::size_t>(got);
    if (connection.bytes < connection.data.size())
        return;
    const auto token = tokenAtFront(connection.data);
    const KeyEntry* const key = token ? m_keyring.verify(*token) : nullptr;
    if (key != nullptr) {
        const Token reply = key->key.reply(*token);
        if (::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(reply.size()))
            m_figures.onAnswer(*decodeToken(*token));
    }
    m_open.erase(fd);
}

void LoopbackHome::sweep()
{
    const MonotonicTime now = m_clock.now();
    std::erase_if(m_open, [now](const auto& entry) { return now - entry.second.since > kLifetime; });
}

} // namespace beacon
