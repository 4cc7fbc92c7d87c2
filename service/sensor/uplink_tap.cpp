#include "service/sensor/uplink_tap.h"

namespace beacon {

UplinkTap::UplinkTap(std::string networkNamespace, std::string device, const Clock& clock, QObject* parent)
    : QObject(parent)
    , m_networkNamespace(std::move(networkNamespace))
    , m_device(std::move(device))
    , m_clock(clock)
{
}

UplinkTap::~UplinkTap() = default;

Result<> UplinkTap::start()
{
    m_since = m_clock.wall();
    return Error{Errc::Unsupported, 0, "count what leaves by " + m_device};
}

void UplinkTap::stop()
{
}

void UplinkTap::setPorts(const std::vector<UplinkPort>& ports)
{
    m_ports.clear();
    for (const UplinkPort& port : ports)
        m_ports[port.mac] = port.instrument;
}

UplinkCount UplinkTap::of(const QString& instrument) const
{
    const auto found = m_shares.find(instrument);
    return found == m_shares.end() ? UplinkCount{} : found->second.count;
}

std::map<TokenKind, std::uint64_t> UplinkTap::kindsOf(const QString& instrument) const
{
    const auto found = m_shares.find(instrument);
    return found == m_shares.end() ? std::map<TokenKind, std::uint64_t>{} : found->second.kinds;
}

} // namespace beacon
