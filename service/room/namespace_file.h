#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>

/// Files that stand for namespaces: namespaces(7), ioctl_ns(2). A pin is a file on which one is bind-mounted.
///
/// Errors:  BadInput: what stands at a path is something else; the rest is the system's.
namespace beacon {

/// `type` is CLONE_NEWUSER or CLONE_NEWNET. nullopt: there is no pin, but one can be made. Follows no symbolic link in
/// the last part of `path`.
[[nodiscard]] Result<std::optional<UniqueFd>> openPin(const std::string& path, int type);

/// NotFound: there is none.
[[nodiscard]] Result<UniqueFd> requirePin(const std::string& path, int type);

/// Makes the file with mode 0600 where it is missing.
[[nodiscard]] Result<> pin(int namespaceFd, const std::string& path);

/// Takes a pin away, and its file; what is no pin is left alone.
[[nodiscard]] Result<> unpin(const std::string& path);

/// In which user namespace one of another kind was made.
[[nodiscard]] Result<UniqueFd> ownerOf(int namespaceFd);
[[nodiscard]] Result<bool> isSame(int namespaceFd, int otherFd);
[[nodiscard]] Result<bool> isOurUserNamespace(int userFd);

/// Takes this process to it. `name` is for the error.
[[nodiscard]] Result<> enter(int namespaceFd, int type, const std::string& name);

constexpr std::uint32_t kIdsPerRange = 65'536;

/// Our id of its root, where it has kIdsPerRange users and as many groups from there on. BadInput: it has others.
[[nodiscard]] Result<std::uint32_t> idBaseOf(int userFd);

} // namespace beacon
