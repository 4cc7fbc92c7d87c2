#include "service/sensor/wiring.h"

namespace beacon {

class Wiring::Inner { };

namespace {

Error notYet(const SegmentSpec& segment)
{
    return Error{Errc::Unsupported, 0, "wire interface " + segment.name};
}

} // namespace

Wiring::Wiring(Place)
    : m_inner(std::make_unique<Inner>())
{
}

Wiring::~Wiring() = default;

Result<> Wiring::openSegment(const SegmentSpec& segment)
{
    return notYet(segment);
}

Result<> Wiring::closeSegment(const SegmentSpec& segment)
{
    return notYet(segment);
}

Result<> Wiring::plug(const SegmentSpec& segment, const PlugSpec&, const std::string&)
{
    return notYet(segment);
}

Result<> Wiring::unplug(const SegmentSpec& segment, const PlugSpec&, const std::string&)
{
    return notYet(segment);
}

Result<SegmentFacts> Wiring::look(const SegmentSpec& segment)
{
    return notYet(segment);
}

Result<bool> Wiring::isPlugged(const SegmentSpec& segment, const PlugSpec&, const std::string&)
{
    return notYet(segment);
}

Result<std::vector<HostDevice>> Wiring::devices()
{
    return std::vector<HostDevice>{};
}

std::string Wiring::segmentNamespace(const SegmentSpec&) const
{
    return {};
}

std::vector<SegmentSpec> Wiring::recorded() const
{
    return {};
}

} // namespace beacon
