#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace beacon {

enum class Errc {
    BadInput, ///< what a person or a peer gave is not acceptable
    Denied, ///< the right to do it is missing
    NotFound, ///< a named thing is not there
    Busy, ///< somebody else holds it, or it is already under way
    TooLarge, ///< a bound of ours was reached
    Corrupt, ///< stored or received bytes do not add up
    Unsupported, ///< this host or version cannot do it
    Timeout, ///< a deadline passed
    System, ///< a system call failed; `sys` says how
};

struct Error {
    Errc code;
    int sys = 0; ///< errno, or 0 when no system call was involved
    std::string context; ///< object and attempt: "open /dev/net/tun"; never the remedy
};

/// One sentence without a full stop: the context, and what errno means.
[[nodiscard]] std::string describe(const Error& error);

/// An Error of a failed system call; takes errno as it stands.
[[nodiscard]] Error systemError(std::string context);

/// The exit code of sysexits.h(3) that fits `error`.
[[nodiscard]] int exitCode(const Error& error) noexcept;

/// Spelled like std::expected, so that C++23 can take its place.
template <class T = void> class [[nodiscard]] Result {
public:
    Result(T value)
        : m_state(std::in_place_index<0>, std::move(value))
    {
    }
    Result(Error error)
        : m_state(std::in_place_index<1>, std::move(error))
    {
    }

    [[nodiscard]] explicit operator bool() const noexcept { return m_state.index() == 0; }
    [[nodiscard]] T& operator*() &
    {
        assert(*this);
        return *std::get_if<0>(&m_state);
    }
    [[nodiscard]] const T& operator*() const&
    {
        assert(*this);
        return *std::get_if<0>(&m_state);
    }
    [[nodiscard]] T&& operator*() &&
    {
        assert(*this);
        return std::move(*std::get_if<0>(&m_state));
    }
    [[nodiscard]] T* operator->()
    {
        assert(*this);
        return std::get_if<0>(&m_state);
    }
    [[nodiscard]] const T* operator->() const
    {
        assert(*this);
        return std::get_if<0>(&m_state);
    }
    [[nodiscard]] const Error& error() const
    {
        assert(!*this);
        return *std::get_if<1>(&m_state);
    }

private:
    std::variant<T, Error> m_state;
};

template <> class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error)
        : m_error(std::move(error))
    {
    }

    [[nodiscard]] explicit operator bool() const noexcept { return !m_error; }
    [[nodiscard]] const Error& error() const
    {
        assert(m_error);
        return *m_error;
    }

private:
    std::optional<Error> m_error;
};

} // namespace beacon
