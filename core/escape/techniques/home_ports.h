#pragma once

#include "core/escape/technique.h"

namespace beacon::home_ports {

/// The probe set of techniques that try every port of Home in both families; families alternate.
[[nodiscard]] inline std::size_t count(const Aim& aim)
{
    return aim.homePerFamily().count * aim.ports.count();
}

[[nodiscard]] inline Probe at(const Aim& aim, std::size_t i, std::uint8_t protocol)
{
    const HomePair home = aim.homePerFamily();
    const IpAddress& destination = home.addresses[i % home.count];
    return {.family = destination.family(),
        .destination = destination,
        .protocol = protocol,
        .port = aim.ports.at(i / home.count)};
}

} // namespace beacon::home_ports
