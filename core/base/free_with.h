#pragma once

namespace beacon {

/// Deleter for handles of C libraries: `std::unique_ptr<nl_sock, FreeWith<nl_socket_free>>`.
template <auto Free> struct FreeWith {
    template <class T> void operator()(T* handle) const noexcept { Free(handle); }
};

} // namespace beacon
