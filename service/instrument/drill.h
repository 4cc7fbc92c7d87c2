#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/supervision/process.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// What to drill, and how.
struct DrillOrder {
    std::string interface; ///< what the throwaway segment's is called
    std::string beacon, launcher; ///< absolute paths
    std::optional<UserIds> user; ///< whom the Beacon runs as, where there may be others; nullopt: nobody else
    bool netAdmin = false; ///< whether it keeps CAP_NET_ADMIN
    std::vector<std::string> techniques; ///< empty: all that the Beacon has
    std::vector<std::uint16_t> ports;
    std::string directory; ///< which that user may pass through, for the identity and the Beacon's configuration; the
                           ///< caller removes it
    MonotonicTime deadline; ///< for the Beacon to escape; the result follows within kLinger
};

struct DrillResult {
    bool escaped = false;
    std::string json; ///< one object, without a newline
};

/// Lets the Beacon escape from a throwaway network to a Home of its own, which is this process: it leaves the host's
/// network for good. What the Beacon leaves behind in processes is the caller's to end.
///
/// Thread:  for a process without other threads.
/// Errors:  the drill is not possible here; or it was told to stop by a signal of `signals`, a signalfd(2) (Timeout).
[[nodiscard]] Result<DrillResult> runDrill(const DrillOrder& order, int signals, const Clock& clock);

} // namespace beacon
