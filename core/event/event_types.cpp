#include "core/event/event_types.h"

namespace beacon {

std::string_view severityName(Severity severity) noexcept
{
    switch (severity) {
    case Severity::Informational:
        return "informational";
    case Severity::Low:
        return "low";
    case Severity::Medium:
        return "medium";
    case Severity::High:
        return "high";
    case Severity::Critical:
        return "critical";
    }
    return "informational";
}

namespace {

bool matches(std::string_view pattern, std::string_view name)
{
    const auto star = pattern.find('*');
    if (star == std::string_view::npos)
        return pattern == name;
    const std::string_view head = pattern.substr(0, star);
    const std::string_view tail = pattern.substr(star + 1);
    if (name.size() <= head.size() + tail.size() || !name.starts_with(head) || !name.ends_with(tail))
        return false;
    return name.substr(head.size(), name.size() - head.size() - tail.size()).find('.') == std::string_view::npos;
}

} // namespace

const EventType* findEventType(std::string_view name) noexcept
{
    for (const EventType& type : kEventTypes)
        if (matches(type.name, name))
            return &type;
    return nullptr;
}

} // namespace beacon
