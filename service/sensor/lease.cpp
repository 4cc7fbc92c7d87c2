#include "service/sensor/lease.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace beacon {

namespace {

constexpr std::size_t kMaxLineBytes = 4'096; // as lease_line.h has it

// What is shorter cannot be lived by, and 2^31 ms is what many timers hold; without any word udhcpc takes an hour.
constexpr std::int64_t kShortestSeconds = 10;
constexpr std::int64_t kLongestSeconds = 0x7fff'ffff / 1000;
constexpr std::int64_t kUsualSeconds = 3'600;

struct Variables {
    std::string_view ip, subnet, router, dns, staticroutes, lease, serverid;
};

struct Variable {
    std::string_view name;
    std::string_view Variables::*value;
};
constexpr auto kVariables = std::to_array<Variable>({
    {"ip", &Variables::ip},
    {"subnet", &Variables::subnet},
    {"router", &Variables::router},
    {"dns", &Variables::dns},
    {"staticroutes", &Variables::staticroutes},
    {"lease", &Variables::lease},
    {"serverid", &Variables::serverid},
});

struct Word {
    std::string_view text;
    LeaseEvent::Kind kind;
};
constexpr auto kWords = std::to_array<Word>({
    {"deconfig", LeaseEvent::Kind::Deconfig},
    {"bound", LeaseEvent::Kind::Bound},
    {"renew", LeaseEvent::Kind::Renew},
    {"leasefail", LeaseEvent::Kind::LeaseFail},
    {"nak", LeaseEvent::Kind::Nak},
});

Error refuse(std::string what)
{
    return Error{Errc::BadInput, 0, std::move(what)};
}

/// Cuts off and returns what stands before the next `separator`.
std::string_view next(std::string_view& rest, char separator)
{
    const std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return part;
}

std::optional<std::uint32_t> ipv4(std::string_view text)
{
    const auto address = IpAddress::parse(text);
    if (!address || address->family() != Family::Ipv4)
        return std::nullopt;
    const ByteView bytes = address->bytes();
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

IpAddress toAddress(std::uint32_t value)
{
    const std::array<Byte, 4> bytes{static_cast<Byte>(value >> 24), static_cast<Byte>(value >> 16),
        static_cast<Byte>(value >> 8), static_cast<Byte>(value)};
    return IpAddress{ByteView{bytes}};
}

/// RFC 1122 section 3.2.1.3, RFC 3927: what may stand for one host, and be reached by way of a network.
bool isHost(std::uint32_t address)
{
    const std::uint32_t first = address >> 24;
    return first >= 1 && first < 224 && first != 127 && address >> 16 != 0xa9fe;
}

std::optional<int> prefixLengthOf(std::uint32_t netmask)
{
    const std::uint32_t hosts = ~netmask;
    if (netmask == 0 || (hosts & (hosts + 1)) != 0)
        return std::nullopt;
    int length = 0;
    for (std::uint32_t rest = netmask; rest != 0; rest <<= 1)
        ++length;
    return length;
}

/// Appends those of a list that a host could have; false where something in it is no address at all.
bool takeHosts(std::string_view list, std::size_t most, const IpAddress& notThis, std::vector<IpAddress>& into)
{
    while (!list.empty()) {
        const std::string_view text = next(list, ' ');
        if (text.empty())
            continue;
        const auto value = ipv4(text);
        if (!value)
            return false;
        const IpAddress address = toAddress(*value);
        const bool known = std::find(into.begin(), into.end(), address) != into.end();
        if (isHost(*value) && address != notThis && !known && into.size() < most)
            into.push_back(address);
    }
    return true;
}

/// The gateways of "0.0.0.0/0" among "DESTINATION/LENGTH GATEWAY …"; nullopt where that is not what it is.
std::optional<std::string> defaultAmong(std::string_view routes)
{
    std::string gateways;
    while (!routes.empty()) {
        const std::string_view destination = next(routes, ' ');
        if (destination.empty())
            continue;
        const std::string_view gateway = next(routes, ' ');
        const std::size_t slash = destination.find('/');
        int length = -1;
        const std::string_view digits = slash == std::string_view::npos ? "" : destination.substr(slash + 1);
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (failed != std::errc{} || end != digits.data() + digits.size() || length < 0 || length > 32
            || !ipv4(destination.substr(0, slash)) || !ipv4(gateway))
            return std::nullopt;
        if (length == 0)
            gateways += std::string{gateway} + ' ';
    }
    return gateways;
}

Result<> takeAddress(const Variables& variables, Lease& lease)
{
    const auto address = ipv4(variables.ip);
    if (!address || !isHost(*address))
        return refuse("has no address that a host may have");
    const auto netmask = ipv4(variables.subnet);
    const auto length = netmask ? prefixLengthOf(*netmask) : std::nullopt;
    if (!length)
        return refuse("has no netmask, or one that is none");
    const std::uint32_t hosts = ~*netmask;
    if (*length <= 30 && ((*address & hosts) == 0 || (*address & hosts) == hosts))
        return refuse("has the address of the network itself, or its broadcast address");
    lease.address = toAddress(*address);
    lease.prefixLength = *length;
    return {};
}

Result<> takeRest(const Variables& variables, Lease& lease)
{
    std::string routers{variables.router};
    if (!variables.staticroutes.empty()) { // RFC 3442: the router option is to be ignored then
        auto gateways = defaultAmong(variables.staticroutes);
        if (!gateways)
            return refuse("has static routes that are none");
        routers = std::move(*gateways);
    }
    if (!takeHosts(routers, Lease::kMostGateways, lease.address, lease.gateways))
        return refuse("has a gateway that is no IPv4 address");
    if (!takeHosts(variables.dns, Lease::kMostResolvers, {}, lease.resolvers))
        return refuse("has a resolver that is no IPv4 address");
    std::int64_t seconds = kUsualSeconds;
    if (const std::string_view text = variables.lease; !text.empty()) {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (failed != std::errc{} || end != text.data() + text.size() || seconds < 0)
            return refuse("has a lease time that is no number");
    }
    lease.seconds = std::chrono::seconds{std::clamp(seconds, kShortestSeconds, kLongestSeconds)};
    if (const auto server = ipv4(variables.serverid))
        lease.server = toAddress(*server);
    return {};
}

} // namespace

Result<LeaseEvent> leaseEventFrom(std::string_view line)
{
    if (line.size() > kMaxLineBytes || next(line, '\t') != "sensor-lease" || next(line, '\t') != "1")
        return refuse("did not come by way of sensor-lease");
    const std::string_view text = next(line, '\t');
    const auto* const word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) { return w.text == text; });
    if (word == kWords.end())
        return refuse("is of an unknown kind");
    Variables variables;
    while (!line.empty()) {
        std::string_view value = next(line, '\t');
        const std::string_view name = next(value, '=');
        const auto* const known =
            std::find_if(kVariables.begin(), kVariables.end(), [&](const Variable& v) { return v.name == name; });
        if (known == kVariables.end() || value.empty() || !(variables.*known->value).empty())
            return refuse("has something unknown or empty in it, or something twice");
        variables.*known->value = value;
    }
    LeaseEvent event;
    event.kind = word->kind;
    if (event.kind != LeaseEvent::Kind::Bound && event.kind != LeaseEvent::Kind::Renew)
        return event;
    if (auto taken = takeAddress(variables, event.lease); !taken)
        return taken.error();
    if (auto taken = takeRest(variables, event.lease); !taken)
        return taken.error();
    return event;
}

} // namespace beacon
