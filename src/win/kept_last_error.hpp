// The thread's last error belongs to the running coroutine. What the runtime does behind its back (the C++ library's
// yields and sleeps read TLS slots, which clears it) must leave it as it was.
#pragma once

#include <cstdint>

#if defined(_WIN32)
#include "win/teb.hpp"
#endif

namespace moor::win {

/// Gives the calling thread its last error back at the end of the scope. Does nothing on other systems than Windows.
class kept_last_error {
public:
#if defined(_WIN32)
    kept_last_error() noexcept : kept_(teb::read_32(teb::field::last_error)) {}
    ~kept_last_error() { teb::write_32(teb::field::last_error, kept_); }
#else
    kept_last_error() noexcept = default;
    ~kept_last_error() {}
#endif
    kept_last_error(const kept_last_error&) = delete;
    kept_last_error& operator=(const kept_last_error&) = delete;

#if defined(_WIN32)
private:
    std::uint32_t kept_;
#endif
};

} // namespace moor::win
