// How socket options are set: where the system's function has room (law 6), its Winsock error for an answer.
#pragma once

#include <system_error>

#include "win/error.hpp"
#include "win/socket.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"

namespace moor::net {

/// What a Winsock function of the old kind reports, called where it has room.
template <class Call>
[[nodiscard]] std::error_code error_of(Call call) noexcept {
    const int result = win::call_on_system_stack(call);
    return result == 0 ? std::error_code{} : win::to_error(win::last_error_number());
}

template <class Value>
[[nodiscard]] std::error_code set_option(const win::unique_socket& socket, int level, int option,
                                         const Value& value) noexcept {
    return error_of([&] {
        return win::system().set_option(socket.get(), level, option, reinterpret_cast<const char*>(&value),
                                        static_cast<int>(sizeof value));
    });
}

} // namespace moor::net
