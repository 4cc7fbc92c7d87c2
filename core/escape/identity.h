#pragma once

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/token/token.h"

#include <string>
#include <string_view>
#include <vector>

namespace beacon {

/// Who a Beacon is and where its Home is: a JSON file that Home issues, mode 0600.
///
/// {"name":"plant7","key_id":"1a2b3c4d","key":"<base64 of 32
/// bytes>","home":["192.0.2.10","2001:db8::10"],"zone":"leak.example"}
struct Identity {
    std::string name;
    std::uint32_t keyId = 0; ///< eight hexadecimal digits in the file
    MasterKey key{}; ///< never logged
    std::vector<IpAddress> home; ///< at least one
    std::string zone; ///< lower case, without the last dot; may be empty
    std::vector<std::string> ranges; ///< CIDR ranges from which this segment's traffic may come; empty: not declared
    std::vector<std::string> allow; ///< techniques that are off until a site switches them on
};

inline constexpr std::size_t kMaxIdentityBytes = 64 * 1024;

/// BadInput names the key that is wrong.
[[nodiscard]] Result<Identity> parseIdentity(std::string_view json);

/// Denied where others than the owner may read the file; never follows a last symbolic link.
[[nodiscard]] Result<Identity> loadIdentity(const std::string& path);

/// Pretty-printed JSON with a final newline.
[[nodiscard]] std::string writeIdentity(const Identity& identity);

} // namespace beacon
