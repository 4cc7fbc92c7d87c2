#pragma once

#include <string>
#include <string_view>

/// sensor-lease: what udhcpc(8) runs at an event (-s), in the place of a shell script. It changes nothing: it tells, on
/// stdout, which it has from udhcpc, what a DHCP server gave; whoever started udhcpc reads that, and acts.
///
///     sensor-lease <TAB> 1 <TAB> EVENT [<TAB> NAME=VALUE]... <newline>
///
/// EVENT is udhcpc's: deconfig, bound, renew, leasefail, nak. NAME is one of its variables below; all others (host
/// name, domain, boot file, …) are text that a stranger on the segment has chosen, and are not passed on.
namespace beacon {

struct LeaseVariable {
    std::string_view name;
    std::size_t mostBytes; ///< of its value; a list that is longer ends with the last whole word before that
};
inline constexpr LeaseVariable kLeaseVariables[] = {{"ip", 64}, {"subnet", 64}, {"router", 1'024}, {"dns", 1'024},
    {"staticroutes", 1'024}, {"lease", 64}, {"serverid", 64}};
/// PIPE_BUF, pipe(7): a line comes whole or not at all, whoever else writes.
inline constexpr std::size_t kMostLeaseLineBytes = 4'096;

/// With its newline. Values hold digits, dots, slashes and blanks; anything else in them becomes "?".
[[nodiscard]] std::string leaseLine(std::string_view event, const char* const* environment);

} // namespace beacon
