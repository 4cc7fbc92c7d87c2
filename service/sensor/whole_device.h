#pragma once

#include "service/sensor/given_device.h"
#include "service/sensor/wiring.h"

#include <optional>
#include <string>

namespace beacon {

/// A segment of type phy: its device moves into one Instrument's namespace, and back; the calls are those of Wiring.
class WholeDevice {
public:
    WholeDevice(const WiringHost& host, const SegmentSpec& spec);

    Result<> open();
    Result<> close();
    /// `pin` is recorded: by it the device is found again.
    Result<> plug(const PlugSpec& plug, const NetworkNamespace& inside, const std::string& pin);
    Result<> unplug(const std::string& pin);
    [[nodiscard]] Result<SegmentFacts> look();
    [[nodiscard]] Result<bool> isPlugged(const PlugSpec& plug, const std::string& pin);

private:
    struct Whereabouts { ///< inside the namespace on record
        std::optional<NetworkNamespace> network;
        std::optional<Link> device;
    };
    [[nodiscard]] Result<Whereabouts> find() const;
    Result<> move(const PlugSpec& plug, const NetworkNamespace& inside, const std::string& pin);
    Result<> mend(const PlugSpec& plug, const Whereabouts& at);
    Result<> nameAgain(); ///< where its namespace ended, it came back by itself under some name
    Result<> keepIt();

    const WiringHost& m_host;
    SegmentSpec m_spec;
    std::optional<SegmentRecord> m_record;
};

} // namespace beacon
