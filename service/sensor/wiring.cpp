#include "service/sensor/wiring.h"

#include "service/sensor/foreign_bridge.h"
#include "service/sensor/own_segment.h"
#include "service/sensor/quiet_namespace.h"
#include "service/sensor/whole_device.h"
#include "service/sensor/wiring_names.h"

#include <algorithm>
#include <variant>

namespace beacon {

namespace {

using AnySegment = std::variant<OwnSegment, ForeignBridge, WholeDevice>;

template <class... Ts> struct Either : Ts... {
    using Ts::operator()...;
};
template <class... Ts> Either(Ts...) -> Either<Ts...>;

/// Null in the answer: there is none any more.
Result<std::optional<NetworkNamespace>> perhaps(const std::string& pin)
{
    auto network = NetworkNamespace::open(pin);
    if (network)
        return std::optional{std::move(*network)};
    return network.error().code == Errc::NotFound ? Result<std::optional<NetworkNamespace>>{std::nullopt}
                                                  : network.error();
}

HostDevice describe(const Link& link, std::string whyNot)
{
    return {.name = link.name,
        .kind = link.kind,
        .mac = link.mac,
        .up = link.up,
        .carrier = link.carrier,
        .whyNot = std::move(whyNot)};
}

} // namespace

class Wiring::Inner {
public:
    explicit Inner(WiringHost host)
        : m_host(std::move(host))
    {
    }

    /// As it is on record; what is not, as the host has it.
    [[nodiscard]] Result<AnySegment> segment(const SegmentSpec& spec) const
    {
        if (auto good = checkNames(spec); !good)
            return good.error();
        const auto record = m_host.records.find(spec.name);
        return record && record->spec == spec ? Result<AnySegment>{as(spec, record->foreign)} : found(spec);
    }

    /// As the host has it, for the first time or since it has changed; what is on record and differs is closed.
    [[nodiscard]] Result<AnySegment> segmentToOpen(const SegmentSpec& spec) const
    {
        if (auto good = checkNames(spec); !good)
            return good.error();
        const auto record = m_host.records.find(spec.name);
        const auto host = bridgeOfHost(spec);
        if (!host)
            return host.error();
        const bool isForeign = host->value_or(record && record->foreign);
        if (record && (record->spec != spec || record->foreign != isForeign)) {
            AnySegment before = as(record->spec, record->foreign);
            if (auto closed = std::visit([](auto& each) { return each.close(); }, before); !closed)
                return closed.error();
            if (record->spec != spec)
                return segmentToOpen(spec); // its device may be back at the host only now
        }
        return as(spec, isForeign);
    }

    /// An end that was left plugged into another segment, as by a sensord that was killed between the two.
    void removeElsewhere(const SegmentSpec& spec, const PlugSpec& plug) const
    {
        for (const SegmentRecord& each : m_host.records.all()) {
            if (each.spec.name == spec.name || each.foreign || each.spec.type == SegmentSpec::Type::Phy)
                continue;
            if (const auto network = NetworkNamespace::open(m_host.records.pin(each.spec.name)))
                static_cast<void>(removePort(*network, portName(plug))); // whoever plugs tells what stands in the way
        }
    }

    [[nodiscard]] const WiringHost& host() const { return m_host; }

    /// Where a device is that was given, and is not among the host's.
    [[nodiscard]] std::optional<Link> givenAway(const SegmentRecord& record) const
    {
        const auto network =
            NetworkNamespace::open(record.inside.empty() ? m_host.records.pin(record.spec.name) : record.inside);
        auto links = network ? Links::in(*network) : Result<Links>{network.error()};
        if (!links)
            return std::nullopt;
        auto device = record.index != 0 ? links->at(record.index) : links->find(record.spec.device);
        return device ? std::move(*device) : std::nullopt;
    }

private:
    [[nodiscard]] AnySegment as(const SegmentSpec& spec, bool isForeign) const
    {
        if (spec.type == SegmentSpec::Type::Phy)
            return WholeDevice{m_host, spec};
        if (isForeign)
            return ForeignBridge{m_host, spec};
        return OwnSegment{m_host, spec};
    }

    /// Whether the device is a bridge at the host; nullopt: the host has none of this name.
    [[nodiscard]] Result<std::optional<bool>> bridgeOfHost(const SegmentSpec& spec) const
    {
        if (spec.type != SegmentSpec::Type::Bridge)
            return std::optional{false};
        auto links = Links::in(m_host.network);
        if (!links)
            return links.error();
        const auto device = links->find(spec.device);
        if (!device)
            return device.error();
        return *device ? std::optional{(*device)->kind == "bridge"} : std::optional<bool>{};
    }

    [[nodiscard]] Result<AnySegment> found(const SegmentSpec& spec) const
    {
        const auto isBridge = bridgeOfHost(spec);
        return isBridge ? Result<AnySegment>{as(spec, isBridge->value_or(false))} : isBridge.error();
    }

    WiringHost m_host;
};

Wiring::Wiring(const Place& place)
{
    auto network = NetworkNamespace::ofThisThread();
    if (network)
        m_inner = std::make_unique<Inner>(
            WiringHost{std::move(*network), WiringRecords{place.runtimeDir + "/net"}, place.room});
    else
        m_failure = network.error();
}

Wiring::~Wiring() = default;

Result<> Wiring::openSegment(const SegmentSpec& segment)
{
    if (m_failure)
        return *m_failure;
    auto one = m_inner->segmentToOpen(segment);
    return one ? std::visit([](auto& each) { return each.open(); }, *one) : Result<>{one.error()};
}

Result<> Wiring::closeSegment(const SegmentSpec& segment)
{
    if (m_failure)
        return *m_failure;
    auto one = m_inner->segment(segment);
    return one ? std::visit([](auto& each) { return each.close(); }, *one) : Result<>{one.error()};
}

Result<> Wiring::plug(const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace)
{
    if (m_failure)
        return *m_failure;
    if (auto good = checkNames(plug); !good)
        return good;
    auto one = m_inner->segment(segment);
    if (!one)
        return one.error();
    const auto inside = NetworkNamespace::open(networkNamespace);
    if (!inside)
        return inside.error();
    if (auto* const whole = std::get_if<WholeDevice>(&*one))
        return whole->plug(plug, *inside, networkNamespace);
    const auto attempt = [&](auto& each) -> Result<> {
        if constexpr (std::is_same_v<std::decay_t<decltype(each)>, WholeDevice>)
            return {};
        else
            return each.plug(plug, *inside);
    };
    auto plugged = std::visit(attempt, *one);
    if (plugged || plugged.error().code != Errc::Busy)
        return plugged;
    m_inner->removeElsewhere(segment, plug);
    return std::visit(attempt, *one);
}

Result<> Wiring::unplug(const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace)
{
    if (m_failure)
        return *m_failure;
    if (auto good = checkNames(plug); !good)
        return good;
    auto one = m_inner->segment(segment);
    if (!one)
        return one.error();
    const auto inside = perhaps(networkNamespace);
    if (!inside)
        return inside.error();
    return std::visit(
        [&](auto& each) -> Result<> {
            if constexpr (std::is_same_v<std::decay_t<decltype(each)>, WholeDevice>)
                return each.unplug(networkNamespace);
            else
                return each.unplug(plug, *inside ? &**inside : nullptr);
        },
        *one);
}

Result<SegmentFacts> Wiring::look(const SegmentSpec& segment)
{
    if (m_failure)
        return *m_failure;
    auto one = m_inner->segment(segment);
    return one ? std::visit([](auto& each) { return each.look(); }, *one) : Result<SegmentFacts>{one.error()};
}

Result<bool> Wiring::isPlugged(const SegmentSpec& segment, const PlugSpec& plug, const std::string& networkNamespace)
{
    if (m_failure)
        return *m_failure;
    if (auto good = checkNames(plug); !good)
        return good.error();
    auto one = m_inner->segment(segment);
    if (!one)
        return one.error();
    const auto inside = perhaps(networkNamespace);
    if (!inside)
        return inside.error();
    if (!*inside)
        return false;
    const auto still = quiet::forwardsNothing(**inside); // the Instrument may have switched it on
    if (!still || !*still)
        return still ? Result<bool>{false} : Result<bool>{still.error()};
    return std::visit(
        [&](auto& each) -> Result<bool> {
            if constexpr (std::is_same_v<std::decay_t<decltype(each)>, WholeDevice>)
                return each.isPlugged(plug, networkNamespace);
            else
                return each.isPlugged(plug, **inside);
        },
        *one);
}

Result<std::vector<HostDevice>> Wiring::devices()
{
    if (m_failure)
        return *m_failure;
    const auto seen = HostDevices::look(m_inner->host().network);
    if (!seen)
        return seen.error();
    std::vector<HostDevice> found;
    found.reserve(seen->all().size());
    const auto records = m_inner->host().records.all();
    for (const Link& link : seen->all()) {
        if (isPort(link.name))
            continue;
        const auto type = link.kind == "bridge" ? SegmentSpec::Type::Bridge : SegmentSpec::Type::Phy;
        const auto refused = seen->refusal(link, type);
        const auto given = std::find_if(records.begin(), records.end(),
            [&link](const SegmentRecord& each) { return each.spec.device == link.name; });
        std::string whyNot = refused ? refused->context : "";
        if (given != records.end())
            whyNot = link.name + " is given already, as " + given->spec.name;
        found.push_back(describe(link, whyNot));
    }
    for (const SegmentRecord& each : records) {
        const auto away =
            each.foreign || seen->find(each.spec.device) != nullptr ? std::nullopt : m_inner->givenAway(each);
        if (!away)
            continue;
        HostDevice device = describe(*away, each.spec.device + " is given already, as " + each.spec.name);
        device.name = each.spec.device;
        found.push_back(std::move(device));
    }
    return found;
}

std::string Wiring::segmentNamespace(const SegmentSpec& segment) const
{
    const auto one = m_failure ? Result<AnySegment>{*m_failure} : m_inner->segment(segment);
    return one && std::holds_alternative<OwnSegment>(*one) ? m_inner->host().records.pin(segment.name) : std::string{};
}

std::vector<SegmentSpec> Wiring::recorded() const
{
    std::vector<SegmentSpec> found;
    if (m_failure)
        return found;
    const auto records = m_inner->host().records.all();
    found.reserve(records.size());
    for (const SegmentRecord& each : records)
        found.push_back(each.spec);
    return found;
}

} // namespace beacon
