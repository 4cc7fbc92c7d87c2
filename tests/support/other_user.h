#pragma once

#include <QByteArray>
#include <QString>

#include <vector>

#include <sys/types.h>

namespace beacon::test {

struct OtherUser {
    uid_t uid = 65534;
    gid_t gid = 65534;
    std::vector<gid_t> groups; ///< the supplementary ones
};

/// Whether this process may become somebody else. Root may, also where it has no network of its own.
[[nodiscard]] bool canBecomeOthers();

/// A child that has become `user` connects to the local socket at `path`, writes `text` and reads a line, or to the
/// end. That line; "errno N" where a call failed. Spins the event loop meanwhile.
[[nodiscard]] QByteArray sayAs(const OtherUser& user, const QString& path, const QByteArray& text);

} // namespace beacon::test
