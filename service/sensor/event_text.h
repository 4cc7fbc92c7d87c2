#pragma once

#include "core/event/event.h"
#include "core/store/stored_event.h"

#include <vector>

namespace beacon {

inline constexpr qsizetype kTextSlack = 64; ///< what sensor_event_id adds to an event's text

/// The event as the store keeps it: its text made once, with the place where the store writes sensor_event_id.
[[nodiscard]] StoredEvent storedFrom(const Event& event);

/// {"events":[…]} of event.deliver, of the texts as they are.
[[nodiscard]] QByteArray eventsText(const std::vector<StoredEvent>& events);

} // namespace beacon
