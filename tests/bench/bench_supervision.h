#pragma once

#include <chrono>
#include <functional>

namespace beacon::bench {

inline constexpr const char* kLauncher = BEACON_BIN_DIR "/beacon-launch";
inline constexpr const char* kInstrument = BEACON_BIN_DIR "/beacon-instrument";
inline constexpr const char* kTarget = TARGETS_DIR "/bench_beacon";

/// Runs the event loop until `isSo`; false: it did not come to that.
bool spinUntil(const std::function<bool()>& isSo, std::chrono::milliseconds within);

/// Each prints its rows; false: it could not be measured.
[[nodiscard]] bool benchRestarts();
[[nodiscard]] bool benchPeersRestarts();
[[nodiscard]] bool benchLines();
[[nodiscard]] bool benchPeersLines();
[[nodiscard]] bool benchLatency();
/// An idle minute; `meanwhile` is run while it lasts.
[[nodiscard]] bool benchIdle(bool (*meanwhile)());

} // namespace beacon::bench
