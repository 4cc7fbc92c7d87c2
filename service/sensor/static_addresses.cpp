#include "service/sensor/static_addresses.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace beacon {

namespace {

constexpr std::size_t kMostAddresses = 64;
constexpr std::size_t kMostGateways = Lease::kMostGateways;

/// Neither of all, nor of many, nor of this host alone.
bool isOneHosts(const IpAddress& address)
{
    const ByteView bytes = address.bytes();
    if (address.isAny())
        return false;
    if (address.family() == Family::Ipv4)
        return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
    return bytes[0] != 0xff && address != IpAddress::parse("::1");
}

Result<NewAddress> readAddress(const std::string& text)
{
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto address = IpAddress::parse(std::string_view{text}.substr(0, slash));
    const std::string_view digits = std::string_view{text}.substr(std::min(slash + 1, text.size()));
    int length = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const int longest = address && address->family() == Family::Ipv4 ? 32 : 128;
    if (!address || !isOneHosts(*address) || failed != std::errc{} || end != digits.data() + digits.size() || length < 1
        || length > longest)
        return Error{Errc::BadInput, 0,
            "address \"" + text.substr(0, 64) + "\" is not one of a host, with the length of its prefix"};
    return NewAddress{*address, length, {}};
}

} // namespace

Result<StaticAddresses> staticAddressesFrom(const Addressing& addressing)
{
    StaticAddresses wanted;
    if (addressing.addresses.size() > kMostAddresses || addressing.gateways.size() > kMostGateways)
        return Error{Errc::TooLarge, 0, "more than 64 addresses, or more than 8 gateways"};
    for (const std::string& text : addressing.addresses) {
        auto address = readAddress(text);
        if (!address)
            return address.error();
        wanted.addresses.push_back(*address);
    }
    for (const std::string& text : addressing.gateways) {
        const auto gateway = IpAddress::parse(text);
        if (!gateway || !isOneHosts(*gateway))
            return Error{Errc::BadInput, 0, "gateway \"" + text.substr(0, 64) + "\" is no address of a host"};
        const auto& addresses = wanted.addresses;
        const auto sameFamily = [&](const NewAddress& a) { return a.address.family() == gateway->family(); };
        if (std::none_of(addresses.begin(), addresses.end(), sameFamily))
            return Error{Errc::BadInput, 0, "gateway " + text + " is of a family without an address"};
        if (std::any_of(addresses.begin(), addresses.end(), [&](const NewAddress& a) { return a.address == *gateway; }))
            return Error{Errc::BadInput, 0, "gateway " + text + " is the interface's own address"};
        if (std::find(wanted.gateways.begin(), wanted.gateways.end(), *gateway) == wanted.gateways.end())
            wanted.gateways.push_back(*gateway);
    }
    return wanted;
}

bool isInPrefix(const IpAddress& address, const IpAddress& network, int length)
{
    if (address.family() != network.family())
        return false;
    for (std::size_t i = 0; i < address.bytes().size() && length > 0; ++i, length -= 8) {
        const unsigned mask = length >= 8 ? 0xff : 0xff00U >> length & 0xff;
        if (((address.bytes()[i] ^ network.bytes()[i]) & mask) != 0)
            return false;
    }
    return true;
}

} // namespace beacon
