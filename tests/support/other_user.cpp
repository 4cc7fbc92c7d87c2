#include "tests/support/other_user.h"

#include <QFile>
#include <QTest>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace beacon::test {

namespace {

constexpr int kPatienceMs = 10'000;

/// System calls only: the process that forked may have threads.
int talk(const OtherUser& user, const sockaddr_un& address, const QByteArray& text, int out)
{
    if (::setgroups(user.groups.size(), user.groups.data()) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
        return errno;
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return errno;
    if (::write(socket, text.constData(), static_cast<std::size_t>(text.size())) != text.size())
        return errno;
    char byte = 0;
    while (::read(socket, &byte, 1) == 1 && byte != '\n')
        if (::write(out, &byte, 1) != 1)
            return errno;
    return 0;
}

} // namespace

bool canBecomeOthers()
{
    return ::geteuid() == 0;
}

QByteArray sayAs(const OtherUser& user, const QString& path, const QByteArray& text)
{
    const QByteArray name = QFile::encodeName(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() >= static_cast<qsizetype>(sizeof address.sun_path))
        return "the path is too long";
    std::memcpy(address.sun_path, name.constData(), static_cast<std::size_t>(name.size()));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return "errno " + QByteArray::number(errno);
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(talk(user, address, text, ends[1]));
    ::close(ends[1]);
    QByteArray heard;
    (void)QTest::qWaitFor(
        [&] {
            char bytes[4096];
            const ssize_t got = ::read(ends[0], bytes, sizeof bytes);
            heard.append(bytes, qMax<ssize_t>(0, got));
            return got == 0;
        },
        kPatienceMs);
    ::close(ends[0]);
    ::kill(child, SIGKILL); // it has ended, or will not
    int status = 0;
    ::waitpid(child, &status, 0);
    const bool failed = WIFEXITED(status) && WEXITSTATUS(status) != 0;
    return failed ? "errno " + QByteArray::number(WEXITSTATUS(status)) : heard;
}

} // namespace beacon::test
