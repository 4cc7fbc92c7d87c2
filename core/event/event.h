#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/event/event_types.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <QUuid>

#include <optional>

namespace beacon {

inline constexpr qsizetype kMaxEventBytes = 256 * 1024; ///< of one event as JSON text
inline constexpr qsizetype kMaxEventMessage = 1'024; ///< UTF-16 units; longer ones are cut when made, refused when read

/// One event: the envelope of design section 6, schema resources/schema/event.json.
struct Event {
    QUuid uuid; ///< version 7
    QUuid contextUuid; ///< the first of the chain; its own where it starts one
    WallTime timestamp{};
    QString type;
    QString message; ///< one sentence for a person
    Severity severity = Severity::Informational;
    QString sourceInstrument; ///< "beacon_0@plant7"
    QString sourceSensor;
    QString instrumentType;
    std::optional<qint64> sensorEventId; ///< given by the Sensor; none when stand-alone
    quint64 seq = 0; ///< per Instrument run, from 1
    QJsonObject metadata;
    QJsonObject data;

    /// Bulk may be dropped first and never delays the rest. A type that is not ours is not bulk.
    [[nodiscard]] bool isBulk() const;
};

[[nodiscard]] QJsonObject toJson(const Event& event);

/// Compact, without a newline.
[[nodiscard]] QByteArray toLine(const Event& event);

/// BadInput names the first key that is missing or of a wrong kind. Unknown keys are ignored.
[[nodiscard]] Result<Event> eventFromJson(const QJsonObject& object);

/// The same from text. TooLarge: over kMaxEventBytes. BadInput: no JSON object, or nested deeper than 32.
[[nodiscard]] Result<Event> eventFromLine(const QByteArray& line);

/// Unix seconds with microseconds, as JSON carries them.
[[nodiscard]] double toUnixSeconds(WallTime time) noexcept;
[[nodiscard]] WallTime fromUnixSeconds(double seconds) noexcept;

} // namespace beacon
