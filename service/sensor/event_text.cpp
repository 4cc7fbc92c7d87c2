#include "service/sensor/event_text.h"

#include <QJsonDocument>

namespace beacon {

namespace {

constexpr QByteArrayView kIdKey{R"({"sensor_event_id":)"};

} // namespace

StoredEvent storedFrom(const Event& event)
{
    QJsonObject object = toJson(event);
    object.remove(QStringLiteral("sensor_event_id"));
    const QByteArray rest = QJsonDocument{object}.toJson(QJsonDocument::Compact);
    StoredEvent stored;
    stored.uuid = event.uuid.toRfc4122();
    stored.at = event.timestamp;
    stored.severity = number(event.severity);
    stored.type = event.type;
    stored.source = event.sourceInstrument;
    stored.json.reserve(kIdKey.size() + rest.size() + kTextSlack);
    stored.json.append(kIdKey).append(',').append(QByteArrayView{rest}.sliced(1));
    stored.idAt = kIdKey.size();
    stored.bulk = event.isBulk();
    return stored;
}

QByteArray eventsText(const std::vector<StoredEvent>& events)
{
    qsizetype size = 16;
    for (const StoredEvent& event : events)
        size += event.json.size() + 1;
    QByteArray text;
    text.reserve(size);
    text.append(R"({"events":[)");
    for (const StoredEvent& event : events) {
        if (&event != &events.front())
            text.append(',');
        text.append(event.json);
    }
    return text.append("]}");
}

} // namespace beacon
