#pragma once

#include "service/room/request.h"

namespace beacon {

/// Makes what is missing, keeps what is there, and sets up both (network_settings.h); the mounts are those of this
/// process's mount namespace. BadInput: what is there is something else, or belongs to other ids.
[[nodiscard]] Result<> makePins(const MakeRequest& request);

/// All of them, also where one cannot be taken away: the first error.
[[nodiscard]] Result<> dropPins(const DropRequest& request);

} // namespace beacon
