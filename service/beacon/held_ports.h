#pragma once

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <string>

namespace beacon {

/// One UDP source port per family, held by a socket that reads nothing: answers are seen on the tap, and the kernel
/// does not say "port unreachable" to whoever sent them.
class HeldPorts {
public:
    [[nodiscard]] static Result<HeldPorts> open(const std::string& interface);

    /// 0 where the host does not have the family.
    [[nodiscard]] std::uint16_t of(Family family) const noexcept { return family == Family::Ipv4 ? m_port4 : m_port6; }

private:
    UniqueFd m_socket4, m_socket6;
    std::uint16_t m_port4 = 0, m_port6 = 0;
};

} // namespace beacon
