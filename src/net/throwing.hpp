// The throwing form of a call, made from the one that reports through std::error_code.
#pragma once

#include <system_error>
#include <type_traits>
#include <utility>

namespace moor::net {

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
