#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace beacon {

enum class Life : std::uint8_t {
    Stopped, ///< not wanted, not there
    Starting, ///< spawned, no sign of life yet
    Running, ///< has shown life
    Waiting, ///< dead; starts again when the backoff is over
    Held, ///< cannot be executed: waits for its file to change
    Failing, ///< stalled: on the stop ladder, and counts as a death
    Stopping, ///< on the stop ladder because somebody wants it gone
    Restarting, ///< on the stop ladder because somebody wants a new one
};

enum class Input : std::uint8_t {
    Start,
    Stop,
    Restart,
    Ready, ///< the first sign of life
    Stalled, ///< silent for longer than is allowed
    Died, ///< exited, was killed, or could not be spawned for want of something that may come back
    Unrunnable, ///< its file cannot be executed
    Elapsed, ///< the one timer
    Changed, ///< the file that could not be executed is another one now
};

enum class Action : std::uint8_t {
    Keep, ///< nothing; the timer goes on
    Rest, ///< nothing, and nothing to wait for
    Spawn, ///< start the process
    Terminate, ///< SIGTERM and SIGCONT, and arm the timer
    Kill, ///< SIGKILL to all of it, and arm the timer
    ArmBackoff, ///< count a death, and arm the timer for the next start
    Watch, ///< compare the file with what it was, and arm the timer
};

struct Transition {
    Life from;
    Input on;
    Action act;
    Life to;
};

/// The whole life of a supervised process, one row per legal step.
inline constexpr auto kLifecycle = std::to_array<Transition>({
    {Life::Stopped, Input::Start, Action::Spawn, Life::Starting},
    {Life::Stopped, Input::Restart, Action::Spawn, Life::Starting},
    {Life::Stopped, Input::Stop, Action::Keep, Life::Stopped}, // stopping what does not run is no error

    {Life::Starting, Input::Ready, Action::Rest, Life::Running},
    {Life::Starting, Input::Stalled, Action::Terminate, Life::Failing}, // never showed life
    {Life::Starting, Input::Died, Action::ArmBackoff, Life::Waiting},
    {Life::Starting, Input::Unrunnable, Action::Watch, Life::Held},
    {Life::Starting, Input::Start, Action::Keep, Life::Starting}, // started twice: still one process
    {Life::Starting, Input::Stop, Action::Terminate, Life::Stopping},
    {Life::Starting, Input::Restart, Action::Terminate, Life::Restarting},

    {Life::Running, Input::Ready, Action::Keep, Life::Running},
    {Life::Running, Input::Stalled, Action::Terminate, Life::Failing},
    {Life::Running, Input::Died, Action::ArmBackoff, Life::Waiting},
    {Life::Running, Input::Unrunnable, Action::Watch, Life::Held}, // somebody took its launcher for it
    {Life::Running, Input::Start, Action::Keep, Life::Running},
    {Life::Running, Input::Stop, Action::Terminate, Life::Stopping},
    {Life::Running, Input::Restart, Action::Terminate, Life::Restarting},

    {Life::Waiting, Input::Elapsed, Action::Spawn, Life::Starting},
    {Life::Waiting, Input::Start, Action::Keep, Life::Waiting}, // starting again does not cut a backoff short
    {Life::Waiting, Input::Restart, Action::Spawn, Life::Starting},
    {Life::Waiting, Input::Stop, Action::Rest, Life::Stopped},

    {Life::Held, Input::Elapsed, Action::Watch, Life::Held},
    {Life::Held, Input::Changed, Action::Spawn, Life::Starting}, // not executable until the file changes
    {Life::Held, Input::Start, Action::Keep, Life::Held},
    {Life::Held, Input::Restart, Action::Spawn, Life::Starting},
    {Life::Held, Input::Stop, Action::Rest, Life::Stopped},

    {Life::Failing, Input::Died, Action::ArmBackoff, Life::Waiting},
    {Life::Failing, Input::Unrunnable, Action::Watch, Life::Held},
    {Life::Failing, Input::Elapsed, Action::Kill, Life::Failing},
    {Life::Failing, Input::Ready, Action::Keep, Life::Failing}, // too late
    {Life::Failing, Input::Stalled, Action::Keep, Life::Failing}, // already on the ladder
    {Life::Failing, Input::Start, Action::Keep, Life::Failing},
    {Life::Failing, Input::Stop, Action::Keep, Life::Stopping}, // the ladder goes on, with another end
    {Life::Failing, Input::Restart, Action::Keep, Life::Restarting},

    {Life::Stopping, Input::Died, Action::Rest, Life::Stopped},
    {Life::Stopping, Input::Unrunnable, Action::Rest, Life::Stopped},
    {Life::Stopping, Input::Elapsed, Action::Kill, Life::Stopping},
    {Life::Stopping, Input::Ready, Action::Keep, Life::Stopping},
    {Life::Stopping, Input::Stalled, Action::Keep, Life::Stopping},
    {Life::Stopping, Input::Stop, Action::Keep, Life::Stopping},
    {Life::Stopping, Input::Start, Action::Keep, Life::Restarting},
    {Life::Stopping, Input::Restart, Action::Keep, Life::Restarting},

    {Life::Restarting, Input::Died, Action::Spawn, Life::Starting},
    {Life::Restarting, Input::Unrunnable, Action::Watch, Life::Held},
    {Life::Restarting, Input::Elapsed, Action::Kill, Life::Restarting},
    {Life::Restarting, Input::Ready, Action::Keep, Life::Restarting},
    {Life::Restarting, Input::Stalled, Action::Keep, Life::Restarting},
    {Life::Restarting, Input::Start, Action::Keep, Life::Restarting},
    {Life::Restarting, Input::Restart, Action::Keep, Life::Restarting},
    {Life::Restarting, Input::Stop, Action::Keep, Life::Stopping},
});

/// nullopt: `on` means nothing in `from`; the caller stays where it is.
[[nodiscard]] constexpr std::optional<Transition> step(Life from, Input on)
{
    for (const Transition& row : kLifecycle)
        if (row.from == from && row.on == on)
            return row;
    return std::nullopt;
}

/// Whether a process may exist in this state.
[[nodiscard]] constexpr bool hasProcess(Life life)
{
    return life != Life::Stopped && life != Life::Waiting && life != Life::Held;
}

/// "stopped", "starting", …: for logs and health facts.
[[nodiscard]] constexpr std::string_view lifeName(Life life)
{
    switch (life) {
    case Life::Stopped:
        return "stopped";
    case Life::Starting:
        return "starting";
    case Life::Running:
        return "running";
    case Life::Waiting:
        return "waiting";
    case Life::Held:
        return "held";
    case Life::Failing:
        return "failing";
    case Life::Stopping:
        return "stopping";
    case Life::Restarting:
        return "restarting";
    }
    return "unknown";
}

} // namespace beacon
