#pragma once

#include "core/base/free_with.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

#include <netlink/socket.h>

#include <functional>
#include <memory>
#include <string>

namespace beacon {

/// A network namespace, held by a descriptor: it lives at least as long as this does.
///
/// Thread:  any; nothing here moves the calling thread. run() makes a thread that enters the namespace and ends.
/// Errors:  Denied: CAP_SYS_ADMIN is missing there.
/// Owns:    one descriptor of nsfs.
/// Source:  network_namespaces(7), setns(2)
class NetworkNamespace {
public:
    using NetlinkSocket = std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>;

    /// By its pin, or as /proc/PID/ns/net. NotFound: the file is absent, or is no network namespace.
    [[nodiscard]] static Result<NetworkNamespace> open(const std::string& path);
    [[nodiscard]] static Result<NetworkNamespace> ofThisThread();

    [[nodiscard]] int descriptor() const noexcept { return m_fd.get(); }
    [[nodiscard]] bool isSameAs(const NetworkNamespace& other) const noexcept { return m_inode == other.m_inode; }

    /// Calls `work` inside and waits for it; what it opens or starts belongs to the namespace for good.
    Result<> run(const std::function<Result<>()>& work) const;
    /// Speaks to this namespace, wherever it is used; `protocol` as NETLINK_ROUTE.
    [[nodiscard]] Result<NetlinkSocket> netlink(int protocol) const;
    [[nodiscard]] Result<UniqueFd> socket(int domain, int type, int protocol) const;

private:
    NetworkNamespace(UniqueFd fd, unsigned long inode)
        : m_fd(std::move(fd))
        , m_inode(inode)
    {
    }

    UniqueFd m_fd;
    unsigned long m_inode; ///< in nsfs, of which there is one
};

/// What /proc/sys/`path` says in the namespace that the calling thread is in, at most 63 bytes, without the line's end.
[[nodiscard]] Result<std::string> sysctl(const std::string& path);
/// /proc/sys/`path` of the namespace that the calling thread is in; nothing is written where it stands so already.
/// NotFound: this kernel has no such setting.
Result<> setSysctl(const std::string& path, const std::string& value);

} // namespace beacon
