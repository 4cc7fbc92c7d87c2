#pragma once

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <array>
#include <functional>
#include <memory>

namespace beacon {

/// Frames of one interface: sees what enters and what leaves, and sends whole frames. Not promiscuous.
///
/// Thread:  used from one thread; never blocks.
/// Errors:  Denied: CAP_NET_RAW is missing.
/// Source:  packet(7).
class Tap {
public:
    static constexpr std::size_t kSnapBytes = 2'048;
    static constexpr int kBatch = 32;

    struct Frame {
        ByteView bytes; ///< at most kSnapBytes, valid during the call
        bool outgoing;
    };

    [[nodiscard]] static Result<Tap> open(int interfaceIndex);

    [[nodiscard]] int fd() const noexcept { return m_receive.get(); }

    /// Hands over what has arrived, at most some thousands of frames a call.
    void read(const std::function<void(const Frame&)>& take);

    Result<> send(ByteView frame);

private:
    Tap(UniqueFd receive, UniqueFd transmit);

    UniqueFd m_receive; ///< sees the frames of the other, as it sees everybody's
    UniqueFd m_transmit;
    std::unique_ptr<std::array<std::array<Byte, kSnapBytes>, kBatch>> m_buffers;
};

} // namespace beacon
