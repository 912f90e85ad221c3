// The calls that room_test.cpp makes: what they are made on, and how each is described.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <moor/moor.hpp>
#include <moor/stack.hpp>

#include "support/tcp_pair.hpp"
#include "win/spin_lock.hpp"
#include "win/system_lock.hpp"

/// Code with this attribute has no stack check.
#define MOOR_TEST_UNCHECKED __attribute__((no_split_stack, annotate("moor::any_stack")))

namespace moor::test::room {

/// What the calls are made on. Lives in the frame of a coroutine with a reserved stack.
struct surroundings {
    mutex guard;
    shared_mutex shared;
    semaphore units;
    channel<int> passage{0};
    channel<int> other_passage{0};
    wait_group pending{1};
    condition_variable changed;
    once loaded;
    std::stop_source stop;
    wait_limit limit;    // a deadline that comes soon, and a token
    wait_limit patience; // one that does not, and a token
    std::error_code error;
    std::optional<int> value;
    join_handle<void> handle;
    tcp_listener listener;
    test::tcp_pair connection;
    tcp_stream made;
    udp_socket datagrams;
    udp_socket other_datagrams;
    received_message received;
    message_options options;
    sendable_file file;
    std::filesystem::path path;
    endpoint place;
    endpoint other_place; // where other_datagrams is
    std::array<std::byte, 100> buffer{};
    bool held = false;
    moor::detail::spin_lock spinning;
    win::system_lock waiting;
    std::thread holder; // of one of the two, for as long as no short wait helps
    std::string text;
};

/// Where an action calls the library from.
struct call_site {
    std::uintptr_t lowest = 0; // no code with checks can be below this
    std::uintptr_t at = 0;     // 0 when the action found itself below it, and did nothing

    [[gnu::always_inline]] bool reachable() noexcept {
        std::uintptr_t pointer = 0;
        asm volatile("mov %%rsp, %0" : "=r"(pointer));
        at = pointer >= lowest ? pointer : 0;
        return at != 0;
    }
};

struct probe {
    std::string_view name;
    void (*prepare)(surroundings&);            // on a reserved stack, before
    void (*action)(surroundings&, call_site&); // the call, on the stack of 2 KiB
    void (*helper)(surroundings&);             // on a reserved stack, while the action waits or after it
};

/// All of them; in room_probes.cpp.
[[nodiscard]] std::span<const probe> all_probes();

} // namespace moor::test::room
