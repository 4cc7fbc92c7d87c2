#pragma once

#include "core/rpc/peer.h"
#include "tests/support/running_program.h"

#include <QHash>
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
    bool startAlone(); ///< and do not connect
    void setChildModifier(const std::function<void()>& modifier) { m_program.setChildModifier(modifier); }
    void setWantsLines(bool wants) { m_wantsLines = wants; } ///< of the next client; otherwise events only
    bool connectClient(quint64 since = 0);

    [[nodiscard]] qint64 pid() const { return m_program.pid(); }
    [[nodiscard]] QList<qint64> children() const { return childrenOf(pid()); }
    [[nodiscard]] qint64 beaconPid() const; ///< 0: none, or several
    [[nodiscard]] QStringList arguments() const;
    [[nodiscard]] QString dir() const { return m_dir.path(); } ///< of all its files
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
    /// The words of a reason that holds or ever held, the latest; empty: it never did.
    [[nodiscard]] QString said(const char* code) const { return m_said.value(QLatin1StringView(code)); }
    QJsonObject call(const QString& method); ///< and waits for the answer; empty, and a complaint, where it is an error
    QJsonObject facts() { return call(QStringLiteral("health.get")).value(QStringLiteral("facts")).toObject(); }
    QString life() { return facts().value(QStringLiteral("life")).toString(); }
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
    QHash<QString, QString> m_said;
    bool m_wantsLines = true;
    QString m_status;
    qint64 m_lastSeq = 0;
};

} // namespace beacon::test
