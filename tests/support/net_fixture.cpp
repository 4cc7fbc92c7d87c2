#include "tests/support/net_fixture.h"

#include <QProcess>

#include <cerrno>
#include <cstring>
#include <sched.h>
#include <unistd.h>

namespace beacon::test {

bool enterOwnNetwork(QString& why)
{
    const bool isRoot = ::geteuid() == 0;
    if (::unshare(isRoot ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return true;
    why = QStringLiteral("no network namespace can be made: %1").arg(QString::fromLocal8Bit(std::strerror(errno)));
    return false;
}

bool ip(const QString& arguments)
{
    QProcess process;
    auto environment = QProcessEnvironment::systemEnvironment();
    environment.insert(
        QStringLiteral("PATH"), environment.value(QStringLiteral("PATH")) + QStringLiteral(":/usr/sbin:/sbin"));
    process.setProcessEnvironment(environment);
    process.setProcessChannelMode(QProcess::ForwardedChannels);
    process.start(QStringLiteral("sh"), {QStringLiteral("-c"), QStringLiteral("exec ip ") + arguments});
    return process.waitForFinished() && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
}

} // namespace beacon::test
