// What the public faces of sockets share: throws that say where a call was to go. As in win/throwing.hpp they come from
// where nothing is left to destroy (law 3).
#pragma once

#include <filesystem>
#include <system_error>
#include <type_traits>

#include <moor/endpoint.hpp>

#include "win/throwing.hpp"

namespace moor::net {

using win::throw_about;

/// Throws std::system_error with "<what> <where>".
[[noreturn]] void throw_about(const std::error_code& error, const char* what, const endpoint& where);
[[noreturn]] void throw_about(const std::error_code& error, const char* what, const std::filesystem::path& where);

using win::or_throw;

/// The same; throws about `what` and `where`.
template <class Call, class Where>
std::invoke_result_t<Call&, std::error_code&> or_throw(const char* what, Call&& call, const Where& where) {
    return win::or_throw_by([&](const std::error_code& error) { throw_about(error, what, where); }, call);
}

} // namespace moor::net
