// What the public faces of sockets share: the throwing form of a call, made from the one that reports through
// std::error_code. On a stack that moves, a throw of the library's has to come from where nothing is left to destroy:
// its frames never run again then (law 3, unwind/landing_pads.hpp).
#pragma once

#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/endpoint.hpp>

namespace moor::net {

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
        if (!error) {
            return;
        }
    } else {
        auto result = call(error);
        if (!error) {
            return result;
        }
    }
    throw_about(error, what, where...);
}

} // namespace moor::net
