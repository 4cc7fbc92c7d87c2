#pragma once

#include "core/base/address.h"
#include "core/options/options.h"

namespace beacon {

/// beacon-home's command line and configuration file.
[[nodiscard]] const Program& homeProgram() noexcept;

/// beacon-home issue NAME: makes a key, keeps it, and writes the identity file. An exit code.
int issueIdentity(const Values& values, const std::string& name);

/// beacon-home findings, beacon-home observations: JSON lines on stdout. An exit code.
int printFindings(const Values& values);
int printObservations(const Values& values);

/// The addresses of a list option. BadInput names the one that is none.
[[nodiscard]] Result<std::vector<IpAddress>> addressesOf(const Values& values, std::string_view option);

} // namespace beacon
