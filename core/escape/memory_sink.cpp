#include "core/escape/memory_sink.h"

#include "core/packet/build.h"
#include "core/packet/parse.h"

namespace beacon {

Result<> MemorySink::sendIp(ByteView packet)
{
    m_packets.emplace_back(packet.begin(), packet.end());
    return {};
}

Result<> MemorySink::exchangeTcp(const Attempt& attempt, ByteView payload)
{
    using namespace tcp_flag;
    const IpEnds ends{attempt.source, attempt.probe.destination};
    constexpr std::array<Byte, 4> kMss{2, 4, 0x05, 0xb4}; // 1460
    TcpHeader header{
        .sourcePort = attempt.sourcePort, .destinationPort = attempt.probe.port, .sequence = 1, .flags = kSyn};
    m_packets.push_back(buildTcp(ends, header, kMss, {}));
    header.sequence += 1;
    header.acknowledgement = 1;
    header.flags = kAck | kPsh;
    m_packets.push_back(buildTcp(ends, header, {}, payload));
    header.sequence += static_cast<std::uint32_t>(payload.size());
    header.flags = kAck | kFin;
    m_packets.push_back(buildTcp(ends, header, {}, {}));
    return {};
}

} // namespace beacon
