// Every entry of the table of system calls (win/system_calls.hpp): its number, the errors that it can fail with, and
// what its caller sees then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "win/system_calls.hpp"

/// The members of win::system_calls, in their order.
#define MOOR_TEST_ENTRIES(with)                                                                                        \
    with(receive) with(send) with(accept) with(connect) with(receive_from) with(send_to) with(receive_message)         \
        with(send_message) with(disconnect) with(send_file) with(result) with(control) with(cancel) with(associate)    \
            with(skip_packets) with(dequeue) with(post) with(start_up) with(clean_up) with(list_providers)             \
                with(open_socket) with(close_socket) with(bind) with(listen) with(set_peer) with(shut_down)            \
                    with(set_option) with(local_name) with(peer_name) with(bytes_at_hand) with(open_file)              \
                        with(read_file) with(file_size) with(file_type) with(make_event) with(close_handle)            \
                            with(wait_for) with(set_event) with(wait_on_address) with(wake_one_by_address)             \
                                with(wake_all_by_address) with(queue_apc) with(sleep) with(yield_thread)               \
                                    with(start_thread) with(version) with(read_memory)

namespace moor::test {

enum class entry : unsigned {
#define MOOR_TEST_ENTRY(name) name,
    MOOR_TEST_ENTRIES(MOOR_TEST_ENTRY)
#undef MOOR_TEST_ENTRY
        how_many,
};
inline constexpr std::size_t entry_count = static_cast<std::size_t>(entry::how_many);
static_assert(sizeof(win::system_calls) == entry_count * sizeof(void (*)()), "an entry is missing here");

/// What the function returns when it fails.
enum class fails_as : std::uint8_t {
    zero,      ///< FALSE, a null handle
    all_ones,  ///< SOCKET_ERROR, INVALID_SOCKET, INVALID_HANDLE_VALUE, WAIT_FAILED
    the_error, ///< the error itself
    not_at_all ///< it returns nothing, or nothing that says so
};

struct entry_rule {
    const char* name; ///< the system's
    fails_as result;
    /// Each reported to the caller, passed over or made up for.
    std::span<const int> errors;
    /// Each the end of the process, with a message that names the function: losing the call would be a hang.
    std::span<const int> final_errors{};
    /// It has done its work all the same: a handle is closed.
    bool works = false;
};

[[nodiscard]] const entry_rule& rule_of(entry which);

} // namespace moor::test
