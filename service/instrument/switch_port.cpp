#include "service/instrument/switch_port.h"

#include "core/packet/parse.h"
#include "core/supervision/line_splitter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace beacon {

namespace {

constexpr std::array<std::array<Byte, 6>, 3> kGroups{{
    {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}, // nearest bridge
    {0x01, 0x80, 0xc2, 0x00, 0x00, 0x03}, // nearest bridge that is no two-port MAC relay
    {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}, // nearest customer bridge
}};

QString clean(const std::string& raw)
{
    constexpr qsizetype kMaxCharacters = 255;
    return QString::fromStdString(printable(raw)).left(kMaxCharacters).trimmed();
}

QString portText(const LldpNeighbour& neighbour)
{
    // Linux hosts and some switches name the port by its address only, and say in words which one it is.
    const QString described = clean(neighbour.portDescription);
    return neighbour.port.kind == LldpId::Kind::Text || described.isEmpty() ? clean(neighbour.port.text) : described;
}

QString vlanText(const LldpNeighbour& neighbour)
{
    if (!neighbour.portVlan)
        return {};
    const QString id = QString::number(*neighbour.portVlan);
    const auto named = std::ranges::find(neighbour.vlans, *neighbour.portVlan, &LldpVlan::id);
    const QString name = named == neighbour.vlans.end() ? QString{} : clean(named->name);
    return name.isEmpty() ? id : QStringLiteral("%1 (%2)").arg(id, name);
}

} // namespace

SwitchPort::SwitchPort(const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_clock(clock)
{
}

Result<> SwitchPort::follow(int interfaceIndex)
{
    if (interfaceIndex == m_index)
        return {};
    const bool known = !facts().isEmpty();
    m_notifier.reset();
    m_socket.reset();
    m_neighbour.reset();
    m_replacedAt.reset();
    m_index = 0;
    auto opened = interfaceIndex == 0 ? Result<>{} : open(interfaceIndex);
    if (opened)
        m_index = interfaceIndex;
    if (known)
        Q_EMIT changed();
    return opened;
}

Result<> SwitchPort::open(int interfaceIndex)
{
    // Protocol 0: nothing arrives before bind(), so that no frame of another interface is taken for one of this.
    UniqueFd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket)
        return systemError("open a packet socket");
    for (const auto& group : kGroups) {
        packet_mreq membership{};
        membership.mr_ifindex = interfaceIndex;
        membership.mr_type = PACKET_MR_MULTICAST;
        membership.mr_alen = static_cast<unsigned short>(group.size());
        std::ranges::copy(group, membership.mr_address);
        if (::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0)
            return systemError("join the LLDP groups");
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ether_type::kLldp);
    address.sll_ifindex = interfaceIndex;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return systemError("listen for LLDP");
    m_socket = std::move(socket);
    m_notifier = std::make_unique<QSocketNotifier>(m_socket.get(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &SwitchPort::onReadable);
    return {};
}

void SwitchPort::onReadable()
{
    const QJsonObject before = facts();
    std::array<Byte, 2'048> frame{};
    for (int i = 0; i < kMostFrames; ++i) {
        const ssize_t size = ::recv(m_socket.get(), frame.data(), frame.size(), MSG_TRUNC);
        if (size < 0 && errno == EAGAIN)
            break;
        // An error is of the interface (ENETDOWN: it went down) and told once; the link monitor tells the rest.
        if (size >= 0 && static_cast<std::size_t>(size) <= frame.size())
            take(ByteView{frame.data(), static_cast<std::size_t>(size)});
    }
    if (facts() != before)
        Q_EMIT changed();
}

void SwitchPort::take(ByteView frame)
{
    auto heard = parseLldp(frame);
    if (!heard)
        return;
    const auto at = m_clock.now();
    const auto current = now();
    const bool same = current && current->chassis == heard->chassis && current->port == heard->port;
    if (heard->ttl.count() == 0) {
        if (same)
            m_neighbour.reset();
        return;
    }
    if (!current || !(*current == *heard)) {
        if (m_replacedAt && at - *m_replacedAt < kBetween)
            return; // it says so again within half a minute
        m_replacedAt = at;
    }
    m_neighbour = std::move(heard);
    m_heardAt = at;
}

std::optional<LldpNeighbour> SwitchPort::now() const
{
    return m_neighbour && m_clock.now() - m_heardAt < m_neighbour->ttl ? m_neighbour : std::nullopt;
}

QJsonObject SwitchPort::facts() const
{
    QJsonObject facts;
    const auto neighbour = now();
    if (!neighbour)
        return facts;
    const auto add = [&facts](QLatin1String key, const QString& text) {
        if (!text.isEmpty())
            facts.insert(key, text);
    };
    const QString name = clean(neighbour->systemName);
    add(QLatin1String("switch"), name.isEmpty() ? clean(neighbour->chassis.text) : name);
    add(QLatin1String("switch_port"), portText(*neighbour));
    add(QLatin1String("vlan"), vlanText(*neighbour));
    return facts;
}

} // namespace beacon
