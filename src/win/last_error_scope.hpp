// The thread's last error belongs to the running coroutine. What the runtime does behind its back (the C++ library's
// yields and sleeps read TLS slots, which clears it) must leave it as it was.
#pragma once

#include <cstdint>

#if defined(_WIN32)
#include "win/teb.hpp"
#endif

namespace moor::win {

/// Gives the calling thread its last error back at the end of the scope. Does nothing on other systems than Windows.
class last_error_scope {
public:
#if defined(_WIN32)
    last_error_scope() noexcept : kept_(teb::read_32(teb::field::last_error)) {}
    ~last_error_scope() { teb::write_32(teb::field::last_error, kept_); }
#else
    last_error_scope() noexcept = default;
    ~last_error_scope() {}
#endif
    last_error_scope(const last_error_scope&) = delete;
    last_error_scope& operator=(const last_error_scope&) = delete;

#if defined(_WIN32)
private:
    std::uint32_t kept_;
#endif
};

} // namespace moor::win
