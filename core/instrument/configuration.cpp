#include "core/instrument/configuration.h"

#include "core/base/json_depth.h"
#include "core/event/event.h"

#include <QJsonDocument>

#include <cmath>

namespace beacon {

namespace {

constexpr qsizetype kMostName = 256;
constexpr double kMostVersion = 9'007'199'254'740'992.0; // 2^53: JSON's exact integers
constexpr int kMostNesting = 32;

using K = QLatin1StringView;
constexpr K kTarget{"target"}, kVersion{"version"}, kUuid{"uuid"}, kTimestamp{"timestamp"},
    kSource{"source_instrument"}, kConfig{"config"};

QString pointerTo(K key)
{
    return QLatin1Char('/') + key;
}

} // namespace

QJsonObject toJson(const ConfigDocument& document)
{
    return {{kTarget, document.target}, {kVersion, document.version},
        {kUuid, document.uuid.toString(QUuid::WithoutBraces)}, {kTimestamp, toUnixSeconds(document.timestamp)},
        {kSource, document.sourceInstrument}, {kConfig, document.config}};
}

std::variant<ConfigDocument, std::vector<Fault>> documentFromJson(const QJsonObject& object)
{
    std::vector<Fault> faults;
    const auto bad = [&faults](K key, const QString& text) { faults.push_back({pointerTo(key), text}); };
    const auto text = [&](K key) {
        const QJsonValue value = object.value(key);
        if (!value.isString() || value.toString().isEmpty() || value.toString().size() > kMostName)
            bad(key, QStringLiteral("must be a string of 1 to %1 characters").arg(kMostName));
        return value.toString();
    };
    ConfigDocument document;
    document.target = text(kTarget);
    const QJsonValue version = object.value(kVersion);
    if (!version.isDouble() || !(version.toDouble() >= 1 && version.toDouble() <= kMostVersion)
        || std::trunc(version.toDouble()) != version.toDouble())
        bad(kVersion, QStringLiteral("must be a whole number from 1"));
    else
        document.version = static_cast<qint64>(version.toDouble());
    document.uuid = QUuid::fromString(object.value(kUuid).toString());
    if (document.uuid.isNull())
        bad(kUuid, QStringLiteral("must be a UUID"));
    const QJsonValue timestamp = object.value(kTimestamp);
    if (!timestamp.isDouble() || !(timestamp.toDouble() >= 0 && timestamp.toDouble() < 1e11))
        bad(kTimestamp, QStringLiteral("must be a time in Unix seconds"));
    else
        document.timestamp = fromUnixSeconds(timestamp.toDouble());
    document.sourceInstrument = text(kSource);
    if (!object.value(kConfig).isObject())
        bad(kConfig, QStringLiteral("must be a JSON object { … }"));
    document.config = object.value(kConfig).toObject();
    if (!faults.empty())
        return faults;
    return document;
}

QStringList changedFrom(const QJsonObject& before, const QJsonObject& now)
{
    QStringList keys;
    for (auto at = before.begin(); at != before.end(); ++at)
        if (now.value(at.key()) != at.value())
            keys.append(at.key());
    for (auto at = now.begin(); at != now.end(); ++at)
        if (!before.contains(at.key()))
            keys.append(at.key());
    keys.sort();
    return keys;
}

ConfigurationInForce::ConfigurationInForce(QString address, QString type, const Schema& schema, Check more)
    : m_address(std::move(address))
    , m_type(std::move(type))
    , m_schema(schema)
    , m_more(std::move(more))
{
}

std::variant<ConfigurationInForce::Applied, std::vector<Fault>> ConfigurationInForce::apply(const QJsonObject& envelope)
{
    const QByteArray bytes = QJsonDocument{envelope}.toJson(QJsonDocument::Compact);
    if (bytes.size() > kMaxBytes)
        return std::vector{Fault{QString{},
            QStringLiteral("is %1 bytes long, but may have %2; make it smaller").arg(bytes.size()).arg(kMaxBytes)}};
    if (jsonDepth({bytes.data(), static_cast<std::size_t>(bytes.size())}) > kMostNesting)
        return std::vector{
            Fault{QString{}, QStringLiteral("is nested deeper than %1 levels; flatten it").arg(kMostNesting)}};
    auto read = documentFromJson(envelope);
    if (auto* faults = std::get_if<std::vector<Fault>>(&read))
        return std::move(*faults);
    auto& document = std::get<ConfigDocument>(read);
    if (document.target != m_address && document.target != m_type)
        return std::vector{Fault{
            pointerTo(kTarget), QStringLiteral("is for somebody else; it must be %1 or %2").arg(m_address, m_type)}};
    if (m_document && document.version <= m_document->version) {
        if (document.version == m_document->version && document.uuid == m_document->uuid)
            return Applied{document.version, document.version, {}, true};
        return std::vector{Fault{pointerTo(kVersion),
            QStringLiteral("is %1, but %2 is in force; read that one and save the change again")
                .arg(document.version)
                .arg(m_document->version)}};
    }
    auto faults = m_schema.check(document.config);
    const QJsonObject full = m_schema.withDefaults(document.config);
    if (faults.empty() && m_more)
        faults = m_more(full);
    if (!faults.empty()) {
        for (Fault& fault : faults)
            fault.pointer.prepend(pointerTo(kConfig));
        return faults;
    }
    Applied applied{document.version, std::nullopt, changedFrom(m_config, full), false};
    if (m_document)
        applied.previous = m_document->version;
    m_config = full;
    m_document = std::move(document);
    return applied;
}

} // namespace beacon
