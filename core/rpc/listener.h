#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/rpc/peer.h"

#include <QObject>
#include <QSocketNotifier>
#include <QTimer>

#include <memory>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace beacon::rpc {

/// Listens on a local socket and accepts by hand: one accept() that fails with EMFILE would end a QLocalServer for
/// good (Qt 6.4), without a signal. Here it is a pause, and a timer tries again.
///
/// Thread:  the thread that created it.
/// Errors:  listen() reports; afterwards only descriptorsExhausted() can happen.
/// Owns:    the Peers that it hands out (deleted once closed), the socket file.
class Listener final : public QObject {
    Q_OBJECT
public:
    struct Settings {
        QString path; ///< at most 107 bytes (unix(7)); the directory is made where it is missing
        mode_t directoryMode = 0755; ///< of a directory that it makes
        mode_t mode = 0666; ///< of the socket; who may connect also depends on the directory
        std::optional<gid_t> group{}; ///< of the socket
        int maxClients = 32; ///< the next is told why and let go
    };
    explicit Listener(QObject* parent = nullptr);
    ~Listener() override;

    /// A stale socket file is replaced. Busy: somebody listens there. BadInput: the path is too long, or something else
    /// than a socket stands there. Two that start in the same instant are kept apart by the caller's lock file.
    Result<> listen(const Settings& settings);
    void close();
    [[nodiscard]] qsizetype clients() const noexcept { return static_cast<qsizetype>(m_peers.size()); }

Q_SIGNALS:
    /// Set its handler and connect its signals now: nothing has been read yet.
    void accepted(beacon::rpc::Peer* peer);
    void descriptorsExhausted(); ///< once an outage; accepting goes on once some are free
private:
    void accept();
    void adopt(UniqueFd socket);
    void turnAway(UniqueFd socket);

    Settings m_settings;
    UniqueFd m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
    QTimer m_retry;
    bool m_exhausted = false;
    std::vector<Peer*> m_peers;
    std::vector<UniqueFd> m_turnedAway; ///< kept a moment, so that they can read why
    QTimer m_letGo;
    dev_t m_device = 0;
    ino_t m_inode = 0;
};

} // namespace beacon::rpc
