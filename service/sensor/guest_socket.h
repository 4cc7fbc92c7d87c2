#pragma once

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/base/user_ids.h"
#include "core/rpc/listener.h"

#include <QObject>

#include <optional>

namespace beacon {

/// The platform socket of one Instrument, in a directory that only it and root can enter. The directory above is the
/// Instrument's to write in: nothing that it left there is followed, and what is in the way goes.
///
/// Thread:  the thread that created it.
/// Errors:  open() reports.
/// Owns:    the socket, its connections.
class GuestSocket final : public QObject {
    Q_OBJECT
public:
    static constexpr int kMaxConnections = 8; ///< one lives; the others have not said hello yet
    static constexpr std::uint32_t kIdsPerOwner = 65'536;

    explicit GuestSocket(QObject* parent = nullptr);

    /// `path`: absolute. `owner`: the base of the Instrument's ids; nothing: our own user's.
    [[nodiscard]] Result<> open(const QString& path, const std::optional<UserIds>& owner);
    void close(); ///< ends what is connected, removes the socket

Q_SIGNALS:
    void accepted(beacon::rpc::Peer* peer); ///< somebody who may; nothing has been read yet
    void refused(qint64 uid); ///< somebody who may not, and was let go
    void descriptorsExhausted();

private:
    [[nodiscard]] Result<> openDirectory(const QString& path);
    [[nodiscard]] bool mayConnect(uid_t uid) const;

    std::optional<UserIds> m_owner;
    UniqueFd m_directory;
    rpc::Listener m_listener;
};

} // namespace beacon
