#include "core/rpc/listener.h"

#include <QFile>
#include <QFileInfo>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace beacon::rpc {

namespace {

constexpr std::chrono::milliseconds kRetry{250};
constexpr std::chrono::milliseconds kTurnedAwayFor{1000};
constexpr std::size_t kMaxTurnedAway = 16;
constexpr int kAcceptsPerTurn = 64;

Result<sockaddr_un> addressOf(const QByteArray& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.isEmpty() || path.size() >= static_cast<qsizetype>(sizeof address.sun_path))
        return Error{Errc::BadInput, 0, "socket path " + path.toStdString() + " has not 1 to 107 bytes"};
    std::memcpy(address.sun_path, path.data(), static_cast<std::size_t>(path.size()));
    return address;
}

/// Also its parents, with the same mode whatever the umask.
Result<> makeDirectory(const QString& path, mode_t mode)
{
    const QByteArray name = QFile::encodeName(path);
    struct stat status { };
    if (::stat(name.constData(), &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return {};
        return Error{Errc::BadInput, 0, name.toStdString() + " is not a directory"};
    }
    const QString parent = QFileInfo(path).path();
    if (parent != path)
        if (auto made = makeDirectory(parent, mode); !made)
            return made;
    if (::mkdir(name.constData(), mode) != 0 && errno != EEXIST)
        return systemError("create directory " + name.toStdString());
    if (::chmod(name.constData(), mode) != 0)
        return systemError("set the mode of " + name.toStdString());
    return {};
}

/// Whether `address` is free to bind; removes what a dead process left.
Result<> clearStale(const sockaddr_un& address)
{
    const std::string path = address.sun_path;
    struct stat status { };
    if (::lstat(path.c_str(), &status) != 0)
        return errno == ENOENT ? Result<>{} : Result<>{systemError("look at " + path)};
    if (!S_ISSOCK(status.st_mode))
        return Error{Errc::BadInput, 0, path + " is there and is not a socket"};
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe)
        return systemError("create a socket");
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
        return Error{Errc::Busy, 0, "another process listens on " + path};
    if (errno != ECONNREFUSED)
        return systemError("connect to " + path);
    if (::unlink(path.c_str()) != 0)
        return systemError("remove stale " + path);
    return {};
}

} // namespace

Listener::Listener(QObject* parent)
    : QObject(parent)
{
    m_retry.setSingleShot(true);
    connect(&m_retry, &QTimer::timeout, this, [this] {
        m_notifier->setEnabled(true);
        accept();
    });
    m_letGo.setSingleShot(true);
    connect(&m_letGo, &QTimer::timeout, this, [this] { m_turnedAway.clear(); });
}

Listener::~Listener()
{
    close();
}

Result<> Listener::listen(const Settings& settings)
{
    const QByteArray path = QFile::encodeName(settings.path);
    const auto address = addressOf(path);
    if (!address)
        return address.error();
    if (auto made = makeDirectory(QFileInfo(settings.path).path(), settings.directoryMode); !made)
        return made;
    if (auto cleared = clearStale(*address); !cleared)
        return cleared;
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return systemError("create a socket");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return systemError("bind " + path.toStdString());
    // Before listen(2) nobody can connect, so the mode is right from the first client on.
    if (settings.group && ::lchown(path.constData(), static_cast<uid_t>(-1), *settings.group) != 0)
        return systemError("set the group of " + path.toStdString());
    if (::chmod(path.constData(), settings.mode) != 0)
        return systemError("set the mode of " + path.toStdString());
    if (::listen(socket.get(), SOMAXCONN) != 0)
        return systemError("listen on " + path.toStdString());
    struct stat status { };
    if (::lstat(path.constData(), &status) != 0)
        return systemError("look at " + path.toStdString());

    close();
    m_device = status.st_dev;
    m_inode = status.st_ino;
    m_settings = settings;
    m_socket = std::move(socket);
    m_notifier = std::make_unique<QSocketNotifier>(m_socket.get(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &Listener::accept);
    return {};
}

void Listener::close()
{
    if (!m_socket)
        return;
    m_retry.stop();
    m_notifier.reset();
    m_socket.reset();
    const QByteArray path = QFile::encodeName(m_settings.path);
    struct stat status { };
    if (::lstat(path.constData(), &status) == 0 && status.st_dev == m_device && status.st_ino == m_inode)
        ::unlink(path.constData());
    for (Peer* peer : std::exchange(m_peers, {})) {
        peer->disconnect(this);
        peer->close();
        peer->deleteLater();
    }
    m_turnedAway.clear();
}

void Listener::accept()
{
    for (int i = 0; i < kAcceptsPerTurn && m_socket; ++i) {
        UniqueFd client(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client) {
            m_exhausted = false;
            if (clients() >= m_settings.maxClients)
                turnAway(std::move(client));
            else
                adopt(std::move(client));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            m_notifier->setEnabled(false); // it would fire without end
            m_retry.start(kRetry);
            m_turnedAway.clear();
            if (!std::exchange(m_exhausted, true))
                Q_EMIT descriptorsExhausted();
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
    }
}

void Listener::adopt(UniqueFd socket)
{
    auto local = std::make_unique<QLocalSocket>();
    if (!local->setSocketDescriptor(socket.get()))
        return; // the caller's descriptor is closed with `socket`
    (void)socket.release();
    auto* peer = new Peer(std::move(local), this);
    m_peers.push_back(peer);
    connect(peer, &Peer::closed, this, [this, peer] {
        std::erase(m_peers, peer);
        peer->deleteLater();
    });
    Q_EMIT accepted(peer);
}

void Listener::turnAway(UniqueFd socket)
{
    const QByteArray why = encode(Response{QJsonValue(),
        RpcError{Code::Busy, QStringLiteral("%1 clients are connected; close one of them").arg(m_settings.maxClients),
            QJsonValue::Undefined}});
    (void)::send(socket.get(), why.constData(), static_cast<std::size_t>(why.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(socket.get(), SHUT_WR);
    if (m_turnedAway.size() >= kMaxTurnedAway)
        m_turnedAway.erase(m_turnedAway.begin());
    m_turnedAway.push_back(std::move(socket));
    m_letGo.start(kTurnedAwayFor);
}

} // namespace beacon::rpc
