#include "core/event/event.h"

#include "core/base/json_depth.h"
#include "core/event/object_reader.h"
#include "core/event/uuid7.h"

#include <QJsonDocument>

#include <cmath>

namespace beacon {

namespace {

constexpr int kMaxNesting = 32;
constexpr qsizetype kMaxNameLength = 256;
constexpr double kLatestSecond = 253'402'300'799.0; // the end of year 9999

QString text(const QUuid& uuid)
{
    return uuid.toString(QUuid::WithoutBraces);
}

QUuid uuidOf(ObjectReader& reader, QLatin1StringView key)
{
    const QUuid value(reader.string(key, kMaxNameLength));
    if (!isUuid7(value))
        reader.complain(key, "must be a UUID of version 7");
    return value;
}

} // namespace

double toUnixSeconds(WallTime time) noexcept
{
    return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

WallTime fromUnixSeconds(double seconds) noexcept
{
    return WallTime{std::chrono::microseconds{std::llround(seconds * 1e6)}};
}

bool Event::isBulk() const
{
    const QByteArray name = type.toUtf8();
    const EventType* known = findEventType({name.data(), static_cast<std::size_t>(name.size())});
    return known != nullptr && known->bulk;
}

QJsonObject toJson(const Event& event)
{
    return {
        {QStringLiteral("schema"), QStringLiteral("event/1")},
        {QStringLiteral("uuid"), text(event.uuid)},
        {QStringLiteral("context_uuid"), text(event.contextUuid)},
        {QStringLiteral("timestamp"), toUnixSeconds(event.timestamp)},
        {QStringLiteral("type"), event.type},
        {QStringLiteral("message"), event.message},
        {QStringLiteral("severity"), number(event.severity)},
        {QStringLiteral("source_instrument"), event.sourceInstrument},
        {QStringLiteral("source_sensor"), event.sourceSensor},
        {QStringLiteral("instrument_type"), event.instrumentType},
        {QStringLiteral("sensor_event_id"), event.sensorEventId ? QJsonValue(*event.sensorEventId) : QJsonValue()},
        {QStringLiteral("seq"), static_cast<qint64>(event.seq)},
        {QStringLiteral("metadata"), event.metadata},
        {QStringLiteral("data"), event.data},
    };
}

QByteArray toLine(const Event& event)
{
    return QJsonDocument(toJson(event)).toJson(QJsonDocument::Compact);
}

Result<Event> eventFromJson(const QJsonObject& object)
{
    ObjectReader reader("event", object);
    if (reader.string(QLatin1StringView("schema"), kMaxNameLength) != QLatin1StringView("event/1"))
        reader.complain(QLatin1StringView("schema"), "is not event/1");
    Event event;
    event.uuid = uuidOf(reader, QLatin1StringView("uuid"));
    event.contextUuid = uuidOf(reader, QLatin1StringView("context_uuid"));
    event.timestamp = fromUnixSeconds(reader.number(QLatin1StringView("timestamp"), 0, kLatestSecond));
    event.type = reader.name(QLatin1StringView("type"), kMaxNameLength);
    event.message = reader.string(QLatin1StringView("message"), kMaxEventMessage);
    if (const auto severity = severityFromNumber(reader.integer(QLatin1StringView("severity"), 1)))
        event.severity = *severity;
    else
        reader.complain(QLatin1StringView("severity"), "is not 1 to 5");
    event.sourceInstrument = reader.string(QLatin1StringView("source_instrument"), kMaxNameLength);
    event.sourceSensor = reader.string(QLatin1StringView("source_sensor"), kMaxNameLength);
    event.instrumentType = reader.string(QLatin1StringView("instrument_type"), kMaxNameLength);
    if (!object.value(QLatin1StringView("sensor_event_id")).isNull())
        event.sensorEventId = reader.integer(QLatin1StringView("sensor_event_id"), 0);
    event.seq = static_cast<quint64>(reader.integer(QLatin1StringView("seq"), 0));
    event.metadata = reader.object(QLatin1StringView("metadata"));
    event.data = reader.object(QLatin1StringView("data"));
    return reader.result(std::move(event));
}

Result<Event> eventFromLine(const QByteArray& line)
{
    if (line.size() > kMaxEventBytes)
        return Error{Errc::TooLarge, 0, "event: over " + std::to_string(kMaxEventBytes) + " bytes"};
    if (jsonDepth({line.data(), static_cast<std::size_t>(line.size())}) > kMaxNesting)
        return Error{Errc::BadInput, 0, "event: nested deeper than " + std::to_string(kMaxNesting)};
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(line, &problem);
    if (!document.isObject())
        return Error{Errc::BadInput, 0, "event: no JSON object: " + problem.errorString().toStdString()};
    return eventFromJson(document.object());
}

} // namespace beacon
