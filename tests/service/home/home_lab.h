#pragma once

#include "core/base/unique_fd.h"
#include "core/escape/identity.h"

#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>

#include <memory>
#include <vector>

namespace beacon::test {

/// beacon-home in a network namespace of its own, a veth pair away from the test's: the test is the segment and the way
/// out.
///
/// Thread:  one, with a QCoreApplication.
/// Owns:    every process that it starts.
class HomeLab {
public:
    static inline const IpAddress kHome4 = *IpAddress::parse("10.77.0.2");
    static inline const IpAddress kHome6 = *IpAddress::parse("fd77::2");

    HomeLab();
    ~HomeLab();

    bool link(); ///< makes the pair of interfaces
    bool issue(); ///< a new identity
    void startHome(const QString& output = {}); ///< its alerts into a file or FIFO, else to events()
    bool waitServing(); ///< until TCP is open and the capture runs
    void killHome(); ///< SIGKILL
    int stopHome(); ///< SIGTERM; the exit code, -1 where it took over 10 s
    [[nodiscard]] bool running() const { return m_home.state() == QProcess::Running; }
    [[nodiscard]] qint64 pid() const { return m_home.processId(); }

    [[nodiscard]] const Identity& identity() const { return m_identity; }
    [[nodiscard]] TokenKey key() const { return TokenKey{m_identity.key}; }
    [[nodiscard]] QString database() const { return m_dir.filePath(QStringLiteral("home.db")); }
    [[nodiscard]] QString folder() const { return m_dir.path(); }

    /// Events of one type that came since the last start, once `count` of them are there or the time is over.
    std::vector<QJsonObject> events(const QString& type, std::size_t count = 0, int timeoutMs = 3'000);
    [[nodiscard]] const QByteArrayList& lines() const { return m_lines; }
    [[nodiscard]] QByteArray diagnostics();
    /// What `beacon-home VERB` prints, while Home serves or not.
    std::vector<QJsonObject> print(const QString& verb);
    /// `command` in Home's namespace; what it printed.
    QByteArray inside(const QStringList& command);

private:
    void collect();
    QStringList enter() const;

    QTemporaryDir m_dir;
    QProcess m_holder; ///< keeps Home's namespace while Home is away
    QProcess m_home;
    Identity m_identity;
    QByteArray m_partial;
    QByteArrayList m_lines;
    QByteArray m_diagnostics;
};

/// What came back to one payload, within `timeoutMs`; empty: nothing.
ByteBuffer askUdp(const IpAddress& to, std::uint16_t port, ByteView payload, int timeoutMs = 300);
ByteBuffer askTcp(const IpAddress& to, std::uint16_t port, ByteView payload, int timeoutMs = 1'000);
ByteBuffer askEcho(const IpAddress& to, ByteView payload, int timeoutMs = 300);

/// Whether a datagram is answered by an ICMP port unreachable.
bool isRefused(const IpAddress& to, std::uint16_t port);
/// A connection that says nothing; -1: none.
int openTcp(const IpAddress& to, std::uint16_t port);

} // namespace beacon::test
