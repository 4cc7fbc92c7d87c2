#pragma once

#include "service/sensor/given_device.h"
#include "service/sensor/instrument_port.h"
#include "service/sensor/wiring.h"

#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// A segment whose device is a bridge of the host's: it stays as it is and where it is, and gets ports; the calls are
/// those of Wiring.
class ForeignBridge {
public:
    ForeignBridge(const WiringHost& host, const SegmentSpec& spec);

    Result<> open();
    Result<> close();
    Result<> plug(const PlugSpec& plug, const NetworkNamespace& inside);
    Result<> unplug(const PlugSpec& plug, const NetworkNamespace* inside); ///< null: the Instrument's is gone
    [[nodiscard]] Result<SegmentFacts> look();
    [[nodiscard]] Result<bool> isPlugged(const PlugSpec& plug, const NetworkNamespace& inside);

private:
    [[nodiscard]] bool isOpen() const;
    [[nodiscard]] std::vector<std::string> bridges(bool withThis) const; ///< of the host's that are given
    [[nodiscard]] Result<std::optional<Link>> bridge() const;
    Result<> guard(bool withThis);
    [[nodiscard]] std::string whyNotOpen() const;
    [[nodiscard]] Result<InstrumentPort::Wanted> wanted(const PlugSpec& plug) const;

    const WiringHost& m_host;
    SegmentSpec m_spec;
};

} // namespace beacon
