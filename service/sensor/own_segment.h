#pragma once

#include "service/sensor/given_device.h"
#include "service/sensor/instrument_port.h"
#include "service/sensor/wiring.h"
#include "service/sensor/wiring_rules.h"

#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// A segment of type bridge or mirror whose device lies in a namespace of its own; the calls are those of Wiring.
class OwnSegment {
public:
    OwnSegment(const WiringHost& host, const SegmentSpec& spec);

    Result<> open();
    Result<> close();
    Result<> plug(const PlugSpec& plug, const NetworkNamespace& inside);
    Result<> unplug(const PlugSpec& plug, const NetworkNamespace* inside); ///< null: the Instrument's is gone
    [[nodiscard]] Result<SegmentFacts> look();
    [[nodiscard]] Result<bool> isPlugged(const PlugSpec& plug, const NetworkNamespace& inside);

private:
    [[nodiscard]] bool isMirror() const { return m_spec.type == SegmentSpec::Type::Mirror; }
    [[nodiscard]] Error notOpen() const;
    Result<> enter(); ///< m_network and m_links, where the namespace is there; NotFound otherwise
    Result<> survey(); ///< m_uplink, m_bridge and m_readers
    Result<> makeNamespace();
    Result<> dropNamespace();
    Result<> quieten();
    Result<> take();
    Result<> settle();
    Result<> settleBridge();
    Result<> takePortBack(const Link& port, int bridge);
    Result<> giveBack();
    [[nodiscard]] std::string drift();
    [[nodiscard]] Result<InstrumentPort::Wanted> wanted(const PlugSpec& plug);
    [[nodiscard]] std::string mirrorRules(const std::vector<Link>& ports) const;
    [[nodiscard]] static std::vector<rules::Reader> readers(const std::vector<Link>& ports);

    const WiringHost& m_host;
    SegmentSpec m_spec;
    std::string m_pin, m_bridgeName;
    SegmentRecord m_record;
    std::optional<NetworkNamespace> m_network;
    std::optional<Links> m_links;
    std::optional<Link> m_uplink, m_bridge;
    std::vector<Link> m_ports;
};

} // namespace beacon
