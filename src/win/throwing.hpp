// The throwing form of a call, made from the one that reports through std::error_code. On a stack that moves, a throw
// of the library's has to come from where nothing is left to destroy: its frames never run again then (law 3,
// unwind/landing_pads.hpp).
#pragma once

#include <exception>
#include <system_error>
#include <type_traits>

namespace moor::win {

/// Throws std::system_error with `what`, which begins with "moor: ".
[[noreturn]] void throw_about(const std::error_code& error, const char* what);

/// Returns call(error); when it set the error, throw_it(error) is called instead and does not return.
template <class Call, class Throw>
std::invoke_result_t<Call&, std::error_code&> or_throw_by(Throw&& throw_it, Call&& call) {
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
    throw_it(error);
    std::terminate(); // never
}

/// The same; throws about `what`.
template <class Call>
std::invoke_result_t<Call&, std::error_code&> or_throw(const char* what, Call&& call) {
    return or_throw_by([what](const std::error_code& error) { throw_about(error, what); }, call);
}

} // namespace moor::win
