#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <functional>
#include <string>

namespace beacon {

/// Receives the Ethernet frames of one interface, cut at kSnapBytes; it never sends. What this host sends is left out.
///
/// Thread:  one thread. Never blocks: wait until fd() is readable.
/// Errors:  Denied: CAP_NET_RAW is missing. NotFound: no such interface (any more).
/// Source:  packet(7)
class FrameTap {
public:
    static constexpr std::size_t kSnapBytes = 256;

    [[nodiscard]] static Result<FrameTap> open(const std::string& interface);

    [[nodiscard]] int fd() const noexcept { return m_socket.get(); }
    /// Hands over what has arrived, at most `most` frames.
    [[nodiscard]] Result<> drain(const std::function<void(ByteView frame)>& handle, unsigned most = 1'024);
    [[nodiscard]] std::uint64_t takeDrops(); ///< frames that the kernel had no room for, since the last call

private:
    explicit FrameTap(UniqueFd socket)
        : m_socket(std::move(socket))
    {
    }
    UniqueFd m_socket;
};

} // namespace beacon
