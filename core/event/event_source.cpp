#include "core/event/event_source.h"

#include <algorithm>

namespace beacon {

namespace {

QString nameFor(const EventType& type, const QString& instrumentType)
{
    return QString::fromUtf8(type.name.data(), static_cast<qsizetype>(type.name.size()))
        .replace(QLatin1Char('*'), instrumentType);
}

} // namespace

EventSource::EventSource(Identity identity, const Clock& clock)
    : m_identity(std::move(identity))
    , m_clock(clock)
    , m_uuids(clock)
{
}

Event EventSource::make(EventId id, const QString& message, const QJsonObject& data)
{
    return make(id, message, data, Options{});
}

Event EventSource::make(EventId id, const QString& message, const QJsonObject& data, const Options& options)
{
    const EventType& type = eventType(id);
    Event event;
    event.uuid = m_uuids.next();
    event.contextUuid = options.context.isNull() ? event.uuid : options.context;
    event.timestamp = m_clock.wall();
    event.type = nameFor(type, m_identity.type);
    event.message = message.left(kMaxEventMessage);
    event.severity = std::clamp(options.severity.value_or(type.least), type.least, type.most);
    event.sourceInstrument = m_identity.instrument;
    event.sourceSensor = m_identity.sensor;
    event.instrumentType = m_identity.type;
    event.seq = takeSeq();
    event.metadata = options.metadata;
    event.data = data;
    return event;
}

Event EventSource::follow(const Event& cause, EventId id, const QString& message, const QJsonObject& data)
{
    return make(id, message, data, Options{.severity = {}, .context = cause.contextUuid, .metadata = {}});
}

} // namespace beacon
