#pragma once

#include "core/netlink/links.h"
#include "service/sensor/wiring.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace beacon {

/// The devices of the host as they are at one moment, and which of them may be given to Instruments.
///
/// Thread:  any one at a time.
class HostDevices {
public:
    [[nodiscard]] static Result<HostDevices> look(const NetworkNamespace& host);

    [[nodiscard]] const std::vector<Link>& all() const { return m_links; }
    [[nodiscard]] const Link* find(const std::string& name) const;
    /// The one device with this address that stands for itself; none where there are several.
    [[nodiscard]] const Link* withMac(const MacAddress& mac) const;

    /// One sentence, as an Error: nullopt where nothing stands against it. A bridge may be given as a bridge only, and
    /// then as it is, addresses and all.
    [[nodiscard]] std::optional<Error> refusal(const Link& device, SegmentSpec::Type type) const;

private:
    std::vector<Link> m_links;
    std::set<int> m_addressed; ///< indexes of those with an address that is not link-local
    std::set<int> m_routed; ///< of those that a default route uses
};

} // namespace beacon
