#include "service/sensor/guest_socket.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace beacon {

namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// Whatever stands there under `name`, but no directory that holds something.
Result<> clear(int directory, const QByteArray& name, const QString& path)
{
    if (::unlinkat(directory, name.constData(), 0) == 0 || errno == ENOENT)
        return {};
    if (errno == EISDIR && ::unlinkat(directory, name.constData(), AT_REMOVEDIR) == 0)
        return {};
    return systemError("remove what stands at " + path.toStdString());
}

} // namespace

GuestSocket::GuestSocket(QObject* parent)
    : QObject(parent)
{
    connect(&m_listener, &rpc::Listener::descriptorsExhausted, this, &GuestSocket::descriptorsExhausted);
    connect(&m_listener, &rpc::Listener::accepted, this, [this](rpc::Peer* peer) {
        if (mayConnect(peer->credentials().uid)) {
            Q_EMIT accepted(peer);
            return;
        }
        peer->close();
        Q_EMIT refused(static_cast<qint64>(peer->credentials().uid));
    });
}

bool GuestSocket::mayConnect(uid_t uid) const
{
    if (uid == 0)
        return true;
    return m_owner ? uid >= m_owner->uid && uid - m_owner->uid < kIdsPerOwner : uid == ::geteuid();
}

/// The last folder of `path`, made anew where it is something else, and ours or the owner's alone.
Result<> GuestSocket::openDirectory(const QString& path)
{
    const QFileInfo place{path};
    if (!QDir{}.mkpath(place.path()))
        return systemError("create directory " + place.path().toStdString());
    const UniqueFd above{::open(QFile::encodeName(place.path()).constData(), kDirectory)};
    if (!above)
        return systemError("open directory " + place.path().toStdString());
    const QByteArray name = QFile::encodeName(place.fileName());
    if (::mkdirat(above.get(), name.constData(), 0700) != 0 && errno != EEXIST)
        return systemError("create directory " + path.toStdString());
    UniqueFd directory{::openat(above.get(), name.constData(), kDirectory)};
    if (!directory && (errno == ENOTDIR || errno == ELOOP)) {
        if (auto cleared = clear(above.get(), name, path); !cleared)
            return cleared;
        if (::mkdirat(above.get(), name.constData(), 0700) != 0)
            return systemError("create directory " + path.toStdString());
        directory.reset(::openat(above.get(), name.constData(), kDirectory));
    }
    if (!directory)
        return systemError("open directory " + path.toStdString());
    if (m_owner && ::fchown(directory.get(), m_owner->uid, m_owner->gid) != 0)
        return systemError("give directory " + path.toStdString() + " to its Instrument");
    if (::fchmod(directory.get(), 0700) != 0)
        return systemError("set the mode of directory " + path.toStdString());
    m_directory = std::move(directory);
    return {};
}

Result<> GuestSocket::open(const QString& path, const std::optional<UserIds>& owner)
{
    m_owner = owner;
    const QFileInfo place{path};
    if (!place.isAbsolute() || place.fileName().isEmpty())
        return Error{Errc::BadInput, 0, "listen on " + path.toStdString() + ": no absolute path of a socket"};
    if (auto opened = openDirectory(place.path()); !opened)
        return opened;
    const QByteArray name = QFile::encodeName(place.fileName());
    if (auto cleared = clear(m_directory.get(), name, path); !cleared)
        return cleared;
    // By its descriptor: no part of the path can be another one meanwhile, and it may be longer than a socket's.
    const QString held = QStringLiteral("/proc/self/fd/%1/%2").arg(m_directory.get()).arg(place.fileName());
    rpc::Listener::Settings settings;
    settings.path = held;
    settings.mode = 0600;
    settings.maxClients = kMaxConnections;
    if (const auto listening = m_listener.listen(settings); !listening) {
        Error error = listening.error();
        error.context = "listen on " + path.toStdString() + ": "
            + QString::fromStdString(error.context).replace(held, place.fileName()).toStdString();
        return error;
    }
    if (m_owner
        && ::fchownat(m_directory.get(), name.constData(), m_owner->uid, m_owner->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return systemError("give " + path.toStdString() + " to its Instrument");
    return {};
}

void GuestSocket::close()
{
    m_listener.close();
    m_directory.reset();
}

} // namespace beacon
