#pragma once

#include "core/base/result.h"
#include "core/netlink/links.h"
#include "core/netlink/offloads.h"
#include "service/sensor/wiring.h"

#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// What is to be known of a segment when sensord comes back after a crash; it is written before anything is done.
struct SegmentRecord {
    SegmentSpec spec;
    bool foreign = false; ///< the device is a bridge of the host's
    bool up = false, promiscuous = false; ///< as the device came
    int mtu = 0;
    MacAddress mac;
    std::optional<MacAddress> permanentMac; ///< burnt in
    std::string kind; ///< of the device: "phy", "veth", …
    Offloads offloads; ///< which we switched off
    std::string instrument, inside; ///< phy: who has it, and the pin of its namespace; empty: nobody
    int index = 0; ///< phy: of the device in there

    void cameAs(const Link& device); ///< up, promiscuous, mtu, both addresses, kind
    /// Whether it may be that device, by what nobody who has it can choose.
    [[nodiscard]] bool fits(const Link& device) const;
};

/// The records of one runtime directory, a file each beside the pins: they are gone when the namespaces are.
///
/// Thread:  any one at a time.
/// Errors:  a file that cannot be read is as good as absent.
class WiringRecords {
public:
    explicit WiringRecords(std::string directory)
        : m_directory(std::move(directory))
    {
    }

    [[nodiscard]] std::string pin(const std::string& segment) const; ///< of the segment's namespace
    [[nodiscard]] std::optional<SegmentRecord> find(const std::string& segment) const;
    [[nodiscard]] std::vector<SegmentRecord> all() const;
    /// Another segment that has the device; BadInput/Busy are the caller's to choose.
    [[nodiscard]] std::optional<SegmentRecord> otherOf(const SegmentSpec& segment) const;
    Result<> keep(const SegmentRecord& record) const;
    Result<> forget(const std::string& segment) const;
    Result<> makeDirectory() const;

private:
    [[nodiscard]] std::string file(const std::string& segment) const;

    std::string m_directory; ///< R/net
};

} // namespace beacon
