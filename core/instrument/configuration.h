#pragma once

#include "core/base/clock.h"
#include "core/instrument/schema.h"

#include <QJsonObject>
#include <QStringList>
#include <QUuid>

#include <functional>
#include <optional>
#include <variant>
#include <vector>

namespace beacon {

/// A configuration document: the envelope of design section 7 and what it holds.
struct ConfigDocument {
    QString target; ///< whose it is: an address or a type
    qint64 version = 0; ///< from 1
    QUuid uuid;
    WallTime timestamp{};
    QString sourceInstrument; ///< who saved it
    QJsonObject config;
};
[[nodiscard]] QJsonObject toJson(const ConfigDocument& document);
/// Faults point into the envelope: "/version".
[[nodiscard]] std::variant<ConfigDocument, std::vector<Fault>> documentFromJson(const QJsonObject& object);

/// The keys of the first level whose values differ, sorted.
[[nodiscard]] QStringList changedFrom(const QJsonObject& before, const QJsonObject& now);

/// The configuration in force. A document is taken whole or not at all; a refused one leaves no trace.
///
/// Thread: one thread.
class ConfigurationInForce {
public:
    static constexpr qsizetype kMaxBytes = 512 * 1024; ///< of a document as text

    /// `address` and `type`: whose documents are taken. `more` says what the schema cannot; may be null.
    using Check = std::function<std::vector<Fault>(const QJsonObject& config)>;
    ConfigurationInForce(QString address, QString type, const Schema& schema, Check more);

    struct Applied {
        qint64 version = 0;
        std::optional<qint64> previous; ///< nothing: the first
        QStringList
            changed; ///< keys of the first level, sorted; also those that came or went. Defaults count as given.
        bool repeated = false; ///< the one in force came again (same version and uuid): nothing was done
    };
    /// Faults of the envelope point to its keys, those of the document into it: "/config/rate". A version that is not
    /// greater than the one in force is stale: "/version".
    [[nodiscard]] std::variant<Applied, std::vector<Fault>> apply(const QJsonObject& envelope);

    [[nodiscard]] const std::optional<ConfigDocument>& document() const noexcept { return m_document; }
    /// With defaults filled in; empty: none yet.
    [[nodiscard]] const QJsonObject& config() const noexcept { return m_config; }

private:
    QString m_address, m_type;
    const Schema& m_schema;
    Check m_more;
    std::optional<ConfigDocument> m_document;
    QJsonObject m_config;
};

} // namespace beacon
