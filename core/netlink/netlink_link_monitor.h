#pragma once

#include "core/base/clock.h"
#include "core/base/free_with.h"
#include "core/netlink/default_routes.h"
#include "core/netlink/link_monitor.h"
#include "core/netlink/settling.h"

#include <QSocketNotifier>
#include <QTimer>

#include <netlink/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>

namespace beacon {

/// A LinkMonitor by rtnetlink(7). Notifications are hints only: whatever they say, and also where the kernel dropped
/// some (ENOBUFS), the interface is asked for again and compared. It is followed by index; one that is gone is looked
/// for by name.
///
/// Thread:  as LinkMonitor; a look is four short exchanges with the kernel, well below 10 ms.
/// Owns:    three netlink sockets.
class NetlinkLinkMonitor final : public LinkMonitor {
    Q_OBJECT
public:
    struct Policy {
        std::chrono::milliseconds coalesce{50}; ///< from a hint to the look
        std::chrono::milliseconds settle{300}; ///< how long a change must stand
        std::chrono::milliseconds patience{5'000}; ///< for one that does not stand
        std::chrono::milliseconds reconcile{
            60'000}; ///< a look without a hint; nothing else wakes up where nothing happens
        int receiveBufferBytes = 0; ///< 0: the kernel's default
    };

    NetlinkLinkMonitor(const Clock& clock, const Policy& policy);
    ~NetlinkLinkMonitor() override;

    Result<> start(const std::string& interface) override;
    [[nodiscard]] const LinkState& state() const override { return m_settling.accepted(); }
    Result<> bringUp() override;

    [[nodiscard]] std::uint64_t overflows() const noexcept
    {
        return m_overflows;
    } ///< times that the kernel dropped hints
    [[nodiscard]] std::uint64_t looks() const noexcept { return m_looks; } ///< after start()

private:
    using Socket = std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>;

    Result<> openHints();
    void onHint();
    void look();
    Result<LinkState> ask();
    Result<> askAddresses(LinkState& state);

    const Clock& m_clock;
    Policy m_policy;
    std::string m_name;
    int m_index = 0; ///< of the interface that is followed; 0: none
    Settling<LinkState> m_settling;
    Socket m_hints, m_queries;
    DefaultRoutes m_routes;
    bool m_worthALook = false; ///< a hint that was read may be about us
    std::unique_ptr<QSocketNotifier> m_notifier;
    QTimer m_lookSoon, m_reconcile;
    std::uint64_t m_overflows = 0, m_looks = 0;
};

} // namespace beacon
