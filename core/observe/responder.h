#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace beacon {

/// Marks what Home itself sends from its addresses, so that NftTable lets it pass where the kernel's own answers are
/// dropped.
inline constexpr unsigned kResponderMark = 0xbeac0;

/// Sends whole IP packets by the host's routes.
///
/// Thread:  any, one at a time; never blocks.
/// Errors:  Denied: CAP_NET_RAW or CAP_NET_ADMIN is missing.
/// Source:  raw(7), ipv6(7), socket(7) SO_MARK.
class Responder {
public:
    [[nodiscard]] static Result<Responder> open();
    Result<> send(ByteView packet);

private:
    Responder(UniqueFd socket4, UniqueFd socket6);
    UniqueFd m_socket4, m_socket6;
};

} // namespace beacon
