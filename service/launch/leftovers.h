#pragma once

namespace beacon {

/// SIGKILL for the processes of earlier runs that lost whoever should have killed them: those with this process's value
/// of BEACON_CONFIG in their environment. Neither this process nor its parents.
void sweepLeftovers();

} // namespace beacon
