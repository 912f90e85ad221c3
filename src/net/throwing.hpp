// What the public faces of sockets share: the throwing form of a call, made from the one that reports through
// std::error_code, and room for both.
#pragma once

#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/endpoint.hpp>
#include <moor/stack.hpp>

namespace moor::net {

/// First thing in a call that is about to use operations: their frames are larger than what code with stack checks
/// leaves free, before and after the place where the stack settles (iocp::prepare_stack). Held by tests.
inline void make_room_for_call() noexcept { ensure_stack(512); }

/// Throws std::system_error with `what`, which says what was tried, and with "<what> <where>".
[[noreturn]] void throw_about(const std::error_code& error, const char* what);
[[noreturn]] void throw_about(const std::error_code& error, const char* what, const endpoint& where);
[[noreturn]] void throw_about(const std::error_code& error, const char* what, const std::filesystem::path& where);

/// Returns call(error); throws about `what` and `where` when it set the error.
template <class Call, class... Where>
std::invoke_result_t<Call&, std::error_code&> or_throw(const char* what, Call&& call, const Where&... where) {
    std::error_code error;
    if constexpr (std::is_void_v<std::invoke_result_t<Call&, std::error_code&>>) {
        call(error);
        if (error) {
            throw_about(error, what, where...);
        }
    } else {
        auto result = call(error);
        if (error) {
            throw_about(error, what, where...);
        }
        return result;
    }
}

} // namespace moor::net
