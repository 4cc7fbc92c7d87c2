#pragma once

#include "core/supervision/alarm.h"
#include "core/supervision/process.h"

#include <csignal>
#include <optional>
#include <vector>

namespace beacon::test {

/// A process that does what the test says.
class FakeProcess final : public Process {
public:
    void start(const Command& command) override
    {
        commands.push_back(command);
        m_pid = 1'000 + static_cast<std::int64_t>(commands.size());
    }
    void signalAll(int signal) override { signals.push_back(signal); }
    [[nodiscard]] std::int64_t pid() const override { return m_pid; }

    void end(Exit exit)
    {
        m_pid = 0;
        Q_EMIT exited(exit);
    }

    std::vector<Command> commands;
    std::vector<int> signals;

private:
    std::int64_t m_pid = 0;
};

/// A timer that the test fires.
class FakeAlarm final : public Alarm {
public:
    void arm(std::chrono::milliseconds delay) override { armed = delay; }
    void disarm() override { armed.reset(); }
    void fire()
    {
        armed.reset();
        Q_EMIT elapsed();
    }

    std::optional<std::chrono::milliseconds> armed;
};

} // namespace beacon::test
