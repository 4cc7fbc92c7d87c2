#include "core/admin/messages.h"

#include "core/event/event.h"

#include <algorithm>
#include <array>

namespace beacon::admin {

namespace {

constexpr qsizetype kMaxPrefixes = 64;
constexpr qsizetype kMaxReasons = 256;

const auto kProtocolKey = QStringLiteral("protocol");
const auto kRoleKey = QStringLiteral("role");
const auto kInstrumentKey = QStringLiteral("instrument");
const auto kInterfaceKey = QStringLiteral("interface");
const auto kVersionKey = QStringLiteral("version");
const auto kRunKey = QStringLiteral("run");
const auto kLastSeqKey = QStringLiteral("last_seq");
const auto kTypesKey = QStringLiteral("types");
const auto kSeverityKey = QStringLiteral("severity");
const auto kAttemptsKey = QStringLiteral("attempts");
const auto kSinceSeqKey = QStringLiteral("since_seq");
const auto kEventsKey = QStringLiteral("events");
const auto kMissedKey = QStringLiteral("missed");
const auto kStatusKey = QStringLiteral("status");
const auto kReasonsKey = QStringLiteral("reasons");
const auto kFactsKey = QStringLiteral("facts");
const auto kCodeKey = QStringLiteral("code");
const auto kTextKey = QStringLiteral("text");
const auto kSinceKey = QStringLiteral("since");

Error bad(const QString& key, const char* what)
{
    return {Errc::BadInput, 0, key.toStdString() + ' ' + what};
}

std::optional<quint64> unsignedFrom(const QJsonValue& value)
{
    const qint64 number = value.toInteger(-1);
    if (number < 0)
        return std::nullopt;
    return static_cast<quint64>(number);
}

Result<QList<QJsonObject>> objectsFrom(const QJsonObject& object, const QString& key)
{
    const QJsonValue value = object.value(key);
    if (!value.isUndefined() && !value.isArray())
        return bad(key, "must be an array");
    QList<QJsonObject> objects;
    for (const QJsonValue& element : value.toArray()) {
        if (!element.isObject())
            return bad(key, "must hold objects");
        objects.append(element.toObject());
    }
    return objects;
}

QJsonArray arrayOf(const QList<QJsonObject>& objects)
{
    QJsonArray array;
    for (const QJsonObject& object : objects)
        array.append(object);
    return array;
}

} // namespace

QJsonObject toJson(const Hello& hello)
{
    return {{kProtocolKey, hello.protocol},
        {kRoleKey, hello.role == Role::Admin ? QStringLiteral("admin") : QStringLiteral("observer")},
        {kInstrumentKey, hello.instrument}, {kInterfaceKey, hello.interface}, {kVersionKey, hello.version},
        {kRunKey, hello.run.toString(QUuid::WithoutBraces)}, {kLastSeqKey, static_cast<qint64>(hello.lastSeq)}};
}

Result<Hello> helloFromJson(const QJsonObject& object)
{
    Hello hello;
    hello.protocol = object.value(kProtocolKey).toInt(0);
    if (hello.protocol != kProtocol)
        return bad(kProtocolKey, "must be 1");
    const QString role = object.value(kRoleKey).toString();
    if (role != QLatin1StringView("admin") && role != QLatin1StringView("observer"))
        return bad(kRoleKey, "must be admin or observer");
    hello.role = role == QLatin1StringView("admin") ? Role::Admin : Role::Observer;
    for (const auto& [key, to] : {std::pair{kInstrumentKey, &hello.instrument},
             std::pair{kInterfaceKey, &hello.interface}, std::pair{kVersionKey, &hello.version}}) {
        if (!object.value(key).isString())
            return bad(key, "must be a string");
        *to = object.value(key).toString();
    }
    hello.run = QUuid(object.value(kRunKey).toString());
    if (hello.run.isNull())
        return bad(kRunKey, "must be a UUID");
    const auto lastSeq = unsignedFrom(object.value(kLastSeqKey));
    if (!lastSeq)
        return bad(kLastSeqKey, "must be a number from 0");
    hello.lastSeq = *lastSeq;
    return hello;
}

bool Subscription::wantsEvent(const QString& type, Severity of) const
{
    if (of < severity)
        return false;
    if (types.isEmpty())
        return true;
    return std::any_of(types.begin(), types.end(), [&](const QString& prefix) { return type.startsWith(prefix); });
}

QJsonObject toJson(const Subscription& subscription)
{
    QJsonObject object{{kTypesKey, QJsonArray::fromStringList(subscription.types)},
        {kSeverityKey, number(subscription.severity)}, {kAttemptsKey, subscription.attempts}};
    if (subscription.sinceSeq)
        object.insert(kSinceSeqKey, static_cast<qint64>(*subscription.sinceSeq));
    return object;
}

Result<Subscription> subscriptionFromJson(const QJsonObject& object)
{
    Subscription subscription;
    const QJsonValue types = object.value(kTypesKey);
    if (!types.isUndefined() && (!types.isArray() || types.toArray().size() > kMaxPrefixes))
        return bad(kTypesKey, "must be an array of at most 64 prefixes");
    for (const QJsonValue& prefix : types.toArray()) {
        if (!prefix.isString())
            return bad(kTypesKey, "must hold strings");
        subscription.types.append(prefix.toString());
    }
    const auto severity =
        severityFromNumber(object.value(kSeverityKey).toInteger(object.contains(kSeverityKey) ? 0 : 1));
    if (!severity)
        return bad(kSeverityKey, "must be 1 to 5");
    subscription.severity = *severity;
    const QJsonValue attempts = object.value(kAttemptsKey);
    if (!attempts.isUndefined() && !attempts.isBool())
        return bad(kAttemptsKey, "must be true or false");
    subscription.attempts = attempts.toBool(true);
    const QJsonValue since = object.value(kSinceSeqKey);
    if (!since.isUndefined() && !since.isNull()) {
        subscription.sinceSeq = unsignedFrom(since);
        if (!subscription.sinceSeq)
            return bad(kSinceSeqKey, "must be a number from 0");
    }
    return subscription;
}

QJsonObject toJson(const EventBatch& batch)
{
    return {{kEventsKey, arrayOf(batch.events)}, {kAttemptsKey, arrayOf(batch.attempts)},
        {kMissedKey, static_cast<qint64>(batch.missed)}};
}

Result<EventBatch> eventBatchFromJson(const QJsonObject& object)
{
    auto events = objectsFrom(object, kEventsKey);
    if (!events)
        return events.error();
    auto attempts = objectsFrom(object, kAttemptsKey);
    if (!attempts)
        return attempts.error();
    const auto missed =
        object.contains(kMissedKey) ? unsignedFrom(object.value(kMissedKey)) : std::optional<quint64>(0);
    if (!missed)
        return bad(kMissedKey, "must be a number from 0");
    return EventBatch{*std::move(events), *std::move(attempts), *missed};
}

QLatin1StringView statusName(Status status) noexcept
{
    switch (status) {
    case Status::Pending:
        return QLatin1StringView("PENDING");
    case Status::Ok:
        return QLatin1StringView("OK");
    case Status::Warning:
        return QLatin1StringView("WARNING");
    case Status::Error:
        return QLatin1StringView("ERROR");
    }
    return QLatin1StringView("ERROR");
}

std::optional<Status> statusFromName(const QString& name) noexcept
{
    for (const Status status : std::to_array({Status::Pending, Status::Ok, Status::Warning, Status::Error}))
        if (name == statusName(status))
            return status;
    return std::nullopt;
}

QJsonObject toJson(const Health& health)
{
    QJsonArray reasons;
    for (const HealthReason& reason : health.reasons)
        reasons.append(QJsonObject{{kCodeKey, reason.code}, {kSeverityKey, number(reason.severity)},
            {kTextKey, reason.text}, {kSinceKey, toUnixSeconds(reason.since)}});
    return {{kStatusKey, QString(statusName(health.status))}, {kReasonsKey, reasons}, {kFactsKey, health.facts}};
}

Result<Health> healthFromJson(const QJsonObject& object)
{
    Health health;
    const auto status = statusFromName(object.value(kStatusKey).toString());
    if (!status)
        return bad(kStatusKey, "must be PENDING, OK, WARNING or ERROR");
    health.status = *status;
    const auto reasons = objectsFrom(object, kReasonsKey);
    if (!reasons)
        return reasons.error();
    if (reasons->size() > kMaxReasons)
        return bad(kReasonsKey, "has too many elements");
    for (const QJsonObject& entry : *reasons) {
        HealthReason reason;
        const auto severity = severityFromNumber(entry.value(kSeverityKey).toInteger(0));
        if (!severity || !entry.value(kCodeKey).isString() || !entry.value(kTextKey).isString()
            || !entry.value(kSinceKey).isDouble())
            return bad(kReasonsKey, "must hold code, severity, text and since");
        reason.severity = *severity;
        reason.code = entry.value(kCodeKey).toString();
        reason.text = entry.value(kTextKey).toString();
        reason.since = fromUnixSeconds(entry.value(kSinceKey).toDouble());
        health.reasons.append(reason);
    }
    if (!object.value(kFactsKey).isUndefined() && !object.value(kFactsKey).isObject())
        return bad(kFactsKey, "must be an object");
    health.facts = object.value(kFactsKey).toObject();
    return health;
}

} // namespace beacon::admin
