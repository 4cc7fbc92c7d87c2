#pragma once

#include "core/base/result.h"

#include <string>
#include <vector>

namespace beacon {

/// Writes the resolvers to a resolv.conf(5) of mode 0644, into the file as it is: an Instrument has it bind-mounted,
/// and would go on to read the old one if another took its place. Whoever reads meanwhile sees the old text, the new
/// one, or for a moment a part of the new one, never a mixture. Nothing is written where it stands so already.
///
/// Thread:  any, one at a time.
/// Errors:  BadInput: what is no address. NotFound: the folder is missing.
/// Limits:  the C library takes three (resolv.conf(5)); others of the first 16 are named in comments.
Result<> writeResolvers(const std::string& path, const std::vector<std::string>& resolvers);

} // namespace beacon
