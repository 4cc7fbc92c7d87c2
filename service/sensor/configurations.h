#pragma once

#include "core/instrument/schema.h"
#include "core/platform/link.h"
#include "service/sensor/documents.h"

#include <QJsonObject>
#include <QObject>

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace beacon {

/// The configuration of the Sensor and of every Instrument: desired documents on their way into force, and whether they
/// got there.
///
/// A document is checked against the schema, kept as Waiting, sent, and becomes Current when it was applied; refused at
/// any point it is kept as Rejected, and what was current stays so. Where nobody is there to take it, it waits.
///
/// Thread:  the thread that created it.
/// Errors:  an answer's error has one sentence; InvalidParams carries {"faults":[…]}, Busy (a stale base)
///          {"current","who","timestamp"}.
/// Owns:    nothing; borrows the Documents, which must outlive it.
class Configurations final : public QObject {
    Q_OBJECT
public:
    /// Who takes documents.
    struct Target {
        QJsonObject schema; ///< draft-07
        std::function<bool()> isThere;
        /// config.apply: the answer as an Instrument gives it.
        std::function<void(const QJsonObject& envelope, platform::Reply)> send;
    };
    struct Change {
        QJsonObject config; ///< secrets may be masked: as they are
        std::optional<qint64> base;
        QString who, why;
        bool check = false; ///< and leave it at that
    };
    /// Desired against reported.
    struct Drift {
        qint64 desired = 0; ///< version; 0: none
        std::optional<qint64> reported; ///< nothing: it reports none
        QString why; ///< empty: no drift
    };

    Configurations(Documents& documents, const Clock& clock, QString sensor, QObject* parent = nullptr);
    ~Configurations() override;

    void setTarget(const QString& name, Target target); ///< an unreadable schema takes no documents
    void forget(const QString& name);
    [[nodiscard]] bool has(const QString& name) const { return m_entries.contains(name); }

    void apply(const QString& name, const Change& change, platform::Reply reply);
    void rollBack(const QString& name, std::optional<qint64> version, Change change, platform::Reply reply);
    [[nodiscard]] platform::Answer get(const QString& name, std::optional<qint64> version) const;
    [[nodiscard]] platform::Answer history(const QString& name, int limit) const;
    [[nodiscard]] platform::Answer diff(const QString& name, const QJsonValue& from, const QJsonValue& to) const;
    [[nodiscard]] platform::Answer schemaOf(const QString& name) const;

    /// What hello is answered with: the document in force; nothing: none was ever confirmed.
    [[nodiscard]] std::optional<QJsonObject> envelopeInForce(const QString& name) const;
    void noteArrived(const QString& name); ///< sends what waits
    void noteReported(const QString& name, qint64 version);
    void noteLeft(const QString& name);
    [[nodiscard]] Drift driftOf(const QString& name) const;

Q_SIGNALS:
    void applied(const QString& name, qint64 version, std::optional<qint64> previous, const QStringList& changed);
    void rejected(const QString& name, qint64 version, const QJsonArray& faults);

private:
    struct Entry {
        Target target;
        std::optional<Schema> schema;
        std::optional<qint64> reported;
        bool sending = false;
    };
    [[nodiscard]] const Entry* find(const QString& name) const;
    [[nodiscard]] QJsonObject envelope(const QString& name, const ConfigVersion& version) const;
    /// The newest that is not rejected.
    [[nodiscard]] std::optional<ConfigVersion> desired(const QString& name) const;
    [[nodiscard]] QJsonObject maskedFor(const QString& name, const QJsonObject& config) const;
    void send(const QString& name, const ConfigVersion& version, const QStringList& changed, platform::Reply reply);
    void settle(const QString& name, const ConfigVersion& version, const QStringList& changed,
        const platform::Answer& answer, const platform::Reply& reply);
    void reject(const QString& name, const ConfigVersion& version, const std::vector<Fault>& faults,
        const platform::Reply& reply);
    void tellRejected(const QString& name, const ConfigVersion& version, const std::vector<Fault>& faults,
        const platform::Reply& reply);
    [[nodiscard]] std::optional<ConfigVersion> named(const QString& name, const QJsonValue& which) const;

    Documents& m_documents;
    const Clock& m_clock;
    QString m_sensor;
    std::map<QString, Entry> m_entries;
};

} // namespace beacon
