#pragma once

#include "core/escape/technique.h"

#include <utility>
#include <vector>

namespace beacon {

/// Keeps the IP packets that a technique would send. A TCP exchange becomes what a Beacon's side of it looks like when
/// Home accepts: SYN, ACK with data, FIN, with sequence numbers from 1.
class MemorySink final : public PacketSink {
public:
    Result<> sendIp(ByteView packet) override;
    Result<> exchangeTcp(const Attempt& attempt, ByteView payload) override;

    [[nodiscard]] const std::vector<ByteBuffer>& packets() const noexcept { return m_packets; }
    [[nodiscard]] std::vector<ByteBuffer> take() { return std::exchange(m_packets, {}); }

private:
    std::vector<ByteBuffer> m_packets;
};

} // namespace beacon
