#pragma once

#include "core/admin/messages.h"
#include "core/instrument/health.h"
#include "core/lines/line.h"
#include "core/netlink/link_monitor.h"
#include "core/options/options.h"
#include "core/supervision/process.h"

#include <QJsonObject>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// The `data` and `message` of each event that the Instrument publishes: resources/schema/event_data.json.
namespace beacon {

[[nodiscard]] QJsonObject interfaceData(const LinkState& link);
[[nodiscard]] QString interfaceSentence(const LinkState& link);
[[nodiscard]] QJsonObject outputData(const std::string& text, Stream stream, bool truncated, quint64 dropped);
[[nodiscard]] QJsonObject escapeData(const EscapeLine& line, std::uint32_t run);
[[nodiscard]] QString escapeSentence(const EscapeLine& line);
/// "pid_namespace, user beacon, capabilities net_raw": the health fact `containment`. Asks the host for the user's
/// name.
[[nodiscard]] QString containmentText(const Containment& containment);
[[nodiscard]] QJsonObject processStarted(qint64 pid, const std::optional<std::string>& version); ///< nullopt: foreign
[[nodiscard]] QJsonObject processExited(
    const Exit& exit, std::chrono::milliseconds uptime, const std::vector<std::string>& lastLines);

} // namespace beacon
