#pragma once

#include "core/base/address.h"
#include "core/base/clock.h"

#include <map>
#include <optional>
#include <vector>

namespace beacon {

/// Which MAC answers for a next hop. Pure logic: whoever owns it sends the questions and hands in the answers.
///
/// Asks at most kAsks times, kAskEvery apart; then the hop is silent for kSilentFor. An answer is trusted for kFreshFor
/// and asked for again while it stays in use. Only hops that were asked about are learned, so the table is bounded by
/// them.
class Neighbours {
public:
    static constexpr int kAsks = 3;
    static constexpr std::chrono::milliseconds kAskEvery{300};
    static constexpr std::chrono::seconds kSilentFor{5};
    static constexpr std::chrono::seconds kFreshFor{60};

    enum class State { Asking, Known, Silent };
    struct Answer {
        State state = State::Asking;
        MacAddress mac; ///< when Known
    };

    /// What is known of `hop`; begins asking where nothing is.
    [[nodiscard]] Answer lookup(const IpAddress& hop, MonotonicTime now);

    /// Whom to ask now; each is counted as asked.
    [[nodiscard]] std::vector<IpAddress> due(MonotonicTime now);

    /// `mac` claims `hop`. Ignored where nobody asked.
    void heard(const IpAddress& hop, const MacAddress& mac, MonotonicTime now);

    /// After a change of link or route.
    void forget() { m_hops.clear(); }

private:
    struct Entry {
        std::optional<MacAddress> mac;
        int asked = 0;
        MonotonicTime nextAsk;
        MonotonicTime knownUntil;
        MonotonicTime silentUntil;
    };
    std::map<IpAddress, Entry> m_hops;
};

} // namespace beacon
