#pragma once

#include "core/base/result.h"

#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>

namespace beacon {

/// A child process that goes where its parent must not, such as into a user namespace, and stays there.
///
/// Thread:  single-threaded processes only.
/// Owns:    the process: destruction kills and reaps it, and it dies with its parent.
class Child {
public:
    using Work = std::function<Result<std::string>()>;

    /// Returns when `work` is done in the child. Its error, or System where there is no child.
    [[nodiscard]] static Result<Child> start(const Work& work);

    Child(Child&& other) noexcept
        : m_pid(std::exchange(other.m_pid, 0))
        , m_text(std::move(other.m_text))
    {
    }
    Child& operator=(Child&&) = delete;
    ~Child();

    [[nodiscard]] pid_t pid() const noexcept { return m_pid; }
    [[nodiscard]] const std::string& text() const noexcept { return m_text; } ///< what `work` returned

private:
    Child(pid_t pid, std::string text)
        : m_pid(pid)
        , m_text(std::move(text))
    {
    }

    pid_t m_pid = 0;
    std::string m_text;
};

} // namespace beacon
