#pragma once

#include <string>
#include <string_view>

namespace beacon::test {

/// Holds one event, as JSON text, against resources/schema/event.json and the definition of its type in
/// event_data.json. Empty: it is valid. Otherwise what is wrong, one finding a line. A type that has no definition is
/// wrong.
[[nodiscard]] std::string schemaComplaint(std::string_view event);

} // namespace beacon::test
