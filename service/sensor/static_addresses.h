#pragma once

#include "service/sensor/addressing.h"
#include "service/sensor/interface_addresses.h"

#include <vector>

namespace beacon {

/// The addresses and gateways of Addressing::How::Static, read and judged.
struct StaticAddresses {
    std::vector<NewAddress> addresses;
    std::vector<IpAddress> gateways; ///< each once; of a family that has an address
};

/// BadInput, TooLarge: half a sentence for a person.
/// Limits:  64 addresses, 8 gateways.
[[nodiscard]] Result<StaticAddresses> staticAddressesFrom(const Addressing& addressing);

/// Whether `address` is of the network that `network` and the length of its prefix name.
[[nodiscard]] bool isInPrefix(const IpAddress& address, const IpAddress& network, int length);

} // namespace beacon
