#pragma once

#include "core/base/address.h"
#include "core/base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace beacon {

/// An interface of the Sensor: a device of the host, and how it is given to Instruments.
struct SegmentSpec {
    enum class Type { Phy, Bridge, Mirror };
    std::string name; ///< "plant-a": letters, digits, '.', '_' and '-', at most 64
    Type type = Type::Bridge;
    std::string device; ///< "eth1", as the host calls it

    bool operator==(const SegmentSpec&) const = default;
};

/// One end of it in an Instrument's network namespace.
struct PlugSpec {
    std::string instrument; ///< "beacon_0"
    std::string name; ///< inside: "eth0"
    bool send = true; ///< not looked at for a mirror, by which nobody sends
    std::string mac; ///< empty: derived from this host, the device, the Instrument and the name; not looked at for phy
};

struct SegmentFacts {
    bool present = false; ///< the device is there
    bool carrier = false;
    std::string mac;
    bool owned = false; ///< its uplink lies in segmentNamespace(), under the name of the device
    std::string problem; ///< one sentence for a person; empty: none

    bool operator==(const SegmentFacts&) const = default;
};

struct HostDevice {
    std::string name, kind; ///< kind: "phy" where the kernel names none
    MacAddress mac;
    bool up = false, carrier = false;
    std::string whyNot; ///< one sentence; empty: may be given
};

/// Plugs Instruments into devices of this host, each device in a network namespace of its own that holds nothing else:
/// whatever a segment is, the kernel knows no way from it to another one, nor to the host.
///
/// - phy: the device itself moves into the Instrument's namespace.
/// - bridge: the device becomes a port of a bridge "br0" in the segment's namespace; Instruments have veth pairs whose
///   host ends are isolated ports: they reach the device, and not each other. Where the device is a bridge already, it
///   stays where it is, and an nft table "sensor" there drops what would be forwarded between two of the Sensor's.
/// - mirror: what the device receives is duplicated to every reader; nothing is ever sent by it.
///
/// An interface is plugged switched off, and without addresses: whoever configures it switches it on (addressing.h).
/// What was done is recorded beside the pins, so that another sensord goes on where this one was killed.
///
/// Thread:  any, one at a time; the namespace of the thread that made it is "the host".
/// Errors:  BadInput, Busy, NotFound: one sentence for a person about the device. What fails half-way is undone.
/// Owns:    nothing that ends with it: namespaces, devices and rules stay until closeSegment() and unplug().
/// Source:  veth(4), rtnetlink(7), nft(8), Linux Documentation/networking/bridge.rst
class Wiring {
public:
    struct Place {
        std::string runtimeDir; ///< pins and records are in its folder net
        std::string room; ///< sensor-room, which makes namespaces and pins them
    };
    explicit Wiring(const Place& place);
    ~Wiring();
    Wiring(const Wiring&) = delete;
    Wiring& operator=(const Wiring&) = delete;

    Result<> openSegment(const SegmentSpec& segment); ///< idempotent; mends what somebody changed by hand
    Result<> closeSegment(const SegmentSpec& segment); ///< the device goes back as it came; idempotent
    /// Idempotent. `networkNamespace` is the pin of the Instrument's.
    Result<> plug(const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace);
    Result<> unplug(const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace);

    // These change nothing, and take a few milliseconds.
    [[nodiscard]] Result<SegmentFacts> look(const SegmentSpec& segment);
    /// False: drift; plug() mends it.
    [[nodiscard]] Result<bool> isPlugged(
        const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace);
    [[nodiscard]] Result<std::vector<HostDevice>> devices();
    /// The pin of the namespace that holds the uplink; empty where there is none: phy, and a bridge that is not ours.
    [[nodiscard]] std::string segmentNamespace(const SegmentSpec& segment) const;
    /// Opened and not closed, perhaps by a sensord that was killed: what is desired no more is to be closed.
    [[nodiscard]] std::vector<SegmentSpec> recorded() const;

private:
    class Inner;
    std::unique_ptr<Inner> m_inner;
    std::optional<Error> m_failure; ///< to find the host's namespace: every call tells it
};

} // namespace beacon
