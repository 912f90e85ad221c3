// What the public faces of sockets share: the throwing form of a call, made from the one that reports through
// std::error_code, and room for both.
#pragma once

#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/stack.hpp>

namespace moor::net {

/// First thing in a call that is about to use operations: their frames are larger than what code with stack checks
/// leaves free, before and after the place where the stack settles (iocp::prepare_stack). Held by tests.
inline void make_room_for_call() noexcept { ensure_stack(512); }

/// Returns call(error); throws std::system_error with `what` when it set the error.
template <class Call>
std::invoke_result_t<Call&, std::error_code&> or_throw(const char* what, Call&& call) {
    std::error_code error;
    if constexpr (std::is_void_v<std::invoke_result_t<Call&, std::error_code&>>) {
        call(error);
        if (error) {
            throw std::system_error(error, what);
        }
    } else {
        auto result = call(error);
        if (error) {
            throw std::system_error(error, what);
        }
        return result;
    }
}

} // namespace moor::net
