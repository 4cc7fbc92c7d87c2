#pragma once

#include "core/base/unique_fd.h"

#include <QProcess>
#include <QString>
#include <QStringList>

#include <fcntl.h>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace beacon::test {

/// A network namespace that nothing joins to any other before a test does; gone with this, and what runs in it.
class NetPlace {
public:
    NetPlace()
    {
        std::thread{[this] {
            if (::unshare(CLONE_NEWNET) == 0)
                m_fd.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        }}.join();
    }

    [[nodiscard]] bool isThere() const { return static_cast<bool>(m_fd); }
    /// Serves as a pin for whoever may look at our descriptors.
    [[nodiscard]] QString path() const { return QStringLiteral("/proc/%1/fd/%2").arg(::getpid()).arg(m_fd.get()); }
    [[nodiscard]] std::string pin() const { return path().toStdString(); }

    /// The words of a command that is to run inside.
    [[nodiscard]] QStringList inside(const QStringList& command) const
    {
        return QStringList{QStringLiteral("/usr/bin/nsenter"), QStringLiteral("--net=") + path()} + command;
    }
    /// Runs a command to its end; true where it succeeded. Blanks separate its words.
    bool run(const QString& command) const
    {
        QProcess process;
        process.setProcessChannelMode(QProcess::ForwardedChannels);
        return finish(process, command);
    }
    /// Its stdout, trimmed.
    [[nodiscard]] QString ask(const QString& command) const
    {
        QProcess process;
        finish(process, command);
        return QString::fromLocal8Bit(process.readAllStandardOutput()).trimmed();
    }

private:
    bool finish(QProcess& process, const QString& command) const
    {
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("PATH"), QStringLiteral("/usr/sbin:/usr/bin:/sbin:/bin"));
        process.setProcessEnvironment(environment);
        QStringList words = inside(command.split(QLatin1Char(' '), Qt::SkipEmptyParts));
        const QString program = words.takeFirst();
        process.start(program, words);
        return process.waitForFinished() && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
    }

    UniqueFd m_fd;
};

} // namespace beacon::test
