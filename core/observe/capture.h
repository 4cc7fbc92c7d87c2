#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace beacon {

/// Receives IPv4 and IPv6 packets of one interface through a memory-mapped ring. What this host sends is left out; VLAN
/// tags, in the frame or moved beside it by the kernel, are skipped; packets are cut at kSnapBytes.
///
/// Thread:  one thread. Never blocks: wait until fd() is readable.
/// Errors:  Denied: CAP_NET_RAW is missing. NotFound: no such interface (any more): destroy, and open again when it is
///          there. An interface that is down just gives nothing until it is up.
/// Source:  packet(7), Linux Documentation/networking/packet_mmap.rst (TPACKET_V3)
class Capture {
public:
    static constexpr std::size_t kSnapBytes = 2'048;
    static constexpr unsigned kBlockBytes = 1U << 19;
    static constexpr unsigned kBlocks = 16; ///< 8 MiB
    static constexpr unsigned kBlockTimeoutMs = 4;

    [[nodiscard]] static Result<std::unique_ptr<Capture>> open(const std::string& interface);
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture();

    [[nodiscard]] int fd() const noexcept { return m_socket.get(); }

    using Batch = std::span<const ByteView>; ///< whole IP packets, valid during the call
    /// Hands what has arrived to `handle`, at most `maxBlocks` blocks of it. The number of packets.
    [[nodiscard]] Result<std::size_t> drain(const std::function<void(Batch)>& handle, unsigned maxBlocks = kBlocks);

    /// Packets that the kernel had no room for, since the last call.
    [[nodiscard]] std::uint64_t takeDrops();

    /// Whether the interface has been deleted, or its name is another's now.
    [[nodiscard]] bool stale() const;

private:
    Capture(std::string interface, unsigned index, UniqueFd socket)
        : m_interface(std::move(interface))
        , m_index(index)
        , m_socket(std::move(socket))
    {
    }
    Result<> mapRing();

    std::string m_interface;
    unsigned m_index;
    UniqueFd m_socket;
    Byte* m_ring = nullptr;
    unsigned m_next = 0; ///< block
};

} // namespace beacon
