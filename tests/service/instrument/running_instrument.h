#pragma once

#include "core/rpc/peer.h"
#include "tests/support/running_program.h"

#include <QJsonObject>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>
#include <optional>

namespace beacon::test {

/// A real beacon-instrument on interface `interface`, and a client of its admin socket that has subscribed to all.
/// Every event is held against its schema, and seq must rise; what is wrong lands in complaints().
class RunningInstrument {
public:
    explicit RunningInstrument(QString interface, QString beacon, QStringList more = {});
    ~RunningInstrument();

    bool start(); ///< and connect
    bool connectClient(quint64 since = 0);

    [[nodiscard]] qint64 pid() const { return m_program.pid(); }
    [[nodiscard]] QList<qint64> children() const { return childrenOf(pid()); }
    [[nodiscard]] qint64 beaconPid() const; ///< 0: none, or several
    [[nodiscard]] QStringList arguments() const;
    [[nodiscard]] QString configPath() const { return m_dir.filePath(QStringLiteral("config.json")); }
    [[nodiscard]] QString stateDir() const { return m_dir.filePath(QStringLiteral("state")); } ///< of all Instruments
    [[nodiscard]] QString journalPath() const;
    [[nodiscard]] QString runtimeFile(const char* name) const;
    void writeFile(const QString& path, const QByteArray& text) const;
    bool end(int signal, int withinMs) { return m_program.end(signal, withinMs); } ///< and wait

    /// Of type `instruments.` + `type`, the last one; empty: none after `after`.
    [[nodiscard]] QJsonObject last(const char* type, qint64 after = 0) const;
    [[nodiscard]] int count(const char* type) const;
    [[nodiscard]] QStringList healthCodes() const { return m_codes; }
    [[nodiscard]] QString healthStatus() const { return m_status; }
    [[nodiscard]] qint64 lastSeq() const { return m_lastSeq; }
    [[nodiscard]] QString complaints() const { return m_complaints.join(QLatin1Char('\n')); }
    [[nodiscard]] QByteArray log() const { return m_program.log(); }
    [[nodiscard]] int exitCode() const { return m_program.exitCode(); }

    QList<QJsonObject> events, attempts;

private:
    void onNotified(const QString& method, const QJsonObject& params);
    void onHealth(const QJsonObject& health);
    void checkSeq(const QJsonObject& entry);

    QTemporaryDir m_dir;
    QString m_interface, m_beacon;
    QStringList m_more;
    RunningProgram m_program;
    std::unique_ptr<rpc::Peer> m_peer;
    QStringList m_complaints, m_codes;
    QString m_status;
    qint64 m_lastSeq = 0;
};

} // namespace beacon::test
