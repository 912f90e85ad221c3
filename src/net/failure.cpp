// A list of the errors that concern the socket, the machine or the call; any other number is attributed to the peer or
// the network.
#include "net/failure.hpp"

#include <chrono>

#include <moor/error.hpp>
#include <moor/this_coroutine.hpp>

#include "win/windows.hpp"

namespace moor::net {

failure_of whose_failure(const std::error_code& error, bool by_packet) noexcept {
    if (error.category() != winsock_category()) {
        return failure_of::socket; // moor's own: a deadline, a stop, no memory
    }
    // What has no portable name: the state of Winsock itself, 10091 to 10107.
    if (error.value() >= WSASYSNOTREADY && error.value() <= WSASYSCALLFAILURE && error.value() != WSAEDISCON) {
        return failure_of::socket;
    }
    const std::error_condition meaning = error.default_error_condition();
    if (meaning.category() != std::generic_category()) {
        return failure_of::network;
    }
    switch (static_cast<std::errc>(meaning.value())) {
    case std::errc::invalid_argument: return by_packet ? failure_of::network : failure_of::socket;
    // The socket.
    case std::errc::operation_canceled:
    case std::errc::interrupted:
    case std::errc::not_a_socket:
    case std::errc::bad_file_descriptor:
    // The machine.
    case std::errc::too_many_files_open:
    case std::errc::no_buffer_space:
    case std::errc::not_enough_memory:
    case std::errc::resource_unavailable_try_again:
    case std::errc::network_down:
    // The call.
    case std::errc::bad_address:
    case std::errc::message_size:
    case std::errc::operation_not_supported:
    case std::errc::not_supported:
    case std::errc::no_protocol_option:
    case std::errc::protocol_not_supported:
    case std::errc::wrong_protocol_type:
    case std::errc::address_family_not_supported:
    case std::errc::destination_address_required:
    case std::errc::operation_in_progress:
    case std::errc::operation_would_block:
    case std::errc::connection_already_in_progress: return failure_of::socket;
    case std::errc::not_connected:
    case std::errc::already_connected:
    case std::errc::broken_pipe: return failure_of::connection;
    default: return failure_of::network;
    }
}

void patience::passed_over(const wait_limit& limit) {
    constexpr unsigned per_turn = 16;
    constexpr unsigned unusual = 256; // more than a backlog of dead connections, or of reports on what was sent
    ++in_a_row_;
    if (in_a_row_ % per_turn != 0) {
        return;
    }
    if (in_a_row_ < unusual) {
        this_coroutine::yield();
        return;
    }
    std::error_code ended;
    this_coroutine::sleep_for(std::chrono::milliseconds(1), limit, ended);
}

} // namespace moor::net
